//! A file that is read and never written to, also beside a process that has it open.

use isobase_engine::{
    AtomicBatches, ChangeFeed, ChangesPage, ChangesRequest, CollectionInfo, Engine, EngineError,
    Identity, IndexDefinition, IndexInfo, Indexes, Keep, Limits, ListRequest, Listing, Pending,
    Snapshot, Snapshots, WriteBatch, WriteReport, look_for_changes, refused_to_write,
};
use isobase_sqlite::{Database, rusqlite};
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence};

use crate::{
    SqliteOptions,
    catalogue::{Catalogue, Collection, Index},
    error::{engine_error, open_error},
    limits::LIMITS,
    read,
    transfer::snapshot_of,
};

/// Reads a file beside the service that has it open: whole, by id, and by its change feed.
///
/// The catalogue is read anew by each call, as the other process changes it. Whatever writes is
/// [`isobase_engine::ErrorKind::Unsupported`].
pub struct SqliteReader {
    database: Database,
    options: SqliteOptions,
}

impl SqliteReader {
    /// Opens the file. Blocking.
    ///
    /// # Errors
    /// When the file is not there, is not ours, or has another schema than this program knows.
    pub fn open(options: SqliteOptions) -> Result<Self, EngineError> {
        let database = Database::open_beside(options.file.clone()).map_err(open_error)?;
        Ok(Self { database, options })
    }

    /// The note of a load that was begun and not finished.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.database.read_inline(read::unfinished).map_err(engine_error)
    }

    /// Reads something of a collection, if there is such a collection.
    async fn of_collection<T: Send + 'static>(
        &self,
        name: &CollectionName,
        then: impl FnOnce(&rusqlite::Connection, &Collection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<Option<T>, EngineError> {
        let name = name.clone();
        let read = move |connection: &rusqlite::Connection| {
            let catalogue = Catalogue::load(connection)?;
            let found = catalogue.by_name.get(&name);
            found.map(|collection| then(connection, collection)).transpose()
        };
        self.database.read(self.options.read_timeout, read).await.map_err(engine_error)
    }

    async fn changes_page(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        let (since, limit, bodies) = (request.since, request.limit, request.bodies);
        let collection = match &request.collection {
            Some(name) => {
                let id = self.of_collection(name, |_, collection| Ok(collection.id)).await?;
                Some(id.unwrap_or(0))
            }
            None => None,
        };
        let read =
            move |connection: &_| read::changes(connection, since, collection, limit, bodies);
        let page =
            self.database.read(self.options.read_timeout, read).await.map_err(engine_error)??;
        Ok(page)
    }
}

impl Engine for SqliteReader {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn limits(&self) -> &Limits {
        &LIMITS
    }

    fn identity(&self) -> Pending<'_, Identity> {
        let identity = self.database.read_inline(read::identity).map_err(engine_error);
        Box::pin(std::future::ready(identity))
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        Box::pin(async move {
            let id = id.clone();
            let found = self.of_collection(collection, move |connection, collection| {
                read::document(connection, collection.id, &id)
            });
            Ok(found.await?.flatten())
        })
    }

    fn write(&self, _batch: WriteBatch) -> Pending<'_, WriteReport> {
        refused_to_write()
    }

    fn list<'a>(
        &'a self,
        collection: &'a CollectionName,
        request: &'a ListRequest,
    ) -> Pending<'a, Listing> {
        Box::pin(async move {
            let request = request.clone();
            let listed = self.of_collection(collection, move |connection, collection| {
                let indexes = collection.ready_indexes();
                read::list(connection, collection.id, &indexes, &request, None)
            });
            listed.await?.unwrap_or_else(|| Ok(Listing::default()))
        })
    }

    fn count<'a>(
        &'a self,
        collection: &'a CollectionName,
        filter: &'a Filter,
        scan_max: u64,
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            let filter = filter.clone();
            let counted = self.of_collection(collection, move |connection, collection| {
                let indexes = collection.ready_indexes();
                read::count(connection, collection.id, &indexes, None, (&filter, scan_max))
            });
            counted.await?.unwrap_or(Ok(0))
        })
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        let catalogue = self.database.read_inline(Catalogue::load).map_err(engine_error);
        Box::pin(std::future::ready(catalogue.map(|catalogue| catalogue.collections())))
    }

    fn delete_collection<'a>(&'a self, _collection: &'a CollectionName) -> Pending<'a, u64> {
        refused_to_write()
    }

    fn check(&self) -> Pending<'_, ()> {
        let read = self.database.read_inline(|connection| read::counter(connection, "sequence"));
        Box::pin(std::future::ready(read.map(|_| ()).map_err(engine_error)))
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(std::future::ready(self.database.close().map_err(engine_error)))
    }

    fn atomic_batches(&self) -> Option<&dyn AtomicBatches> {
        None
    }

    fn change_feed(&self) -> Option<&dyn ChangeFeed> {
        Some(self)
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        Some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

impl Snapshots for SqliteReader {
    fn snapshot(&self) -> Pending<'_, Box<dyn Snapshot>> {
        Box::pin(snapshot_of(&self.database))
    }
}

impl ChangeFeed for SqliteReader {
    fn read_changes<'a>(&'a self, request: &'a ChangesRequest) -> Pending<'a, ChangesPage> {
        Box::pin(self.changes_page(request))
    }

    /// Nothing is written here.
    fn keep(&self, _collection: &CollectionName, _keep: Keep) {}

    fn latest(&self) -> Pending<'_, Sequence> {
        let read = self.database.read_inline(|connection| read::counter(connection, "sequence"));
        Box::pin(std::future::ready(read.map(Sequence).map_err(engine_error)))
    }

    /// Nobody tells of the other process's commits: whoever waits looks. One command waits here,
    /// and no service.
    fn wait<'a>(
        &'a self,
        since: Sequence,
        _collection: Option<&'a CollectionName>,
    ) -> Pending<'a, ()> {
        Box::pin(look_for_changes(self, since))
    }
}

impl Indexes for SqliteReader {
    fn indexes<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, Vec<IndexInfo>> {
        Box::pin(async move {
            let info = |index: &Index| IndexInfo {
                definition: index.definition.clone(),
                state: index.state,
            };
            let read = self.of_collection(collection, move |_, collection| {
                Ok(collection.declared_indexes().map(info).collect())
            });
            Ok(read.await?.unwrap_or_default())
        })
    }

    fn indexed_collections(&self) -> Pending<'_, Vec<CollectionName>> {
        let catalogue = self.database.read_inline(Catalogue::load).map_err(engine_error);
        Box::pin(std::future::ready(catalogue.map(|catalogue| catalogue.indexed_collections())))
    }

    fn create_index<'a>(
        &'a self,
        _collection: &'a CollectionName,
        _definition: &'a IndexDefinition,
    ) -> Pending<'a, IndexInfo> {
        refused_to_write()
    }

    fn drop_index<'a>(
        &'a self,
        _collection: &'a CollectionName,
        _definition: &'a IndexDefinition,
    ) -> Pending<'a, bool> {
        refused_to_write()
    }
}
