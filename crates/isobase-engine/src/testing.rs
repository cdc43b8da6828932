//! Engines of tests, which do one thing otherwise than another engine.

use isobase_types::{CollectionName, Document, DocumentId, Filter};

use crate::{
    AtomicBatches, BulkLoad, ChangeFeed, CollectionInfo, Engine, Identity, Indexes, Limits,
    ListRequest, Listing, Pending, Rejection, Snapshots, WriteBatch, WriteReport,
};

/// What is done otherwise: every call goes to the engine underneath, but for those that an
/// implementation has itself.
#[expect(missing_docs, reason = "as those of `Engine`")]
pub trait Alteration: Send + Sync + 'static {
    /// The engine underneath.
    fn inner(&self) -> &dyn Engine;

    fn name(&self) -> &'static str {
        self.inner().name()
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        self.inner().get(collection, id)
    }

    fn write(&self, batch: WriteBatch) -> Pending<'_, WriteReport> {
        self.inner().write(batch)
    }

    fn list<'a>(
        &'a self,
        collection: &'a CollectionName,
        request: &'a ListRequest,
    ) -> Pending<'a, Listing> {
        self.inner().list(collection, request)
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        self.inner().collections()
    }

    fn check(&self) -> Pending<'_, ()> {
        self.inner().check()
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

    fn change_feed(&self) -> Option<&dyn ChangeFeed> {
        self.inner().change_feed()
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.inner().snapshots()
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.inner().bulk_load()
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

impl<A: Alteration> Engine for Altered<A> {
    fn name(&self) -> &'static str {
        self.0.name()
    }

    fn limits(&self) -> &Limits {
        self.0.inner().limits()
    }

    fn identity(&self) -> Pending<'_, Identity> {
        self.0.inner().identity()
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        self.0.get(collection, id)
    }

    fn write(&self, batch: WriteBatch) -> Pending<'_, WriteReport> {
        self.0.write(batch)
    }

    fn list<'a>(
        &'a self,
        collection: &'a CollectionName,
        request: &'a ListRequest,
    ) -> Pending<'a, Listing> {
        self.0.list(collection, request)
    }

    fn count<'a>(
        &'a self,
        collection: &'a CollectionName,
        filter: &'a Filter,
        scan_max: u64,
    ) -> Pending<'a, u64> {
        self.0.inner().count(collection, filter, scan_max)
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        self.0.collections()
    }

    fn delete_collection<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, u64> {
        self.0.inner().delete_collection(collection)
    }

    fn check(&self) -> Pending<'_, ()> {
        self.0.check()
    }

    fn close(&self) -> Pending<'_, ()> {
        self.0.inner().close()
    }

    fn atomic_batches(&self) -> Option<&dyn AtomicBatches> {
        self.0.inner().atomic_batches()
    }

    fn whole_batches(&self) -> Option<&dyn AtomicBatches> {
        self.0.inner().whole_batches()
    }

    fn change_feed(&self) -> Option<&dyn ChangeFeed> {
        self.0.change_feed()
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        self.0.inner().indexes()
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

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        self.0.snapshots()
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        self.0.bulk_load()
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.0.gauges()
    }
}
