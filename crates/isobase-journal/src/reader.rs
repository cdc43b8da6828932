//! A database that is read and not written to: the way out of it, also with credentials that
//! allow no more.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use isobase_engine::{
    AtomicBatches, ChangeFeed, ChangesPage, ChangesRequest, Clock, CollectionInfo, Counters,
    Engine, EngineError, ErrorKind, Identity, IndexDefinition, IndexInfo, Indexes, Keep, Limits,
    ListRequest, Listing, Pending, Snapshot, Snapshots, WriteBatch, WriteReport,
    listing::{CountRun, CountStep, ListRun, Step},
    look_for_changes, refused_to_write,
};
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence};
use tokio::sync::Mutex;

use crate::{
    DocumentDatabase, JournalOptions, catalogue::Catalogue, error::within, indexes::info,
    shared::Shared, whole::Whole,
};

/// Reads a document database beside whoever writes to it: whole, by id, and by its change feed.
///
/// Nothing is written, neither a journal nor a mark in a document: what other programs wrote is
/// read as it is. Whatever writes is [`ErrorKind::Unsupported`].
///
/// Listings and counts do not use indexes, in which documents of other programs are not: the first
/// one reads its collection wholly, and later ones are of the same moment. Memory: that of the ids,
/// and of the documents while these have 64 MiB at most.
pub struct JournalReader<B> {
    shared: Arc<Shared<B>>,
    /// Collections that were listed.
    listed: Mutex<HashMap<CollectionName, Whole<B>>>,
}

impl<B: DocumentDatabase> JournalReader<B> {
    /// Opens the database. It need not have a journal.
    ///
    /// # Errors
    /// When the database cannot be reached or its journal cannot be read.
    pub async fn open(
        database: B,
        options: JournalOptions,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, EngineError> {
        let catalogue = match database.peek().await? {
            Some(head) => Catalogue::new(&head, database.catalogue().await?),
            None => Catalogue::default(),
        };
        let shared = Shared::new(database, options, clock, catalogue).reading_only();
        Ok(Self { shared: Arc::new(shared), listed: Mutex::default() })
    }

    async fn whole(&self) -> Result<Whole<B>, EngineError> {
        let head = self.shared.head().await?;
        let catalogue = self.shared.read_catalogue().await?;
        let counters = Counters { sequence: head.sequence, last_id: head.last_id };
        Ok(Whole::new(Arc::clone(&self.shared), catalogue, counters))
    }

    async fn list_page(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        let mut listed = self.listed.lock().await;
        let whole = self.listed(&mut listed, collection).await?;
        let mut run = ListRun::new(request, &[]);
        loop {
            match run.step()? {
                Step::Done(listing) => return Ok(listing),
                Step::Fetch(parts) => {
                    let mut fetched = Vec::with_capacity(parts.len());
                    for part in &parts {
                        fetched.push(whole.fetch(collection, part).await?);
                    }
                    run.feed(fetched);
                }
            }
        }
    }

    async fn count_matching(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        let mut listed = self.listed.lock().await;
        let whole = self.listed(&mut listed, collection).await?;
        let mut run = CountRun::new(filter, &[], scan_max);
        loop {
            match run.step()? {
                CountStep::Done(count) => return Ok(count),
                CountStep::CountCollection => run.feed_count(whole.count(collection).await?),
                CountStep::Fetch(part) => run.feed(&whole.fetch(collection, &part).await?),
                CountStep::CountEntries(_) => {
                    let message = "a database that is only read has no indexes";
                    return Err(EngineError::new(ErrorKind::Unexpected, message));
                }
            }
        }
    }

    async fn listed<'l>(
        &self,
        listed: &'l mut HashMap<CollectionName, Whole<B>>,
        collection: &CollectionName,
    ) -> Result<&'l mut Whole<B>, EngineError> {
        match listed.entry(collection.clone()) {
            Entry::Occupied(known) => Ok(known.into_mut()),
            Entry::Vacant(new) => Ok(new.insert(self.whole().await?)),
        }
    }

    /// The note of a load that was begun and not finished.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        match self.shared.database.peek().await? {
            Some(_) => self.shared.database.unfinished().await,
            None => Ok(None),
        }
    }
}

