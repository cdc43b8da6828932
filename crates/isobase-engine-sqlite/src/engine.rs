//! The engine.

use std::{
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use isobase_engine::{
    AllTerms, ChangeFeed, ChangesPage, ChangesRequest, Clock, CollectionInfo, CollectionTerms,
    Cutoff, Engine, EngineError, ErrorKind, Identity, IndexDefinition, IndexInfo, IndexState,
    Indexes, Keep, Keeping, Limits, ListRequest, Listing, Loading, SteadyTime, Terms,
    WRITING_STOPPED, Waiting, WriteBatch, WriteReport, listing::reads_at_most, settle_age_index,
};
use isobase_sqlite::{Database, WriteJob, Writer, WriterState};
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence};

use crate::{
    SqliteOptions,
    catalogue::{Catalogue, Collection, Index},
    changes,
    collections::DeleteCollection,
    error::{engine_error, load_error, open_error},
    fetch,
    handler::{Handler, Told},
    index_jobs::{DeclareIndex, DropIndex, FillIndex},
    limits::LIMITS,
    read::{self, Expired},
    retention::Retention,
    schema,
    write::Write,
};

/// Documents a listing may read on the calling thread: about 100 µs of work.
const INLINE_DOCUMENTS_MAX: u64 = 200;

/// Documents in one SQLite file.
pub struct SqliteEngine {
    writer: Writer<Handler>,
    database: Database,
    /// Replaced by the writer after a commit.
    catalogue: Arc<ArcSwap<Catalogue>>,
    options: SqliteOptions,
    /// Read by the writer.
    pub(crate) loading: Arc<Loading>,
    /// Told by the writer.
    pub(crate) waiting: Arc<Waiting>,
    /// Read by the writer.
    keeping: Arc<Keeping>,
    /// Read by the writer and by every read.
    terms: Arc<AllTerms>,
    time: Arc<SteadyTime>,
}

impl SqliteEngine {
    /// Opens or creates the file. Blocking.
    ///
    /// # Errors
    /// When the file is in use, is not ours, is newer than this program, or cannot be read; the
    /// message names the file.
    pub fn open(options: SqliteOptions, clock: Arc<dyn Clock>) -> Result<Self, EngineError> {
        let database = Database::open(options.file.clone(), schema::prepare).map_err(open_error)?;
        let failed = |error| load_error(database.path(), error);
        let catalogue = database.read_inline(Catalogue::load).map_err(failed)?;
        let catalogue = Arc::new(ArcSwap::from_pointee(catalogue));
        let retention = Retention {
            changes: options.changes_retention,
            changes_max: options.changes_max,
            idempotency: options.idempotency_retention,
        };
        let published = Arc::clone(&catalogue);
        let latest = database.read_inline(|it| read::counter(it, "sequence")).map_err(failed)?;
        let waiting = Arc::new(Waiting::at(Sequence(latest)));
        let told = Told { waiting, ..Told::default() };
        let (of_writer, time) = (told.clone(), Arc::new(SteadyTime::new(clock)));
        let writer_time = Arc::clone(&time);
        let writer = database
            .start_writer(|connection| {
                Handler::new(connection, published, of_writer, writer_time, retention)
            })
            .map_err(failed)?;
        let Told { loading, waiting, keeping, terms } = told;
        Ok(Self { writer, database, catalogue, options, loading, waiting, keeping, terms, time })
    }

    /// The file underneath, for its lock and its counters.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Which documents of a collection have expired by now.
    fn cutoff(&self, collection: &CollectionName) -> Option<Cutoff> {
        self.terms.cutoff(collection, || self.time.now())
    }

    /// The same with the index that leads to them.
    fn expired_of(&self, name: &CollectionName, collection: &Collection) -> Option<Expired> {
        let cutoff = self.cutoff(name)?;
        collection.age_index().map(|index| Expired { cutoff, index })
    }

    fn collection(&self, name: &CollectionName) -> Option<Arc<Collection>> {
        self.catalogue.load().by_name.get(name).cloned()
    }

    fn get_now(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        let Some(number) =
            self.catalogue.load().by_name.get(collection).map(|collection| collection.id)
        else {
            return Ok(None);
        };
        let found = self
            .database
            .read_short(|connection| fetch::document(connection, number, id))
            .map_err(engine_error)?;
        let cutoff = self.cutoff(collection);
        Ok(found.filter(|found| !Cutoff::has_passed(cutoff, found.updated_at)))
    }

    async fn submit<J: WriteJob<Handler>>(&self, job: J) -> Result<J::Reply, EngineError> {
        self.submit_within(job, self.options.queue_timeout).await
    }

    /// Has a job done that may wait so long for its place in the queue.
    pub(crate) async fn submit_within<J: WriteJob<Handler>>(
        &self,
        job: J,
        queue_timeout: Duration,
    ) -> Result<J::Reply, EngineError> {
        self.writer.submit(job, queue_timeout).await.map_err(engine_error)?
    }

    async fn list_page(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        let cutoff = self.cutoff(collection);
        let Some(collection) = self.collection(collection) else {
            return Ok(Listing::default());
        };
        let (id, indexes) = (collection.id, collection.ready_indexes());
        // Any number of documents may have expired that stand before the first that has not.
        if cutoff.is_none() && reads_at_most(request, &indexes, INLINE_DOCUMENTS_MAX) {
            return self
                .database
                .read_short(|connection| read::list(connection, id, &indexes, request, None))
                .map_err(engine_error)?;
        }
        let request = request.clone();
        let read = move |connection: &_| read::list(connection, id, &indexes, &request, cutoff);
        self.database.read(self.options.read_timeout, read).await.map_err(engine_error)?
    }

