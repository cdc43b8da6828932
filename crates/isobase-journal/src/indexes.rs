//! Declared indexes.
//!
//! An index is declared in the catalogue, filled part by part, and then ready. From its
//! declaration on every commit of every process has keys for it, because a commit is for one
//! head, and the head says which catalogue it belongs to. Filling writes no commits: a document
//! that changes meanwhile is looked at again.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use isobase_engine::{
    EngineError, ErrorKind, IndexDefinition, IndexInfo, IndexState, Indexes,
    listing::FETCH_BYTES_MAX,
};
use isobase_types::{CollectionName, DocumentId};

use crate::{
    After, CatalogueEntry, DocumentDatabase, DocumentKey, DocumentWrite, IndexEntry, IndexNumber,
    JournalEngine, Meta, NativeDocument,
    catalogue::CATALOGUE_AGE_MAX,
    core::Core,
    error::pauses,
    keys::keys_of,
    read::Reading,
    shared::Shared,
    writer::{
        DeclareIndex, DropIndex, Fence, Found, SetIndexReady, Stamp,
        group::{before_of, indexes_of},
    },
};

/// Documents filled in together.
const FILL_DOCUMENTS: u32 = 100;

/// How often a document that changes meanwhile is looked at again.
const FILL_ATTEMPTS_MAX: u32 = 30;

/// How often a dropped index is looked at.
const RETIRED_POLL: Duration = Duration::from_millis(50);

#[async_trait]
impl<B: DocumentDatabase> Indexes for JournalEngine<B> {
    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        self.core.shared.check_open()?;
        let catalogue = self.core.shared.read_catalogue().await?;
        let entry = catalogue.entry(collection).into_iter();
        Ok(entry.flat_map(CatalogueEntry::declared_indexes).map(info).collect())
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        self.core.shared.check_open()?;
        Ok(self.core.shared.read_catalogue().await?.indexed_collections())
    }

    async fn create_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError> {
        self.core.shared.check_open()?;
        if let Some(reason) = self.core.shared.database.refuses_collection(collection) {
            return Err(EngineError::new(ErrorKind::InvalidArgument, reason));
        }
        // What a load has brought must have keys, and what other programs wrote.
        self.core.shared.settle_unfinished().await?;
        self.core.reading(collection).await?;
        let (name, wanted) = (collection.clone(), definition.clone());
        let job = DeclareIndex { collection: name, definition: wanted };
        let index = self.core.writer.special(job).await?;
        if index.state == IndexState::Building {
            let mut filled = self.core.fill(collection, &index).await;
            if filled.is_ok() && definition.is_unique() {
                filled = self.core.check_unique(collection, &index).await;
            }
            if let Err(error) = filled {
                if matches!(error.kind, ErrorKind::LimitExceeded | ErrorKind::NotUnique) {
                    // It can never be whole, and no such document could be written again.
                    self.drop_index(collection, definition).await?;
                }
                return Err(error);
            }
            let (name, number) = (collection.clone(), index.number);
            let job = SetIndexReady { collection: name, number };
            self.core.writer.special(job).await?;
        }
        Ok(IndexInfo { definition: definition.clone(), state: IndexState::Ready })
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, EngineError> {
        self.core.shared.check_open()?;
        let (name, wanted) = (collection.clone(), definition.clone());
        let job = DropIndex { collection: name, definition: wanted };
        let dropped = self.core.writer.special(job).await?;
        let was_there = dropped.is_some();
        for number in dropped.iter().flat_map(IndexEntry::numbers) {
            self.core.end_index(collection, number);
        }
        Ok(was_there)
    }
}

impl<B: DocumentDatabase> Shared<B> {
    /// Refuses an index when a document cannot be held with its key.
    fn check_rekeyed(&self, write: &DocumentWrite, index: &IndexEntry) -> Result<(), EngineError> {
        let Some(after) = &write.after else { return Ok(()) };
        self.check_holdable(&write.key, after).map_err(|refused| {
            let DocumentKey { collection, id } = &write.key;
            let order = index.definition.order();
            let message = format!(
                "the index {order} of {collection} cannot be declared because of document {id}: \
                 {refused}"
            );
            EngineError::new(ErrorKind::LimitExceeded, message)
        })
    }
}

impl<B: DocumentDatabase> Core<B> {
    /// Gives every document its key in an index.
    async fn fill(
        self: &Arc<Self>,
        collection: &CollectionName,
        index: &IndexEntry,
    ) -> Result<(), EngineError> {
        let mut after = None;
        loop {
            let catalogue = self.shared.read_catalogue().await?;
            let is_declared = catalogue
                .entry(collection)
                .is_some_and(|entry| entry.indexes.iter().any(|i| i.number == index.number));
            if !is_declared {
                let message = "the index was dropped while it was built";
                return Err(EngineError::new(ErrorKind::Unavailable, message));
            }
            let generation = self.shared.catalogue.begin_reading();
            let reading = Reading::new(&self.shared, collection, generation, &catalogue);
            let (documents, exhausted) =
                reading.after(after.as_ref(), FILL_DOCUMENTS, FETCH_BYTES_MAX).await?;
            let last = documents.last().map(|document| document.id.clone());
            self.fill_part(collection, index, documents).await?;
            match last {
                Some(last) if !exhausted => after = Some(last),
                _ => return Ok(()),
            }
        }
    }

