//! Engines of tests, which do one thing otherwise than another engine.

use async_trait::async_trait;
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence};

use crate::{
    BulkLoad, ChangeFeed, ChangesPage, ChangesRequest, CollectionInfo, CollectionTerms, Counters,
    Engine, EngineError, Identity, IndexDefinition, IndexInfo, Indexes, Keep, Limits, ListRequest,
    Listing, Rejection, Snapshot, Snapshots, Terms, WriteBatch, WriteReport,
};

/// The difference to the engine underneath: every call goes to the engine underneath, but for those that an
/// implementation has itself.
#[expect(missing_docs, reason = "as those of `Engine`")]
#[async_trait]
pub trait Alteration: Send + Sync + 'static {
    /// The engine underneath.
    fn inner(&self) -> &dyn Engine;

    fn name(&self) -> &'static str {
        self.inner().name()
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        self.inner().get(collection, id).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.inner().write(batch).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.inner().list(collection, request).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.inner().collections().await
    }

    async fn check(&self) -> Result<(), EngineError> {
        self.inner().check().await
    }

    fn lists_one_moment(&self) -> bool {
        self.inner().lists_one_moment()
    }

    fn check_document(
        &self,
        collection: &CollectionName,
        id: Option<&DocumentId>,
        body: &str,
    ) -> Result<(), Rejection> {
        self.inner().check_document(collection, id, body)
    }

    fn change_feed(&self) -> &dyn ChangeFeed {
        self.inner()
    }

    fn snapshots(&self) -> &dyn Snapshots {
        self.inner()
    }

    fn bulk_load(&self) -> &dyn BulkLoad {
        self.inner()
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.inner().gauges()
    }
}

/// An engine with an alteration.
#[derive(Debug)]
pub struct Altered<A>(pub A);

impl<A> std::ops::Deref for Altered<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.0
    }
}

#[async_trait]
impl<A: Alteration> Engine for Altered<A> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn limits(&self) -> &Limits {
        self.0.inner().limits()
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        self.0.inner().identity().await
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        self.0.get(collection, id).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.0.write(batch).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.0.list(collection, request).await
    }

    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        self.0.inner().count(collection, filter, scan_max).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.0.collections().await
    }

    async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        self.0.inner().delete_collection(collection).await
    }

    async fn check(&self) -> Result<(), EngineError> {
        self.0.check().await
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.0.inner().close().await
    }

    async fn write_atomic(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.0.inner().write_atomic(batch).await
    }

    fn shows_batches_whole(&self) -> bool {
        self.0.inner().shows_batches_whole()
    }

    fn lists_one_moment(&self) -> bool {
        self.0.lists_one_moment()
    }

    fn check_document(
        &self,
        collection: &CollectionName,
        id: Option<&DocumentId>,
        body: &str,
    ) -> Result<(), Rejection> {
        self.0.check_document(collection, id, body)
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.0.gauges()
    }
}

#[async_trait]
impl<A: Alteration> ChangeFeed for Altered<A> {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        self.0.change_feed().read_changes(request).await
    }

    fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.0.change_feed().keep(collection, keep);
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        self.0.change_feed().latest().await
    }

    async fn wait(
        &self,
        since: Sequence,
        collection: Option<&CollectionName>,
    ) -> Result<(), EngineError> {
        self.0.change_feed().wait(since, collection).await
    }
}

#[async_trait]
impl<A: Alteration> Indexes for Altered<A> {
    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        self.0.inner().indexes(collection).await
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        self.0.inner().indexed_collections().await
    }

    async fn create_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError> {
        self.0.inner().create_index(collection, definition).await
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, EngineError> {
        self.0.inner().drop_index(collection, definition).await
    }
}

#[async_trait]
impl<A: Alteration> CollectionTerms for Altered<A> {
    async fn set_terms(
        &self,
        collection: &CollectionName,
        terms: Terms,
    ) -> Result<(), EngineError> {
        self.0.inner().set_terms(collection, terms).await
    }

    fn expiring(&self) -> Vec<CollectionName> {
        self.0.inner().expiring()
    }

    async fn expired(
        &self,
        collection: &CollectionName,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        self.0.inner().expired(collection, limit).await
    }
}

#[async_trait]
impl<A: Alteration> Snapshots for Altered<A> {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        self.0.snapshots().snapshot().await
    }
}

#[async_trait]
impl<A: Alteration> BulkLoad for Altered<A> {
    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.0.bulk_load().unfinished().await
    }

    async fn mark(&self, note: &str) -> Result<(), EngineError> {
        self.0.bulk_load().mark(note).await
    }

    async fn load(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<(), EngineError> {
        self.0.bulk_load().load(collection, documents).await
    }

    async fn unload(
        &self,
        collection: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        self.0.bulk_load().unload(collection, ids).await
    }

    async fn finish(&self, counters: Counters) -> Result<(), EngineError> {
        self.0.bulk_load().finish(counters).await
    }

    fn leave(&self, note: &str) {
        self.0.bulk_load().leave(note);
    }
}
