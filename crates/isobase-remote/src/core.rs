//! What lives as long as the engine: the writer and work beside it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use futures_util::{FutureExt, future::BoxFuture};
use isobase_engine::EngineError;
use isobase_types::CollectionName;
use tokio::{sync::watch, task::JoinSet};

use crate::{
    Backend, deletion::Purge, error::copy_of, read::Reading, shared::Shared, writer::Writer,
};

/// Taking a collection in; many may wait for it.
type Adoption = futures_util::future::Shared<BoxFuture<'static, Result<(), Arc<EngineError>>>>;

pub(crate) struct Core<B> {
    pub(crate) shared: Arc<Shared<B>>,
    pub(crate) writer: Writer,
    /// Work that goes on after its caller was answered.
    tasks: Mutex<JoinSet<()>>,
    adoptions: Mutex<HashMap<CollectionName, Adoption>>,
    /// Deleted collections that this process clears.
    pub(crate) purges: Mutex<HashMap<CollectionName, Purge>>,
    closing: watch::Sender<bool>,
}

impl<B: Backend> Core<B> {
    pub(crate) fn new(shared: Arc<Shared<B>>, writer: Writer) -> Self {
        Self {
            shared,
            writer,
            tasks: Mutex::default(),
            adoptions: Mutex::default(),
            purges: Mutex::default(),
            closing: watch::Sender::new(false),
        }
    }

    /// What a listing or count needs to know; none when the collection has no documents. Takes
    /// in first what other programs wrote into a collection that is new to us.
    pub(crate) async fn reading<'a>(
        self: &'a Arc<Self>,
        collection: &'a CollectionName,
    ) -> Result<Option<Reading<'a, B>>, EngineError> {
        let shared = &*self.shared;
        if shared.backend.refuses_collection(collection).is_some() {
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
            None if shared.backend.count(collection).await? == 0 => return Ok(None),
            _ => {
                self.adopt(collection).await?;
                catalogue = shared.catalogue.get();
            }
        }
        Ok(Some(Reading::new(shared, collection, generation, &catalogue)))
    }

    /// Takes in what other programs wrote into a collection that is new to us.
    async fn adopt(self: &Arc<Self>, collection: &CollectionName) -> Result<(), EngineError> {
        let adoption = {
            let mut adoptions = lock(&self.adoptions);
            match adoptions.get(collection) {
                Some(under_way) => under_way.clone(),
                None => {
                    let (core, name) = (Arc::clone(self), collection.clone());
                    // It goes on when those who wait for it have given up.
                    let task = tokio::spawn(async move {
                        let adopted = core.adopt_now(&name).await;
                        lock(&core.adoptions).remove(&name);
                        adopted.map_err(Arc::new)
                    });
                    let adoption = async { task.await.unwrap_or_else(|_| Err(ended())) };
                    let adoption = adoption.boxed().shared();
                    adoptions.insert(collection.clone(), adoption.clone());
                    adoption
                }
            }
        };
        adoption.await.map_err(|error| copy_of(&error))
    }

    /// Does something that goes on after its caller has gone, and that closing waits for.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = lock(&self.tasks);
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
        let mut tasks = std::mem::take(&mut *lock(&self.tasks));
        let deadline = self.shared.deadline();
        // What is cut off here is finished when the database is opened again.
        let ended = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout_at(deadline, ended).await.is_err() {
            tasks.abort_all();
        }
        let written = self.writer.close().await;
        self.shared.close();
        let closed = self.shared.backend.close().await;
        written.and(closed)
    }
}

fn ended() -> Arc<EngineError> {
    let message = "taking in what other programs wrote ended by a mistake";
    Arc::new(EngineError::new(isobase_engine::ErrorKind::Unexpected, message))
}

/// A panic elsewhere cannot leave these half changed.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