    async fn count_matching(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        let name = collection;
        let Some(collection) = self.collection(collection) else { return Ok(0) };
        let expired = self.expired_of(name, &collection);
        if *filter == Filter::all() && expired.is_none() {
            return Ok(collection.documents.load(Ordering::Acquire));
        }
        let (id, indexes, filter) = (collection.id, collection.ready_indexes(), filter.clone());
        let read = move |connection: &_| {
            read::count(connection, id, &indexes, expired, (&filter, scan_max))
        };
        self.database.read(self.options.read_timeout, read).await.map_err(engine_error)?
    }

    async fn build_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError> {
        let (name, wanted) = (collection.clone(), definition.clone());
        let mut fill = self.submit(DeclareIndex { collection: name, definition: wanted }).await?;
        while let Some(step) = fill {
            fill = self.submit(FillIndex(step)).await??;
        }
        Ok(IndexInfo { definition: definition.clone(), state: IndexState::Ready })
    }

    async fn changes_page(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        let (since, limit, bodies) = (request.since, request.limit, request.bodies);
        // A collection no one ever wrote to has no changes; number 0 is never given.
        let number = |name| self.collection(name).map_or(0, |collection| collection.id);
        let collection = request.collection.as_ref().map(number);
        let read =
            move |connection: &_| changes::changes(connection, since, collection, limit, bodies);
        let page =
            self.database.read(self.options.read_timeout, read).await.map_err(engine_error)??;
        Ok(page)
    }
}

#[async_trait]
impl Engine for SqliteEngine {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn limits(&self) -> &Limits {
        &LIMITS
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        self.database.read_short(read::identity).map_err(engine_error)
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        self.get_now(collection, id)
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.submit(Write { batch, atomic: false }).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.list_page(collection, request).await
    }

    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        self.count_matching(collection, filter, scan_max).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let mut infos = self.catalogue.load().collections();
        for info in infos.iter_mut().filter(|info| self.cutoff(&info.name).is_some()) {
            let all = const { &Filter::And(Vec::new()) };
            info.documents = self.count_matching(&info.name, all, u64::MAX).await?;
        }
        infos.retain(|info| info.documents > 0);
        Ok(infos)
    }

    async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        self.submit(DeleteCollection(collection.clone())).await
    }

    async fn check(&self) -> Result<(), EngineError> {
        match self.database.state() {
            WriterState::Failed { reason } => Err(EngineError::new(
                ErrorKind::Unavailable,
                format!("{WRITING_STOPPED}: {reason}; restart the service to recover"),
            )),
            _ => self
                .database
                .read_inline(|connection| read::counter(connection, "sequence"))
                .map(|_| ())
                .map_err(engine_error),
        }
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.waiting.close();
        self.database.close().map_err(engine_error)
    }

    async fn write_atomic(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.submit(Write { batch, atomic: true }).await
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let metrics = self.database.metrics();
        vec![
            ("writer_queue_jobs", metrics.queue_jobs as f64),
            ("writer_batches_total", metrics.batches as f64),
            ("writer_jobs_total", metrics.jobs as f64),
            ("writer_last_batch_jobs", metrics.last_batch_jobs as f64),
            ("writer_rollbacks_total", metrics.rollbacks as f64),
            ("writer_last_commit_seconds", metrics.last_commit.as_secs_f64()),
            ("writer_commits_seconds_total", metrics.commits.as_secs_f64()),
            ("log_pages", metrics.log_pages as f64),
            ("reads_waiting", metrics.scans_waiting as f64),
        ]
    }
}

#[async_trait]
impl ChangeFeed for SqliteEngine {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        self.changes_page(request).await
    }

    fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.keeping.set(collection, keep);
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        let read = self.database.read_inline(|connection| read::counter(connection, "sequence"));
        read.map(Sequence).map_err(engine_error)
    }

    async fn wait(
        &self,
        since: Sequence,
        collection: Option<&CollectionName>,
    ) -> Result<(), EngineError> {
        self.waiting.wait(since, collection).await;
        Ok(())
    }
}

#[async_trait]
impl CollectionTerms for SqliteEngine {
    async fn set_terms(
        &self,
        collection: &CollectionName,
        terms: Terms,
    ) -> Result<(), EngineError> {
        // From here on the clock is looked at.
        self.time.now();
        settle_age_index(self, collection, terms).await?;
        self.terms.set(collection, terms);
        Ok(())
    }

    fn expiring(&self) -> Vec<CollectionName> {
        self.terms.expiring()
    }

    async fn expired(
        &self,
        collection: &CollectionName,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        let name = collection;
        let Some(span) = self.terms.of(name).expires else { return Ok(Vec::new()) };
        let Some(collection) = self.collection(name) else { return Ok(Vec::new()) };
        let Some(index) = collection.age_index() else { return Ok(Vec::new()) };
        self.time.now();
        let expired = Expired { cutoff: Cutoff(self.time.oldest(span)), index };
        let read = move |connection: &_| {
            read::expired_documents(connection, collection.id, expired, limit)
        };
        self.database.read(self.options.read_timeout, read).await.map_err(engine_error)
    }
}

#[async_trait]
impl Indexes for SqliteEngine {
    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        let info =
            |index: &Index| IndexInfo { definition: index.definition.clone(), state: index.state };
        let indexes =
            self.collection(collection).map(|found| found.declared_indexes().map(info).collect());
        Ok(indexes.unwrap_or_default())
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        Ok(self.catalogue.load().indexed_collections())
    }

    async fn create_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError> {
        self.build_index(collection, definition).await
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, EngineError> {
        let (collection, definition) = (collection.clone(), definition.clone());
        self.submit(DropIndex { collection, definition }).await
    }
}
