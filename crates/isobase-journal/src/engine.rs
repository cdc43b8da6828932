//! The engine.

use std::sync::{Arc, atomic::Ordering};

use async_trait::async_trait;
use isobase_engine::{
    Clock, CollectionInfo, Engine, EngineError, ErrorKind, Identity, Limits, ListRequest, Listing,
    Reconcile, Rejection, WriteBatch, WriteReport,
};
use isobase_types::{CollectionName, Document, DocumentId, Filter};
use tokio::sync::oneshot;

use crate::{
    DocumentDatabase, JournalOptions,
    catalogue::Catalogue,
    core::Core,
    error::{closed, within},
    shared::Shared,
    writer::Writer,
};

/// The engine over one document database.
///
/// Any number of processes may use the same database at the same time.
pub struct JournalEngine<B: DocumentDatabase> {
    pub(crate) core: Arc<Core<B>>,
}

impl<B: DocumentDatabase> JournalEngine<B> {
    /// Opens the database: checks that it can be reached, makes the journal where there is none,
    /// and finishes what a process that was killed has left.
    ///
    /// # Errors
    /// When the database cannot be reached or its journal cannot be read.
    pub async fn open(
        database: B,
        options: JournalOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let head = database.open().await?;
        let catalogue = Catalogue::new(&head, database.catalogue().await?);
        let deletions: Vec<_> = catalogue
            .entries()
            .filter(|entry| entry.deleting.is_some())
            .map(|entry| entry.collection.clone())
            .collect();
        let shared = Arc::new(Shared::new(database, options, clock, catalogue));
        shared.status.floor.store(head.floor.0, Ordering::Relaxed);
        let writer = Writer::start(Arc::clone(&shared), head);
        let core = Arc::new(Core::new(shared, writer));
        for collection in deletions {
            drop(core.purge(&collection));
        }
        Ok(Self { core })
    }

    async fn write_batch(
        &self,
        batch: WriteBatch,
        atomic: bool,
    ) -> Result<WriteReport, EngineError> {
        self.core.shared.check_open()?;
        self.core.make_ready(&batch).await?;
        self.core.writer.write(batch, atomic).await
    }

    /// The database below.
    #[must_use]
    pub fn database(&self) -> &B {
        &self.core.shared.database
    }
}

#[async_trait]
impl<B: DocumentDatabase> Engine for JournalEngine<B> {
    fn name(&self) -> &'static str {
        self.database().name()
    }

    fn limits(&self) -> &Limits {
        self.database().limits()
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        let catalogue = within(shared.deadline(), "the head", shared.fresh_catalogue()).await?;
        Ok(shared.identity(catalogue.identity))
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        within(shared.deadline(), "reading a document", shared.get(collection, id)).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.write_batch(batch, false).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        within(shared.deadline(), "a listing", async {
            match self.core.reading(collection).await? {
                Some(reading) => reading.list(request).await,
                None => Ok(Listing::default()),
            }
        })
        .await
    }

    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        within(shared.deadline(), "a count", async {
            match self.core.reading(collection).await? {
                Some(reading) => reading.count(filter, scan_max).await,
                None => Ok(0),
            }
        })
        .await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        within(shared.deadline(), "listing collections", shared.collections()).await
    }

    async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        self.core.shared.check_open()?;
        let (answer, deleted) = oneshot::channel();
        let (core, collection) = (Arc::clone(&self.core), collection.clone());
        // What is begun is finished, also when the caller has gone.
        self.core.spawn(async move {
            let begun = core.begin_deletion(&collection).await;
            let begun = begun.map(|(documents, to)| {
                if to.is_some() {
                    drop(core.purge(&collection));
                }
                documents
            });
            let _ = answer.send(begun);
        });
        deleted.await.unwrap_or_else(|_| Err(closed()))
    }

    async fn check(&self) -> Result<(), EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        within(shared.deadline(), "the check", shared.database.check()).await.map_err(|error| {
            match error.kind {
                ErrorKind::TimedOut => EngineError { kind: ErrorKind::Unavailable, ..error },
                _ => error,
            }
        })
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.core.close().await
    }

    async fn write_atomic(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.write_batch(batch, true).await
    }

    fn shows_batches_whole(&self) -> bool {
        self.database().commits_are_atomic()
    }

    fn lists_one_moment(&self) -> bool {
        false
    }

    fn check_document(
        &self,
        collection: &CollectionName,
        id: Option<&DocumentId>,
        body: &str,
    ) -> Result<(), Rejection> {
        self.core.shared.check_document(collection, id, body)
    }

    fn reconcile(&self) -> Option<&dyn Reconcile> {
        Some(self)
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let status = &self.core.shared.status;
        let count = |value: &std::sync::atomic::AtomicU64| value.load(Ordering::Relaxed) as f64;
        let mut gauges = vec![
            ("writer_queue_slots", self.core.writer.queued() as f64),
            ("writer_commits_total", count(&status.commits)),
            ("writer_documents_total", count(&status.documents)),
            ("writer_heads_moved_total", count(&status.heads_moved)),
            ("writer_documents_changed_total", count(&status.documents_changed)),
            ("writer_outcomes_unknown_total", count(&status.outcomes_unknown)),
            ("writer_failed_groups_total", count(&status.groups_failed)),
        ];
        gauges.extend(self.database().gauges());
        gauges
    }
}
