//! The memory engine, able to hang, to panic and to be out of order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use isobase_engine::{
    CollectionInfo, Engine, EngineError, ErrorKind, Pending, SystemClock, WriteBatch, WriteReport,
    testing::{Alteration, Altered},
};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_types::{CollectionName, Document, DocumentId};
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
    pub fn new(trouble: Arc<Trouble>) -> Altered<Self> {
        let memory = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        Altered(Self { memory, trouble })
    }

    async fn hang(&self) {
        if self.trouble.hangs.load(Ordering::SeqCst) {
            self.trouble.hanging.notify_one();
            self.trouble.go_on.notified().await;
        }
    }
}

impl Alteration for TroubledEngine {
    fn inner(&self) -> &dyn Engine {
        &self.memory
    }

    fn name(&self) -> &'static str {
        "troubled"
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        Box::pin(async move {
            // What the service looks after by itself goes on.
            if !collection.as_str().starts_with("isobase_") {
                self.hang().await;
            }
            self.memory.get(collection, id).await
        })
    }

    fn write(&self, batch: WriteBatch) -> Pending<'_, WriteReport> {
        Box::pin(async move {
            self.hang().await;
            self.memory.write(batch).await
        })
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        assert!(!self.trouble.panics.load(Ordering::SeqCst), "a secret of the engine");
        self.memory.collections()
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

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        vec![("documents", 3.0)]
    }
}
