//! An engine that hands everything on to another one, and does on the way what a test asks.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use futures_util::FutureExt;
use isobase_engine::{
    BulkLoad, CollectionInfo, Counters, Engine, EngineError, ErrorKind, NotRead, Rejection,
    Snapshot, Snapshots, testing::Alteration,
};
use isobase_types::{CollectionName, Document, DocumentId};

/// Something that happens before a call is handed on.
pub(crate) type Hook = Box<dyn FnMut() + Send>;

/// The wrapper and its settings.
pub(crate) struct Wrapped {
    pub(crate) inner: Arc<dyn Engine>,
    /// Longest body that is held.
    pub(crate) body_bytes_max: usize,
    /// What snapshots say of themselves.
    pub(crate) one_moment: bool,
    /// Snapshots that are held now.
    pub(crate) snapshots: Arc<AtomicUsize>,
    /// Before each part of a snapshot is read.
    pub(crate) before_read: Arc<Mutex<Option<Hook>>>,
    /// Loads of documents with this id fail at once; others take some time.
    pub(crate) fails_at: Option<DocumentId>,
    /// Whether taking documents away tells an error, though they are gone.
    pub(crate) fails_to_unload: bool,
    /// Before the target is marked.
    pub(crate) before_mark: Mutex<Option<Hook>>,
    /// The mark with this number tells an error, and is not there; from 1.
    pub(crate) fails_at_mark: usize,
    /// Marks so far.
    pub(crate) marks: AtomicUsize,
    /// Before a document is read.
    pub(crate) before_get: Mutex<Option<Hook>>,
    /// Loads that were finished.
    pub(crate) loads: AtomicUsize,
}

impl Wrapped {
    pub(crate) fn new(inner: &Arc<dyn Engine>) -> Self {
        Self {
            inner: inner.clone(),
            body_bytes_max: usize::MAX,
            one_moment: true,
            snapshots: Arc::default(),
            before_read: Arc::default(),
            fails_at: None,
            fails_to_unload: false,
            before_mark: Mutex::default(),
            fails_at_mark: 0,
            marks: AtomicUsize::new(0),
            before_get: Mutex::default(),
            loads: AtomicUsize::new(0),
        }
    }

    /// Does something once, before the first part is read.
    pub(crate) fn once_before_read(self, what: impl FnOnce() + Send + 'static) -> Self {
        *self.before_read.lock().unwrap() = Some(once(what));
        self
    }
}

pub(crate) fn once(what: impl FnOnce() + Send + 'static) -> Hook {
    let mut what = Some(what);
    Box::new(move || {
        if let Some(what) = what.take() {
            what();
        }
    })
}

#[async_trait]
impl Alteration for Wrapped {
    fn inner(&self) -> &dyn Engine {
        &*self.inner
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        if let Some(hook) = &mut *self.before_get.lock().unwrap() {
            hook();
        }
        self.inner.get(collection, id).await
    }

    fn check_document(
        &self,
        collection: &CollectionName,
        id: Option<&DocumentId>,
        body: &str,
    ) -> Result<(), Rejection> {
        if body.len() > self.body_bytes_max {
            let reason = "it is too long".to_owned();
            return Err(Rejection::Unholdable { path: String::new(), reason });
        }
        self.inner.check_document(collection, id, body)
    }

    fn snapshots(&self) -> &dyn Snapshots {
        self
    }

    fn bulk_load(&self) -> &dyn BulkLoad {
        self
    }
}

#[async_trait]
impl Snapshots for Wrapped {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        let inner = self.inner.snapshot().await?;
        self.snapshots.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(WrappedSnapshot {
            counters: inner.counters(),
            engine: self.inner.clone(),
            inner,
            one_moment: self.one_moment,
            held: self.snapshots.clone(),
            before_read: self.before_read.clone(),
        }) as Box<dyn Snapshot>)
    }
}

struct WrappedSnapshot {
    engine: Arc<dyn Engine>,
    inner: Box<dyn Snapshot>,
    counters: Counters,
    one_moment: bool,
    held: Arc<AtomicUsize>,
    before_read: Arc<Mutex<Option<Hook>>>,
}

impl Drop for WrappedSnapshot {
    fn drop(&mut self) {
        self.held.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Snapshot for WrappedSnapshot {
    fn is_of_one_moment(&self) -> bool {
        self.one_moment
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    async fn collections(&mut self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.inner.collections().await
    }

    async fn not_read(&mut self) -> Result<Vec<NotRead>, EngineError> {
        self.inner.not_read().await
    }

    async fn read(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        if let Some(hook) = &mut *self.before_read.lock().unwrap() {
            hook();
        }
        if !self.one_moment {
            // What is there when it is read, as on a database without snapshots.
            self.inner = self.engine.snapshot().await?;
        }
        self.inner.read(collection, after, bytes_max).await
    }
}

#[async_trait]
impl BulkLoad for Wrapped {
    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.inner.unfinished().await
    }

    async fn mark(&self, note: &str) -> Result<(), EngineError> {
        if let Some(hook) = &mut *self.before_mark.lock().unwrap() {
            hook();
        }
        if self.marks.fetch_add(1, Ordering::SeqCst) + 1 == self.fails_at_mark {
            return Err(EngineError::new(ErrorKind::Unexpected, "it fails here"));
        }
        self.inner.mark(note).await
    }

    async fn load(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<(), EngineError> {
        if let Some(fails_at) = &self.fails_at {
            if documents.iter().any(|document| document.id == *fails_at) {
                return Err(EngineError::new(ErrorKind::Unexpected, "it fails here"));
            }
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
        // As on an engine whose writer is a thread: no one can call it back from here on.
        let loaded = self.inner.load(collection, documents);
        let loaded = loaded.now_or_never().unwrap();
        self.loads.fetch_add(1, Ordering::SeqCst);
        loaded
    }

    async fn unload(
        &self,
        collection: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        self.inner.unload(collection, ids).await?;
        match self.fails_to_unload {
            true => Err(EngineError::new(ErrorKind::Unexpected, "it fails here")),
            false => Ok(()),
        }
    }

    async fn finish(&self, counters: Counters) -> Result<(), EngineError> {
        self.inner.finish(counters).await
    }

    fn leave(&self, note: &str) {
        self.inner.leave(note);
    }
}
