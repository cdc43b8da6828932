//! The engine.

use std::sync::{Arc, atomic::Ordering};

use isobase_engine::{
    AtomicBatches, BulkLoad, ChangeFeed, Clock, CollectionInfo, CollectionTerms, Engine,
    EngineError, ErrorKind, Identity, Indexes, Limits, ListRequest, Listing, Pending, Reconcile,
    Rejection, Snapshots, WriteBatch, WriteReport,
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

impl<B: DocumentDatabase> Engine for JournalEngine<B> {
    fn name(&self) -> &'static str {
        self.database().name()
    }

    fn limits(&self) -> &Limits {
        self.database().limits()
    }

    fn identity(&self) -> Pending<'_, Identity> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            let catalogue = within(shared.deadline(), "the head", shared.fresh_catalogue()).await?;
            Ok(shared.identity(catalogue.identity))
        })
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            within(shared.deadline(), "reading a document", shared.get(collection, id)).await
        })
    }

    fn write(&self, batch: WriteBatch) -> Pending<'_, WriteReport> {
        Box::pin(self.write_batch(batch, false))
    }

    fn list<'a>(
        &'a self,
        collection: &'a CollectionName,
        request: &'a ListRequest,
    ) -> Pending<'a, Listing> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            within(shared.deadline(), "a listing", async {
                match self.core.reading(collection).await? {
                    Some(reading) => reading.list(request).await,
                    None => Ok(Listing::default()),
                }
            })
            .await
        })
    }

    fn count<'a>(
        &'a self,
        collection: &'a CollectionName,
        filter: &'a Filter,
        scan_max: u64,
    ) -> Pending<'a, u64> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            within(shared.deadline(), "a count", async {
                match self.core.reading(collection).await? {
                    Some(reading) => reading.count(filter, scan_max).await,
                    None => Ok(0),
                }
            })
            .await
        })
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            within(shared.deadline(), "listing collections", shared.collections()).await
        })
    }

    fn delete_collection<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, u64> {
        Box::pin(async move {
            self.core.shared.check_open()?;
            let (answer, deleted) = oneshot::channel();
            let (core, collection) = (Arc::clone(&self.core), collection.clone());
            // What is begun is finished, also when whoever asked has gone.
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
        })
    }

    fn check(&self) -> Pending<'_, ()> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            within(shared.deadline(), "the check", shared.database.check()).await.map_err(|error| {
                match error.kind {
                    ErrorKind::TimedOut => EngineError { kind: ErrorKind::Unavailable, ..error },
                    _ => error,
                }
            })
        })
    }

    fn close(&self) -> Pending<'_, ()> {
        Box::pin(self.core.close())
    }

    fn atomic_batches(&self) -> Option<&dyn AtomicBatches> {
        self.database().commits_are_atomic().then_some(self)
    }

    fn whole_batches(&self) -> Option<&dyn AtomicBatches> {
        Some(self)
    }

    fn change_feed(&self) -> Option<&dyn ChangeFeed> {
        Some(self)
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        Some(self)
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

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn bulk_load(&self) -> Option<&dyn BulkLoad> {
        Some(self)
    }

    fn reconcile(&self) -> Option<&dyn Reconcile> {
        Some(self)
    }

    fn collection_terms(&self) -> Option<&dyn CollectionTerms> {
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

impl<B: DocumentDatabase> AtomicBatches for JournalEngine<B> {
    fn write_atomic(&self, batch: WriteBatch) -> Pending<'_, WriteReport> {
        Box::pin(self.write_batch(batch, true))
    }
}
