//! Commits that are no batches: of the catalogue, of whole collections, of what other programs
//! wrote.

use std::sync::Arc;

use isobase_engine::{EngineError, ErrorKind, IndexDefinition, IndexState};
use isobase_types::{CollectionName, DocumentId, Sequence};
use tokio::time::Instant;

use crate::{
    After, Before, CatalogueEntry, DocumentDatabase, DocumentKey, DocumentWrite, IndexEntry,
    IndexKey, IndexNumber, Meta, Tag,
    catalogue::Catalogue,
    error::{Pauses, within},
    shared::Shared,
    writer::{
        group::{Group, Stamped},
        task::{Again, Task, too_busy},
    },
};

/// Documents stamped with one question for them.
const STAMP_DOCUMENTS: usize = 100;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum SpecialJob {
    /// Takes all documents of a collection away.
    DeleteCollection { collection: CollectionName },
    /// What a deletion took away is gone natively too.
    Purged { collection: CollectionName, to: Sequence },
    /// Has an index, perhaps a new one.
    DeclareIndex { collection: CollectionName, definition: IndexDefinition },
    /// Every document has its key in the index.
    SetIndexReady { collection: CollectionName, number: IndexNumber },
    /// Has no such index any more.
    DropIndex { collection: CollectionName, definition: IndexDefinition },
    /// Moves the head and nothing else: what was decided for the head as it was is not committed.
    Fence,
    /// Has an entry in the catalogue.
    Register { collection: CollectionName },
    /// Takes documents in that other programs wrote.
    Stamp { collection: CollectionName, documents: Vec<Found> },
    /// All of them were taken in.
    SetAdopted { collection: CollectionName },
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum SpecialAnswer {
    Deleted {
        documents: u64,
        /// The number of the deletion; none when there was nothing.
        to: Option<Sequence>,
    },
    Declared(IndexEntry),
    Dropped(Option<IndexEntry>),
    Stamped(StampCounts),
    Done,
}

/// A document that seems to be another program's.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: DocumentId,
    /// The revision in its bookkeeping, which is of another journal; none when it is ours.
    pub(crate) elsewhere: Option<Sequence>,
}

/// What stamps found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StampCounts {
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

impl SpecialJob {
    /// How many operations it is like.
    pub(super) fn operations(&self) -> usize {
        match self {
            Self::Stamp { documents, .. } => documents.len(),
            _ => 1,
        }
    }
}

/// How an attempt ended.
type Attempt<T> = Result<Result<T, Again>, EngineError>;

impl<B: DocumentDatabase> Task<B> {
    pub(super) async fn special(&mut self, job: &SpecialJob) -> Result<SpecialAnswer, EngineError> {
        if let SpecialJob::Stamp { collection, documents } = job {
            return self.stamp(collection, documents).await.map(SpecialAnswer::Stamped);
        }
        let deadline = self.shared.deadline();
        let mut pauses = Pauses::new();
        loop {
            within(deadline, "the head", self.wait_for_turn()).await?;
            match Box::pin(self.try_special(job, deadline)).await {
                Ok(Ok(answer)) => return Ok(answer),
                Ok(Err(again)) if Instant::now() >= deadline => return Err(too_busy(&again)),
                Ok(Err(_)) => pauses.wait().await,
                Err(error) => {
                    self.head = None;
                    return Err(error);
                }
            }
        }
    }

