//! A database that is read and not written to: the way out of it, also with credentials that
//! allow no more.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::Arc,
};

use isobase_engine::{
    ChangesPage, ChangesRequest, Clock, CollectionInfo, Counters, EngineError, ErrorKind, Identity,
    IndexInfo, Limits, ListRequest, Listing, ReadOnly, Reader, Snapshot,
    listing::{CountRun, CountStep, ListRun, Step},
};
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence};
use tokio::sync::Mutex;

use crate::{
    DocumentDatabase, JournalOptions, catalogue::Catalogue, error::within, indexes::info,
    shared::Shared, whole::Whole,
};

/// Reads a document database beside the process that writes to it: whole, by id, and by its change feed.
///
/// Nothing is written, neither a journal nor a mark in a document: what other programs wrote is
/// read as it is.
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
    ) -> Result<ReadOnly<Self>, EngineError> {
        let catalogue = match database.peek().await? {
            Some(head) => Catalogue::new(&head, database.catalogue().await?),
            None => Catalogue::default(),
        };
        let shared = Shared::new(database, options, clock, catalogue).reading_only();
        Ok(ReadOnly(Self { shared: Arc::new(shared), listed: Mutex::default() }))
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
}

impl<B: DocumentDatabase> Reader for JournalReader<B> {
    fn name(&self) -> &'static str {
        self.shared.database.name()
    }

    fn limits(&self) -> &Limits {
        self.shared.database.limits()
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        let shared = &self.shared;
        let catalogue = within(shared.deadline(), "the head", shared.fresh_catalogue()).await?;
        Ok(shared.identity(catalogue.identity))
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        let shared = &self.shared;
        within(shared.deadline(), "reading a document", shared.get(collection, id)).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.list_page(collection, request).await
    }

    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        self.count_matching(collection, filter, scan_max).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let shared = &self.shared;
        within(shared.deadline(), "listing collections", shared.collections()).await
    }

    async fn check(&self) -> Result<(), EngineError> {
        self.shared.head().await.map(drop)
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.shared.close();
        self.shared.database.close().await
    }

    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        let shared = &self.shared;
        within(shared.deadline(), "reading changes", shared.read_changes(request)).await
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        Ok(self.shared.head().await?.sequence)
    }

    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        let catalogue = self.shared.read_catalogue().await?;
        let entry = catalogue.entry(collection).into_iter();
        Ok(entry.flat_map(crate::CatalogueEntry::declared_indexes).map(info).collect())
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        Ok(self.shared.read_catalogue().await?.indexed_collections())
    }

    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        Ok(Box::new(self.whole().await?) as Box<dyn Snapshot>)
    }

    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        match self.shared.database.peek().await? {
            Some(_) => self.shared.database.unfinished().await,
            None => Ok(None),
        }
    }
}
