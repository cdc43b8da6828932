//! The memory engine, able to hang, to panic and to be out of order.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicU32, Ordering},
};

use async_trait::async_trait;
use isobase_engine::{
    CollectionInfo, Engine, EngineError, ErrorKind, SystemClock, WriteBatch, WriteReport,
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

#[async_trait]
impl Alteration for TroubledEngine {
    fn inner(&self) -> &dyn Engine {
        &self.memory
    }

    fn name(&self) -> &'static str {
        "troubled"
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        // What the service looks after by itself goes on.
        if !collection.as_str().starts_with("isobase_") {
            self.hang().await;
        }
        self.memory.get(collection, id).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.hang().await;
        self.memory.write(batch).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        assert!(!self.trouble.panics.load(Ordering::SeqCst), "a secret of the engine");
        self.memory.collections().await
    }

    async fn check(&self) -> Result<(), EngineError> {
        self.trouble.checks.fetch_add(1, Ordering::SeqCst);
        let broken = self.trouble.broken.load(Ordering::SeqCst);
        if broken {
            return Err(EngineError::new(ErrorKind::Unavailable, "a secret of the engine"));
        }
        Ok(())
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        vec![("documents", 3.0)]
    }
}