    async fn try_special(&mut self, job: &SpecialJob, deadline: Instant) -> Attempt<SpecialAnswer> {
        let shared = Arc::clone(&self.shared);
        let (head, at, catalogue) = within(deadline, "the head", self.fresh_head()).await?;
        self.head = Some((head, at));
        within(deadline, "the last commit", shared.database.settle(&head)).await?;
        let mut group = Group::new(&shared, &catalogue, head);
        let entry = |collection: &CollectionName| catalogue.entry(collection).cloned();
        let answer = match job {
            SpecialJob::DeleteCollection { collection } => {
                let count = shared.count_all(collection, catalogue.deleting(collection));
                let stored = within(deadline, "counting documents", count).await?;
                if stored == 0 {
                    return Ok(Ok(SpecialAnswer::Deleted { documents: 0, to: None }));
                }
                let count = shared.count_expired(&catalogue, collection);
                let expired = within(deadline, "counting expired documents", count).await?;
                // Those that have expired go with the others, and are told with them.
                let documents = stored.saturating_sub(expired);
                let entry = self.entry_of(collection, &catalogue, deadline).await?;
                let to = Some(group.delete_collection(&entry));
                SpecialAnswer::Deleted { documents, to }
            }
            SpecialJob::Purged { collection, to } => {
                if let Some(entry) = entry(collection).filter(|e| e.deleting == Some(*to)) {
                    group.set_entry(CatalogueEntry { deleting: None, ..entry });
                }
                SpecialAnswer::Done
            }
            SpecialJob::DeclareIndex { collection, definition } => {
                let mut entry = self.entry_of(collection, &catalogue, deadline).await?;
                let known = entry.indexes.iter().find(|index| index.definition == *definition);
                if let Some(known) = known {
                    return Ok(Ok(SpecialAnswer::Declared(known.clone())));
                }
                let index = IndexEntry {
                    number: next_number(head.catalogue, &catalogue),
                    definition: definition.clone(),
                    state: IndexState::Building,
                };
                entry.indexes.push(index.clone());
                shared.check_index_count(&entry)?;
                for number in index.numbers() {
                    let prepare = shared.database.prepare_index(collection, number);
                    within(deadline, "preparing an index", prepare).await?;
                }
                group.set_entry(entry);
                SpecialAnswer::Declared(index)
            }
            SpecialJob::SetIndexReady { collection, number } => {
                if let Some(mut entry) = entry(collection) {
                    let index = entry.indexes.iter_mut().find(|index| index.number == *number);
                    if let Some(index) = index
                        && index.state != IndexState::Ready
                    {
                        index.state = IndexState::Ready;
                        group.set_entry(entry);
                    }
                }
                SpecialAnswer::Done
            }
            SpecialJob::DropIndex { collection, definition } => {
                let Some(mut entry) = entry(collection) else {
                    return Ok(Ok(SpecialAnswer::Dropped(None)));
                };
                let place = entry.indexes.iter().position(|index| index.definition == *definition);
                let dropped = place.map(|place| entry.indexes.remove(place));
                if let Some(index) = &dropped {
                    // Before the catalogue forgets it, so that no write leaves it out.
                    shared.catalogue.retire(collection, index.clone());
                    group.set_entry(entry);
                }
                SpecialAnswer::Dropped(dropped)
            }
            SpecialJob::Register { collection } => {
                if catalogue.entry(collection).is_none() {
                    group.set_entry(self.entry_of(collection, &catalogue, deadline).await?);
                }
                SpecialAnswer::Done
            }
            SpecialJob::SetAdopted { collection } => {
                let entry = self.entry_of(collection, &catalogue, deadline).await?;
                let adopted = CatalogueEntry { adopted: true, ..entry };
                if catalogue.entry(collection) != Some(&adopted) {
                    group.set_entry(adopted);
                }
                SpecialAnswer::Done
            }
            SpecialJob::Fence | SpecialJob::Stamp { .. } => SpecialAnswer::Done,
        };
        if group.is_empty() && !matches!(job, SpecialJob::Fence) {
            return Ok(Ok(answer));
        }
        let commit = group.into_commit();
        match self.commit(&commit, &catalogue, deadline).await? {
            None => Ok(Ok(answer)),
            Some(again) => Ok(Err(again)),
        }
    }

    /// The entry of a collection, made ready natively if it is new.
    async fn entry_of(
        &self,
        collection: &CollectionName,
        catalogue: &Catalogue,
        deadline: Instant,
    ) -> Result<CatalogueEntry, EngineError> {
        if let Some(entry) = catalogue.entry(collection) {
            return Ok(entry.clone());
        }
        let prepare = self.shared.database.prepare_collection(collection);
        let had_documents = within(deadline, "preparing a collection", prepare).await?;
        Ok(CatalogueEntry::new(collection.clone(), !had_documents))
    }

    async fn stamp(
        &mut self,
        collection: &CollectionName,
        documents: &[Found],
    ) -> Result<StampCounts, EngineError> {
        let mut total = StampCounts::default();
        let mut left = documents;
        let mut deadline = self.shared.deadline();
        let mut pauses = Pauses::new();
        while !left.is_empty() {
            let part = &left[..left.len().min(STAMP_DOCUMENTS)];
            match Box::pin(self.try_stamp(collection, part, deadline)).await {
                Ok(Ok((done, counts))) => {
                    total.created += counts.created;
                    total.updated += counts.updated;
                    left = &left[done..];
                    deadline = self.shared.deadline();
                    pauses = Pauses::new();
                }
                Ok(Err(again)) if Instant::now() >= deadline => return Err(too_busy(&again)),
                Ok(Err(_)) => pauses.wait().await,
                Err(error) => {
                    self.head = None;
                    return Err(error);
                }
            }
        }
        Ok(total)
    }