impl<B: DocumentDatabase> Engine for JournalReader<B> {
    fn name(&self) -> &'static str {
        self.shared.database.name()
    }

    fn limits(&self) -> &Limits {
        self.shared.database.limits()
    }

    fn identity(&self) -> Pending<'_, Identity> {
        Box::pin(async move {
            let shared = &self.shared;
            let catalogue = within(shared.deadline(), "the head", shared.fresh_catalogue()).await?;
            Ok(shared.identity(catalogue.identity))
        })
    }

    fn get<'a>(
        &'a self,
        collection: &'a CollectionName,
        id: &'a DocumentId,
    ) -> Pending<'a, Option<Document>> {
        let shared = &self.shared;
        Box::pin(within(shared.deadline(), "reading a document", shared.get(collection, id)))
    }

    fn write(&self, _batch: WriteBatch) -> Pending<'_, WriteReport> {
        refused_to_write()
    }

    fn list<'a>(
        &'a self,
        collection: &'a CollectionName,
        request: &'a ListRequest,
    ) -> Pending<'a, Listing> {
        Box::pin(self.list_page(collection, request))
    }

    fn count<'a>(
        &'a self,
        collection: &'a CollectionName,
        filter: &'a Filter,
        scan_max: u64,
    ) -> Pending<'a, u64> {
        Box::pin(self.count_matching(collection, filter, scan_max))
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        let shared = &self.shared;
        Box::pin(within(shared.deadline(), "listing collections", shared.collections()))
    }

    fn delete_collection<'a>(&'a self, _collection: &'a CollectionName) -> Pending<'a, u64> {
        refused_to_write()
    }

    fn check(&self) -> Pending<'_, ()> {
        Box::pin(async move { self.shared.head().await.map(drop) })
    }

    fn close(&self) -> Pending<'_, ()> {
        self.shared.close();
        self.shared.database.close()
    }

    fn atomic_batches(&self) -> Option<&dyn AtomicBatches> {
        None
    }

    fn change_feed(&self) -> Option<&dyn ChangeFeed> {
        Some(self)
    }

    fn indexes(&self) -> Option<&dyn Indexes> {
        Some(self)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(self)
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.shared.database.gauges()
    }
}

impl<B: DocumentDatabase> ChangeFeed for JournalReader<B> {
    fn read_changes<'a>(&'a self, request: &'a ChangesRequest) -> Pending<'a, ChangesPage> {
        let shared = &self.shared;
        Box::pin(within(shared.deadline(), "reading changes", shared.read_changes(request)))
    }

    /// Nothing is written here.
    fn keep(&self, _collection: &CollectionName, _keep: Keep) {}

    fn latest(&self) -> Pending<'_, Sequence> {
        Box::pin(async move { Ok(self.shared.head().await?.sequence) })
    }

    fn wait<'a>(
        &'a self,
        since: Sequence,
        _collection: Option<&'a CollectionName>,
    ) -> Pending<'a, ()> {
        Box::pin(look_for_changes(self, since))
    }
}

impl<B: DocumentDatabase> Indexes for JournalReader<B> {
    fn indexes<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, Vec<IndexInfo>> {
        Box::pin(async move {
            let catalogue = self.shared.read_catalogue().await?;
            let entry = catalogue.entry(collection).into_iter();
            Ok(entry.flat_map(crate::CatalogueEntry::declared_indexes).map(info).collect())
        })
    }

    fn indexed_collections(&self) -> Pending<'_, Vec<CollectionName>> {
        Box::pin(async move { Ok(self.shared.read_catalogue().await?.indexed_collections()) })
    }

    fn create_index<'a>(
        &'a self,
        _collection: &'a CollectionName,
        _definition: &'a IndexDefinition,
    ) -> Pending<'a, IndexInfo> {
        refused_to_write()
    }

    fn drop_index<'a>(
        &'a self,
        _collection: &'a CollectionName,
        _definition: &'a IndexDefinition,
    ) -> Pending<'a, bool> {
        refused_to_write()
    }
}

impl<B: DocumentDatabase> Snapshots for JournalReader<B> {
    fn snapshot(&self) -> Pending<'_, Box<dyn Snapshot>> {
        Box::pin(async move { Ok(Box::new(self.whole().await?) as Box<dyn Snapshot>) })
    }
}
