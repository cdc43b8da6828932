//! An engine that hands everything on to another one, and does on the way what a test asks.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use isobase_engine::{
    BulkLoad, CollectionInfo, Counters, Engine, EngineError, ErrorKind, Pending, Rejection,
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

impl Alteration for Wrapped {
    fn inner(&self) -> &dyn Engine {
        &*self.inner
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        if let Some(hook) = &mut *self.before_get.lock().unwrap() {
            hook();
        }
        self.inner.get(collection, id)
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

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        Some(self)
    }
}

impl Snapshots for Wrapped {
    fn snapshot(&self) -> Pending<'_, Box<dyn Snapshot>> {
        Box::pin(async move {
            let inner = self.inner.snapshots().unwrap().snapshot().await?;
            self.snapshots.fetch_add(1, Ordering::SeqCst);
            Ok(Box::new(WrappedSnapshot {
                counters: inner.counters(),
                engine: self.inner.clone(),
                inner,
                one_moment: self.one_moment,
                held: self.snapshots.clone(),
                before_read: self.before_read.clone(),
            }) as Box<dyn Snapshot>)
        })
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

impl Snapshot for WrappedSnapshot {
    fn is_of_one_moment(&self) -> bool {
        self.one_moment
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn collections(&mut self) -> Pending<'_, Vec<CollectionInfo>> {
        self.inner.collections()
    }

    fn read<'a>(
        &'a mut self,
        collection: &'a CollectionName,
        after: Option<&'a DocumentId>,
        bytes_max: usize,
    ) -> Pending<'a, Vec<Document>> {
        Box::pin(async move {
            if let Some(hook) = &mut *self.before_read.lock().unwrap() {
                hook();
            }
            if !self.one_moment {
                // What is there when it is read, as on a database without snapshots.
                self.inner = self.engine.snapshots().unwrap().snapshot().await?;
            }
            self.inner.read(collection, after, bytes_max).await
        })
    }
}

impl BulkLoad for Wrapped {
    fn unfinished(&self) -> Pending<'_, Option<String>> {
        self.inner.bulk_load().unwrap().unfinished()
    }

    fn mark<'a>(&'a self, note: &'a str) -> Pending<'a, ()> {
        if let Some(hook) = &mut *self.before_mark.lock().unwrap() {
            hook();
        }
        if self.marks.fetch_add(1, Ordering::SeqCst) + 1 == self.fails_at_mark {
            return Box::pin(async {
                Err(EngineError::new(ErrorKind::Unexpected, "it fails here"))
            });
        }
        self.inner.bulk_load().unwrap().mark(note)
    }

    fn load<'a>(
        &'a self,
        collection: &'a CollectionName,
        documents: Vec<Document>,
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            if let Some(fails_at) = &self.fails_at {
                if documents.iter().any(|document| document.id == *fails_at) {
                    return Err(EngineError::new(ErrorKind::Unexpected, "it fails here"));
                }
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
            // As on an engine whose writer is a thread: nobody can call it back from here on.
            let loaded = self.inner.bulk_load().unwrap().load(collection, documents);
            let loaded = loaded.now_or_never().unwrap();
            self.loads.fetch_add(1, Ordering::SeqCst);
            loaded
        })
    }

    fn unload<'a>(
        &'a self,
        collection: &'a CollectionName,
        ids: &'a [DocumentId],
    ) -> Pending<'a, ()> {
        Box::pin(async move {
            self.inner.bulk_load().unwrap().unload(collection, ids).await?;
            match self.fails_to_unload {
                true => Err(EngineError::new(ErrorKind::Unexpected, "it fails here")),
                false => Ok(()),
            }
        })
    }

    fn finish(&self, counters: Counters) -> Pending<'_, ()> {
        self.inner.bulk_load().unwrap().finish(counters)
    }

    fn leave(&self, note: &str) {
        self.inner.bulk_load().unwrap().leave(note);
    }
}
