//! The contract of a database that holds documents.

use async_trait::async_trait;
use isobase_types::{CollectionName, Document, DocumentId, Filter};

use crate::{
    BulkLoad, ChangeFeed, CollectionInfo, CollectionTerms, EngineError, Identity, Indexes, Limits,
    ListRequest, Listing, Reconcile, Rejection, Snapshots, WriteBatch, WriteReport,
};

/// A database that holds documents in collections.
///
/// # Contract
/// - **Names** are checked before an engine sees them. A collection exists while it has a
///   document; asking for one that does not exist is never an error.
/// - **Values**: a body is canonical JSON text ([`isobase_types::json`]). An engine returns the
///   value it was given. It refuses a value that it cannot hold
///   ([`crate::Rejection::Unholdable`]) before it stores anything.
/// - **Durability**: an answer to a write comes after the write is durable by the engine's own
///   definition. An error means that nothing was written, except the kind
///   [`crate::ErrorKind::OutcomeUnknown`].
/// - **Reads see writes**: a read that starts after a write was answered sees it.
/// - **Atomicity**: each operation is all or nothing, with its change-feed entry and its index
///   entries. Of n racing operations with the same expected revision exactly one succeeds.
/// - **Revisions** are never repeated for one id, also after it was deleted.
/// - **Integer ids** grow, come from one counter over all collections, and are never reused.
///   A refused operation may use one up only together with an engine error.
/// - **Order**: listings follow [`isobase_types::Order`] and then the id, by the bytes that
///   [`isobase_types::key`] gives values. Every engine orders alike.
/// - **Cancellation**: dropping the future of a read stops it; a write whose future is dropped
///   may or may not happen, but never in part.
/// - **Errors**: a temporary failure says so ([`EngineError::is_temporary`](crate::EngineError::is_temporary)); no call waits
///   longer than the engine's deadlines.
#[async_trait]
pub trait Engine: ChangeFeed + Indexes + CollectionTerms + Snapshots + BulkLoad + 'static {
    /// The kind of engine, in one lower-case word (`sqlite`), for logs and metrics only.
    fn name(&self) -> &'static str;

    /// Sizes and counts this engine can hold.
    fn limits(&self) -> &Limits;

    /// Which database it is, and which epoch of it; at most a few seconds old where another
    /// process may load the database. Costs no more than a read of one document.
    async fn identity(&self) -> Result<Identity, EngineError>;

    /// The document with this id, if there is one.
    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError>;

    /// Carries out operations in their order, each on its own: one that is rejected does not
    /// stop the others. One outcome per operation, in the same order.
    ///
    /// A batch with an [`crate::Idempotency`] is all or nothing with the record of its key: a
    /// repeat of the key gives the first outcomes and writes nothing.
    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError>;

    /// One page of a collection.
    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError>;

    /// How many documents of a collection meet the filter, examining at most `scan_max` of them.
    ///
    /// # Errors
    /// [`crate::ErrorKind::LimitExceeded`] when more would have to be examined.
    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError>;

    /// All collections that have a document, by the bytes of their names.
    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError>;

    /// Deletes every document of a collection at once; says how many there were.
    ///
    /// The change feed tells it as one change of kind `CollectionDeleted`, when there were any.
    ///
    /// No [`crate::WriteCheck`] is asked: it looks at no document. So it is for those who may
    /// delete every document whatever it holds; for others a caller deletes one by one, in batches
    /// that carry its checks.
    async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, EngineError>;

    /// Whether the engine can read and write now. Cheap enough to ask every second.
    async fn check(&self) -> Result<(), EngineError>;

    /// Finishes the work under way and releases the database. Later calls fail.
    async fn close(&self) -> Result<(), EngineError>;

    /// Carries out all operations or none.
    ///
    /// When one is rejected, its outcome says why, every other outcome is
    /// [`Rejection::BatchRejected`], and nothing is written. An idempotency key is recorded also
    /// for a rejected batch.
    async fn write_atomic(&self, batch: WriteBatch) -> Result<WriteReport, EngineError>;

    /// Whether a reader sees all of an atomic batch or nothing of it. Where it does not, a recorded
    /// batch is carried out document by document, also after the process was killed, and a reader
    /// may see a part of it for a moment.
    fn shows_batches_whole(&self) -> bool {
        true
    }

    /// Whether a page of a listing shows the collection as it was at one moment. Where it does
    /// not, each document in it is as it was at some moment after the request came.
    fn lists_one_moment(&self) -> bool {
        true
    }

    /// Whether the engine can hold a document, without storing it: what a write would refuse as
    /// [`Rejection::Unholdable`]. `id` is `None` for a document whose id is yet to be assigned.
    ///
    /// # Errors
    /// [`Rejection::Unholdable`].
    fn check_document(
        &self,
        _collection: &CollectionName,
        _id: Option<&DocumentId>,
        body: &str,
    ) -> Result<(), Rejection> {
        self.limits().check_body(body)
    }

    /// Finding what other programs wrote, if they can write into the database.
    fn reconcile(&self) -> Option<&dyn Reconcile> {
        None
    }

    /// Counters for `/metrics`: pairs of name (`writer_queue_jobs`) and value, few and stable.
    fn gauges(&self) -> Vec<(&'static str, f64)>;
}
