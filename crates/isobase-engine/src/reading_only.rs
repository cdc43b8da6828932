//! Databases that are opened to be read.

use std::{future::Future, time::Duration};

use async_trait::async_trait;
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence};

use crate::{
    BulkLoad, ChangeFeed, ChangesPage, ChangesRequest, CollectionInfo, CollectionTerms, Counters,
    Engine, EngineError, ErrorKind, Identity, IndexDefinition, IndexInfo, Indexes, Keep, Limits,
    ListRequest, Listing, Snapshot, Snapshots, Terms, WriteBatch, WriteReport,
};

/// How often a waiter looks for the writes of others. One command waits here, and no service.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The refusal of a write to a database that was opened to be read.
#[must_use]
pub fn reading_only() -> EngineError {
    let message = "the database was opened to be read, and for nothing else";
    EngineError::new(ErrorKind::Unsupported, message)
}

/// The reading half of the contract, for a database that others write to. Each method promises
/// the same as its namesake of [`Engine`]; [`ReadOnly`] adds the other half.
#[expect(missing_docs, reason = "as those of `Engine`")]
pub trait Reader: Send + Sync + 'static {
    fn name(&self) -> &'static str;

    fn limits(&self) -> &Limits;

    fn identity(&self) -> impl Future<Output = Result<Identity, EngineError>> + Send;

    fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> impl Future<Output = Result<Option<Document>, EngineError>> + Send;

    fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> impl Future<Output = Result<Listing, EngineError>> + Send;

    fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> impl Future<Output = Result<u64, EngineError>> + Send;

    fn collections(&self) -> impl Future<Output = Result<Vec<CollectionInfo>, EngineError>> + Send;

    fn check(&self) -> impl Future<Output = Result<(), EngineError>> + Send;

    fn close(&self) -> impl Future<Output = Result<(), EngineError>> + Send;

    fn read_changes(
        &self,
        request: &ChangesRequest,
    ) -> impl Future<Output = Result<ChangesPage, EngineError>> + Send;

    fn latest(&self) -> impl Future<Output = Result<Sequence, EngineError>> + Send;

    fn indexes(
        &self,
        collection: &CollectionName,
    ) -> impl Future<Output = Result<Vec<IndexInfo>, EngineError>> + Send;

    fn indexed_collections(
        &self,
    ) -> impl Future<Output = Result<Vec<CollectionName>, EngineError>> + Send;

    fn snapshot(&self) -> impl Future<Output = Result<Box<dyn Snapshot>, EngineError>> + Send;

    fn unfinished(&self) -> impl Future<Output = Result<Option<String>, EngineError>> + Send;
}

/// An engine over a [`Reader`]. A call that would write is [`ErrorKind::Unsupported`].
#[derive(Debug)]
pub struct ReadOnly<R>(pub R);

#[async_trait]
impl<R: Reader> Engine for ReadOnly<R> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn limits(&self) -> &Limits {
        self.0.limits()
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        self.0.identity().await
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        self.0.get(collection, id).await
    }

    async fn write(&self, _batch: WriteBatch) -> Result<WriteReport, EngineError> {
        Err(reading_only())
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
        self.0.count(collection, filter, scan_max).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.0.collections().await
    }

    async fn delete_collection(&self, _collection: &CollectionName) -> Result<u64, EngineError> {
        Err(reading_only())
    }

    async fn check(&self) -> Result<(), EngineError> {
        self.0.check().await
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.0.close().await
    }

    async fn write_atomic(&self, _batch: WriteBatch) -> Result<WriteReport, EngineError> {
        Err(reading_only())
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

#[async_trait]
impl<R: Reader> ChangeFeed for ReadOnly<R> {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        self.0.read_changes(request).await
    }

    /// Nothing is written here.
    fn keep(&self, _collection: &CollectionName, _keep: Keep) {}

    async fn latest(&self) -> Result<Sequence, EngineError> {
        self.0.latest().await
    }

    /// Looks four times a second: no commit of another process is announced here.
    async fn wait(
        &self,
        since: Sequence,
        _collection: Option<&CollectionName>,
    ) -> Result<(), EngineError> {
        while self.0.latest().await? <= since {
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }
}

#[async_trait]
impl<R: Reader> Indexes for ReadOnly<R> {
    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        self.0.indexes(collection).await
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        self.0.indexed_collections().await
    }

    async fn create_index(
        &self,
        _collection: &CollectionName,
        _definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError> {
        Err(reading_only())
    }

    async fn drop_index(
        &self,
        _collection: &CollectionName,
        _definition: &IndexDefinition,
    ) -> Result<bool, EngineError> {
        Err(reading_only())
    }
}

/// Terms belong to the process that writes: here every stored document is there.
#[async_trait]
impl<R: Reader> CollectionTerms for ReadOnly<R> {
    async fn set_terms(
        &self,
        _collection: &CollectionName,
        _terms: Terms,
    ) -> Result<(), EngineError> {
        Err(reading_only())
    }

    fn expiring(&self) -> Vec<CollectionName> {
        Vec::new()
    }

    async fn expired(
        &self,
        _collection: &CollectionName,
        _limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        Ok(Vec::new())
    }
}

#[async_trait]
impl<R: Reader> Snapshots for ReadOnly<R> {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        self.0.snapshot().await
    }
}

#[async_trait]
impl<R: Reader> BulkLoad for ReadOnly<R> {
    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.0.unfinished().await
    }

    async fn mark(&self, _note: &str) -> Result<(), EngineError> {
        Err(reading_only())
    }

    async fn load(
        &self,
        _collection: &CollectionName,
        _documents: Vec<Document>,
    ) -> Result<(), EngineError> {
        Err(reading_only())
    }

    async fn unload(
        &self,
        _collection: &CollectionName,
        _ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        Err(reading_only())
    }

    async fn finish(&self, _counters: Counters) -> Result<(), EngineError> {
        Err(reading_only())
    }

    /// No load is ever this process's.
    fn leave(&self, _note: &str) {}
}
