//! The memory engine, able to hang, to panic and to be out of order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use isobase_engine::{
    AtomicBatches, ChangeFeed, CollectionInfo, Engine, EngineError, ErrorKind, Indexes, Limits,
    ListRequest, Listing, Pending, SystemClock, WriteBatch, WriteReport,
};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_types::{CollectionName, Document, DocumentId, Filter};
use tokio::sync::Notify;

/// What goes wrong, and what was asked.
#[derive(Default)]
pub struct Trouble {
    /// Reads and writes never end.
    pub hangs: AtomicBool,
    /// Something hangs now.
    pub hanging: Notify,
    /// Counting collections panics.
    pub panics: AtomicBool,
    /// The database is out of order.
    pub broken: AtomicBool,
    /// How often it was asked whether it works.
    pub checks: AtomicU32,
    /// Lets one hanging call go on.
    pub go_on: Notify,
}

pub struct TroubledEngine {
    memory: MemoryEngine,
    trouble: Arc<Trouble>,
}

impl TroubledEngine {
    pub fn new(trouble: Arc<Trouble>) -> Self {
        let memory = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        Self { memory, trouble }
    }

    async fn hang(&self) {
        if self.trouble.hangs.load(Ordering::SeqCst) {
            self.trouble.hanging.notify_one();
            self.trouble.go_on.notified().await;
        }
    }
}

impl Engine for TroubledEngine {
    fn name(&self) -> &'static str {
        "troubled"
    }

    fn limits(&self) -> &Limits {
        self.memory.limits()
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        Box::pin(async move {
            self.hang().await;
            self.memory.get(collection, id).await
        })
    }

    fn write(&self, batch: WriteBatch) -> Pending<'_, WriteReport> {
        Box::pin(async move {
            self.hang().await;
            self.memory.write(batch).await
        })
    }

    fn list<'a>(
        &'a self,
        collection: &'a CollectionName,
        request: &'a ListRequest,
    ) -> Pending<'a, Listing> {
        self.memory.list(collection, request)
    }

    fn count<'a>(
        &'a self,
        collection: &'a CollectionName,
        filter: &'a Filter,
        scan_max: u64,
    ) -> Pending<'a, u64> {
        self.memory.count(collection, filter, scan_max)
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        assert!(!self.trouble.panics.load(Ordering::SeqCst), "a secret of the engine");
        self.memory.collections()
    }

    fn delete_collection<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, u64> {
        self.memory.delete_collection(collection)
    }

    fn check(&self) -> Pending<'_, ()> {
        self.trouble.checks.fetch_add(1, Ordering::SeqCst);
        let broken = self.trouble.broken.load(Ordering::SeqCst);
        Box::pin(async move {
            if broken {
                return Err(EngineError::new(ErrorKind::Unavailable, "a secret of the engine"));
            }
            Ok(())
        })
    }

    fn close(&self) -> Pending<'_, ()> {
        self.memory.close()
    }

    fn atomic_batches(&self) -> Option<&dyn AtomicBatches> {
        self.memory.atomic_batches()
    }

    fn change_feed(&self) -> Option<&dyn ChangeFeed> {
        self.memory.change_feed()
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        Engine::indexes(&self.memory)
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        vec![("documents", 3.0)]
    }
}
