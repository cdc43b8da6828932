//! A file that is read and never written to, also beside a process that has it open.

use isobase_engine::{
    ChangesPage, ChangesRequest, CollectionInfo, EngineError, Identity, IndexInfo, Limits,
    ListRequest, Listing, ReadOnly, Reader, Snapshot,
};
use isobase_sqlite::{Database, rusqlite};
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence};

use crate::{
    SqliteOptions,
    catalogue::{Catalogue, Collection, Index},
    changes,
    error::{engine_error, open_error},
    fetch,
    limits::LIMITS,
    read,
    transfer::snapshot_of,
};

/// Reads a file beside the service that has it open: whole, by id, and by its change feed.
///
/// The catalogue is read anew by each call, as the other process changes it.
pub struct SqliteReader {
    database: Database,
    options: SqliteOptions,
}

impl SqliteReader {
    /// Opens the file. Blocking.
    ///
    /// # Errors
    /// When the file is not there, is not ours, or has another schema than this program knows.
    pub fn open(options: SqliteOptions) -> Result<ReadOnly<Self>, EngineError> {
        let database = Database::open_beside(options.file.clone()).map_err(open_error)?;
        Ok(ReadOnly(Self { database, options }))
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
            move |connection: &_| changes::changes(connection, since, collection, limit, bodies);
        let page =
            self.database.read(self.options.read_timeout, read).await.map_err(engine_error)??;
        Ok(page)
    }
}

impl Reader for SqliteReader {
    fn name(&self) -> &'static str {
        "sqlite"
    }

    fn limits(&self) -> &Limits {
        &LIMITS
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        self.database.read_inline(read::identity).map_err(engine_error)
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        let id = id.clone();
        let found = self.of_collection(collection, move |connection, collection| {
            fetch::document(connection, collection.id, &id)
        });
        Ok(found.await?.flatten())
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        let request = request.clone();
        let listed = self.of_collection(collection, move |connection, collection| {
            let indexes = collection.ready_indexes();
            read::list(connection, collection.id, &indexes, &request, None)
        });
        listed.await?.unwrap_or_else(|| Ok(Listing::default()))
    }

    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        let filter = filter.clone();
        let counted = self.of_collection(collection, move |connection, collection| {
            let indexes = collection.ready_indexes();
            read::count(connection, collection.id, &indexes, None, (&filter, scan_max))
        });
        counted.await?.unwrap_or(Ok(0))
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let catalogue = self.database.read_inline(Catalogue::load).map_err(engine_error);
        catalogue.map(|catalogue| catalogue.collections())
    }

    async fn check(&self) -> Result<(), EngineError> {
        let read = self.database.read_inline(|connection| read::counter(connection, "sequence"));
        read.map(|_| ()).map_err(engine_error)
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.database.close().map_err(engine_error)
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        snapshot_of(&self.database).await
    }

    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        self.changes_page(request).await
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        let read = self.database.read_inline(|connection| read::counter(connection, "sequence"));
        read.map(Sequence).map_err(engine_error)
    }

    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        let info =
            |index: &Index| IndexInfo { definition: index.definition.clone(), state: index.state };
        let read = self.of_collection(collection, move |_, collection| {
            Ok(collection.declared_indexes().map(info).collect())
        });
        Ok(read.await?.unwrap_or_default())
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        let catalogue = self.database.read_inline(Catalogue::load).map_err(engine_error);
        catalogue.map(|catalogue| catalogue.indexed_collections())
    }

    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.database.read_inline(read::unfinished).map_err(engine_error)
    }
}
