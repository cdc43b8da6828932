//! Parts that live as long as the engine: the writer and work beside it.

use std::{collections::HashMap, sync::Arc};

use futures_util::{FutureExt, future::BoxFuture};
use isobase_engine::{Action, EngineError, IfMissing, Precondition, WriteBatch, WriteOperation};
use isobase_types::CollectionName;
use parking_lot::Mutex;
use tokio::{sync::watch, task::JoinSet, time::Instant};

use crate::{
    CatalogueEntry, DocumentDatabase,
    error::{copy_of, within},
    looked::Looked,
    read::Reading,
    shared::Shared,
    writer::Writer,
};

/// How many deadlines of a call a new collection may take: a table is made in seconds, sometimes
/// in a minute.
const READY_DEADLINES: u32 = 6;

/// Work on a collection; many may wait for it.
type UnderWay = futures_util::future::Shared<BoxFuture<'static, Result<(), Arc<EngineError>>>>;

/// Clearing a collection; many may wait for it.
pub(crate) type Purge = futures_util::future::Shared<BoxFuture<'static, ()>>;

/// The work under way on each collection.
type AllUnderWay = Mutex<HashMap<CollectionName, UnderWay>>;

pub(crate) struct Core<B: DocumentDatabase> {
    pub(crate) shared: Arc<Shared<B>>,
    pub(crate) writer: Writer<B>,
    /// What was looked at for documents of other programs.
    pub(crate) looked: Mutex<HashMap<CollectionName, Looked>>,
    /// Work that goes on after its caller was answered.
    tasks: Mutex<JoinSet<()>>,
    adoptions: AllUnderWay,
    preparations: AllUnderWay,
    /// Deleted collections that this process clears.
    pub(crate) purges: Mutex<HashMap<CollectionName, Purge>>,
    closing: watch::Sender<bool>,
    /// Looks for the commits of other processes; ends with this.
    looking: Mutex<JoinSet<()>>,
}

impl<B: DocumentDatabase> Core<B> {
    pub(crate) fn new(shared: Arc<Shared<B>>, writer: Writer<B>) -> Self {
        let mut looking = JoinSet::new();
        looking.spawn(Arc::clone(&shared).look_for_others());
        Self {
            looking: Mutex::new(looking),
            shared,
            writer,
            looked: Mutex::default(),
            tasks: Mutex::default(),
            adoptions: Mutex::default(),
            preparations: Mutex::default(),
            purges: Mutex::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// The facts that a listing or count needs; `None` if the collection has no documents. Takes
    /// in first what other programs wrote into a collection that is new to us.
    pub(crate) async fn reading<'a>(
        self: &'a Arc<Self>,
        collection: &'a CollectionName,
    ) -> Result<Option<Reading<'a, B>>, EngineError> {
        let shared = &*self.shared;
        if shared.database.refuses_collection(collection).is_some() {
            return Ok(None);
        }
        // Before the catalogue, so that no index it names ends meanwhile.
        let generation = shared.catalogue.begin_reading();
        let mut catalogue = shared.fresh_catalogue().await?;
        if catalogue.entry(collection).is_none() {
            // It may be as new as that.
            catalogue = shared.read_catalogue().await?;
        }
        match catalogue.entry(collection) {
            // Another process may have ended in the middle of it.
            Some(entry) if entry.deleting.is_some() => drop(self.purge(collection)),
            Some(entry) if !entry.needs_adoption() => {}
            None if shared.database.count(collection).await? == 0 => return Ok(None),
            _ => {
                self.adopt(collection).await?;
                catalogue = shared.catalogue.get();
            }
        }
        Ok(Some(Reading::new(shared, collection, generation, &catalogue)))
    }

    /// Takes in what other programs wrote into a collection that is new to us.
    async fn adopt(self: &Arc<Self>, collection: &CollectionName) -> Result<(), EngineError> {
        self.begin_adoption(collection).await.map_err(|error| copy_of(&error))
    }

    fn begin_adoption(self: &Arc<Self>, collection: &CollectionName) -> UnderWay {
        let (core, name) = (Arc::clone(self), collection.clone());
        once(&self.adoptions, collection, async move {
            let adopted = core.adopt_now(&name).await;
            core.adoptions.lock().remove(&name);
            adopted
        })
    }