    /// Whether the values of a filled index are unique. A write that was decided before the last
    /// part was filled may not have seen it: after the fence it is there, or finds another head.
    async fn check_unique(
        &self,
        collection: &CollectionName,
        index: &IndexEntry,
    ) -> Result<(), EngineError> {
        self.writer.special(Fence).await?;
        let catalogue = self.shared.read_catalogue().await?;
        let duplicates = self.shared.duplicates(&catalogue, collection, index).await?;
        duplicates.refuse(collection, &index.definition)
    }

    async fn fill_part(
        &self,
        collection: &CollectionName,
        index: &IndexEntry,
        mut documents: Vec<NativeDocument>,
    ) -> Result<(), EngineError> {
        let shared = &self.shared;
        let mut pauses = pauses();
        for attempt in 0..FILL_ATTEMPTS_MAX {
            // A document that another program has changed is taken in, with all its keys.
            let (foreign, ours): (Vec<_>, Vec<_>) =
                documents.into_iter().partition(NativeDocument::is_foreign);
            // Read after the documents: a caller that gave them keys of another index declared it before.
            let catalogue = shared.read_catalogue().await?;
            let indexes = indexes_of(&catalogue, &shared.catalogue.retired(), collection);
            let writes: Vec<_> = ours
                .iter()
                .map(|document| {
                    rekeyed(collection, document, index, &indexes, shared.database.rules())
                })
                .collect();
            for write in &writes {
                shared.check_rekeyed(write, index)?;
            }
            let written = match writes.is_empty() {
                true => Vec::new(),
                false => shared.database.rekey(&writes).await?,
            };
            let mut again: Vec<_> = writes
                .into_iter()
                .zip(written)
                .filter(|(_, written)| !written)
                .map(|(write, _)| write.key)
                .collect();
            // One that is foreign still cannot be taken in, and is in no listing.
            if !foreign.is_empty() && attempt == 0 {
                let key = |id: &DocumentId| DocumentKey {
                    collection: collection.clone(),
                    id: id.clone(),
                };
                again.extend(foreign.iter().map(|document| key(&document.id)));
                let documents = foreign
                    .into_iter()
                    .map(|document| Found { id: document.id, elsewhere: None })
                    .collect();
                self.writer.stamp(Stamp { collection: collection.clone(), documents }).await?;
            }
            if again.is_empty() {
                return Ok(());
            }
            pauses.wait().await;
            documents = shared.database.read(&again).await?.into_iter().flatten().collect();
        }
        let message =
            "documents changed again and again while an index was built; declare it again";
        Err(EngineError::new(ErrorKind::Unavailable, message))
    }

    /// Ends a dropped index natively, once no listing can be reading it.
    fn end_index(self: &Arc<Self>, collection: &CollectionName, number: IndexNumber) {
        let (core, collection) = (Arc::clone(self), collection.clone());
        self.spawn(async move {
            let ended = async {
                // Listings of other processes may have begun to read it.
                tokio::time::sleep(core.shared.options.deadline + CATALOGUE_AGE_MAX).await;
                while core.shared.catalogue.is_retired(number) {
                    tokio::time::sleep(RETIRED_POLL).await;
                }
            };
            tokio::select! {
                () = ended => {}
                () = core.closing() => {}
            }
            if let Err(error) = core.shared.database.drop_index(&collection, number).await {
                tracing::warn!(%error, "a dropped index of {collection} is still there: {error}");
            }
        });
    }
}

/// A document with its key in a new index.
fn rekeyed(
    collection: &CollectionName,
    document: &NativeDocument,
    index: &IndexEntry,
    indexes: &[IndexEntry],
    rules: &crate::NativeRules,
) -> DocumentWrite {
    let others: Vec<_> =
        indexes.iter().filter(|other| other.number != index.number).cloned().collect();
    let before = before_of(document, &others, rules.stored_keys(), false);
    let (revision, created_at, updated_at) = (
        isobase_types::Sequence(document.revision.number().unwrap_or_default()),
        document.created_at,
        document.updated_at,
    );
    let (fields, meta) = Meta::of_body(&document.body, rules, revision, created_at, updated_at);
    let meta = meta.bound_to(&document.id);
    let keys = keys_of(document.indexed(), indexes, rules.stored_keys());
    DocumentWrite {
        key: DocumentKey { collection: collection.clone(), id: document.id.clone() },
        before: Some(before),
        after: Some(After { fields, meta, keys }),
    }
}

pub(crate) fn info(index: &IndexEntry) -> IndexInfo {
    IndexInfo { definition: index.definition.clone(), state: index.state }
}