    /// Stamps the first of some documents in one commit; says how many were looked at.
    async fn try_stamp(
        &mut self,
        collection: &CollectionName,
        found: &[Found],
        deadline: Instant,
    ) -> Attempt<(usize, StampCounts)> {
        let shared = Arc::clone(&self.shared);
        let (head, at, catalogue) = within(deadline, "the head", self.fresh_head()).await?;
        self.head = Some((head, at));
        let mut group = Group::new(&shared, &catalogue, head);
        let key = |id: &DocumentId| DocumentKey { collection: collection.clone(), id: id.clone() };
        let keys: Vec<DocumentKey> = found.iter().map(|found| key(&found.id)).collect();
        let read = shared.database.read(&keys);
        let documents = within(deadline, "reading before a stamp", read).await?;
        for (key, document) in keys.iter().zip(documents) {
            group.know(key.clone(), document);
        }
        let mut counts = StampCounts::default();
        let mut done = 0;
        for (key, found) in keys.iter().zip(found) {
            let (mark, was_empty) = (group.mark(), group.is_empty());
            let stamped = group.stamp(key, found.elsewhere);
            let fits = group.fits();
            if !fits {
                group.back_to(&mark);
                if !was_empty {
                    break;
                }
            }
            done += 1;
            match stamped {
                Ok(Stamped::No) => {}
                Ok(Stamped::Created) if fits => counts.created += 1,
                Ok(Stamped::Updated) if fits => counts.updated += 1,
                // It can be read by its id, but not listed.
                refused => tracing::warn!(
                    %collection,
                    id = %key.id,
                    ?refused,
                    "a document of another program in {collection} cannot be taken in"
                ),
            }
        }
        if group.is_empty() {
            return Ok(Ok((done, counts)));
        }
        for collection in group.unknown_collections() {
            let entry = self.entry_of(&collection, &catalogue, deadline).await?;
            group.set_entry(entry);
        }
        let commit = group.into_commit();
        match self.commit(&commit, &catalogue, deadline).await? {
            None => Ok(Ok((done, counts))),
            Some(again) => Ok(Err(again)),
        }
    }
}

impl<B: DocumentDatabase> Shared<B> {
    /// Refuses an index with which no document could be written any more: a write that changes
    /// all keys of a document must be within one commit.
    fn check_index_count(&self, entry: &CatalogueEntry) -> Result<(), EngineError> {
        let keys = |last: u8| {
            let numbers = entry.indexes.iter().flat_map(IndexEntry::numbers);
            numbers.map(|index| IndexKey { index, key: vec![last] }).collect::<Vec<_>>()
        };
        let now = self.time.now();
        let (fields, meta) =
            Meta::of_body("{}", self.database.rules(), Sequence::default(), now, now);
        let key = DocumentKey { collection: entry.collection.clone(), id: 1.into() };
        let before = Before { tag: Tag::default(), stamp: None, keys: keys(0) };
        let after = After { fields, meta, keys: keys(1) };
        let write = DocumentWrite { key, before: Some(before), after: Some(after) };
        let budget = self.database.budget();
        // The answer to an idempotency key may go with it.
        let needed = self.database.cost(&write).items + budget.items_per_collection.max(1) + 1;
        if needed <= budget.items {
            return Ok(());
        }
        let message = format!(
            "a write of one document in {} would need {needed} items with {} indexes, {} writes \
             at most {} at once; drop an index first",
            entry.collection,
            entry.indexes.len(),
            self.database.name(),
            budget.items
        );
        Err(EngineError::new(ErrorKind::LimitExceeded, message))
    }
}

/// The number of a new index. The number of the catalogue grows with every index, and is never
/// reused; after a load it may have begun anew.
fn next_number(catalogue_number: u64, catalogue: &Catalogue) -> IndexNumber {
    let used = catalogue.entries().flat_map(|entry| &entry.indexes).map(|index| index.number);
    let next = used.max().unwrap_or_default().saturating_add(1);
    next.max(u32::try_from(catalogue_number.saturating_add(1)).unwrap_or(u32::MAX))
}