    /// Makes collections ready natively that a batch may be the first to write into. The writer
    /// would do it too, and let everybody wait: a table takes its time. What other programs wrote
    /// there is taken in meanwhile.
    pub(crate) async fn make_ready(
        self: &Arc<Self>,
        batch: &WriteBatch,
    ) -> Result<(), EngineError> {
        let shared = &self.shared;
        let catalogue = shared.catalogue.get();
        let mut unknown: Vec<&CollectionName> = batch
            .operations
            .iter()
            .filter(|operation| may_insert(operation))
            .map(|operation| &operation.collection)
            .filter(|name| catalogue.entry(name).is_none())
            .filter(|name| shared.database.refuses_collection(name).is_none())
            .collect();
        unknown.sort();
        unknown.dedup();
        let creates =
            batch.operations.iter().filter(|it| matches!(it.action, Action::Create { .. }));
        for CatalogueEntry { collection, .. } in creates
            .filter_map(|operation| catalogue.entry(&operation.collection))
            .filter(|entry| entry.needs_adoption())
        {
            drop(self.begin_adoption(collection));
        }
        let deadline = Instant::now() + shared.options.deadline * READY_DEADLINES;
        for name in unknown {
            let (core, collection) = (Arc::clone(self), name.clone());
            let ready = once(&self.preparations, name, async move {
                let ready = core.shared.database.prepare_collection(&collection).await;
                core.preparations.lock().remove(&collection);
                if ready? {
                    // Then the next integer ids are free of those that other programs gave.
                    drop(core.begin_adoption(&collection));
                }
                Ok(())
            });
            let ready = async { ready.await.map_err(|error| copy_of(&error)) };
            within(deadline, "preparing a collection", ready).await?;
        }
        Ok(())
    }

    /// Does something that goes on after its caller has gone, and that closing waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock();
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    /// Comes when the engine is being closed.
    pub(crate) async fn closing(&self) {
        // The sender is in `self`, so it is there.
        let _ = self.closing.subscribe().wait_for(|closing| *closing).await;
    }

    /// Finishes what is under way and lets go of the database.
    pub(crate) async fn close(&self) -> Result<(), EngineError> {
        self.closing.send_replace(true);
        self.shared.waiting.close();
        self.looking.lock().abort_all();
        let mut tasks = std::mem::take(&mut *self.tasks.lock());
        let deadline = self.shared.deadline();
        // What is cut off here is finished when the database is opened again.
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, ended).await.is_err() {
            tasks.abort_all();
        }
        let written = self.writer.close().await;
        self.shared.close();
        let closed = self.shared.database.close().await;
        written.and(closed)
    }
}

/// Joins the work under way on a collection, or begins it. It goes on when those who wait for it
/// have given up, and takes itself off the list at its end.
fn once(
    all: &AllUnderWay,
    collection: &CollectionName,
    work: impl Future<Output = Result<(), EngineError>> + Send + 'static,
) -> UnderWay {
    let mut all = all.lock();
    if let Some(under_way) = all.get(collection) {
        return under_way.clone();
    }
    let task = tokio::spawn(async move { work.await.map_err(Arc::new) });
    let under_way = async { task.await.unwrap_or_else(|_| Err(ended())) }.boxed().shared();
    all.insert(collection.clone(), under_way.clone());
    under_way
}

/// Whether an operation can be the first of its collection.
fn may_insert(operation: &WriteOperation) -> bool {
    let inserts = match &operation.action {
        Action::Create { .. } => true,
        Action::Put { if_missing, .. } => *if_missing == IfMissing::Create,
        Action::Patch { .. } | Action::Delete { .. } => false,
    };
    let needs_one =
        matches!(operation.precondition, Precondition::Exists | Precondition::RevisionIn(_));
    inserts && !needs_one
}

fn ended() -> Arc<EngineError> {
    let message = "work on a collection ended by a mistake";
    Arc::new(EngineError::new(isobase_engine::ErrorKind::Unexpected, message))
}
