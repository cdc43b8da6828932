//! Reading and loading a whole database.

use std::{
    collections::{BTreeMap, HashSet},
    ops::Bound,
    sync::Arc,
};

use async_trait::async_trait;
use isobase_engine::{
    BulkLoad, CollectionInfo, Counters, EngineError, ErrorKind, Indexed, NotRead, Rejection,
    Snapshot, Snapshots, check_note, listing::IdRange, revision_number,
};
use isobase_types::{COUNTED_ID_MAX, CollectionName, Document, DocumentId, Sequence};

use crate::{
    After, CatalogueEntry, DocumentDatabase, DocumentKey, DocumentWrite, IndexEntry, JournalEngine,
    KeyFetch, Meta,
    attached::Attached,
    catalogue::{Catalogue, LOADS_SEEN_AFTER},
    core::Core,
    keys::{IDS, key_range, keys_of},
    shared::Shared,
    writer::{Fence, Register, group::before_of},
};

/// Documents read at a time.
const READ_DOCUMENTS: u32 = 1_000;

#[async_trait]
impl<B: DocumentDatabase> Snapshots for JournalEngine<B> {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        self.core.shared.check_open()?;
        self.core.shared.settle_unfinished().await?;
        let head = self.core.shared.database.head().await?;
        let counters = Counters { sequence: head.sequence, last_id: head.last_id };
        let (core, attached) = (Arc::clone(&self.core), Attached::default());
        let snapshot = JournalSnapshot { core, counters, attached };
        Ok(Box::new(snapshot) as Box<dyn Snapshot>)
    }
}

/// Everything there is, as it is when it is read.
struct JournalSnapshot<B: DocumentDatabase> {
    core: Arc<Core<B>>,
    counters: Counters,
    attached: Attached,
}

#[async_trait]
impl<B: DocumentDatabase> Snapshot for JournalSnapshot<B> {
    fn is_of_one_moment(&self) -> bool {
        false
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    async fn collections(&mut self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.core.shared.stored_collections().await
    }

    async fn not_read(&mut self) -> Result<Vec<NotRead>, EngineError> {
        let mut not_read = self.core.shared.database.not_read().await?;
        not_read.extend(self.attached.not_read());
        Ok(not_read)
    }

    async fn read(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        self.core.shared.check_open()?;
        if after.is_none() {
            self.attached.forget(collection);
        }
        let Some(reading) = self.core.reading(collection).await? else {
            return Ok(Vec::new());
        };
        let mut documents: Vec<Document> = Vec::new();
        let mut bytes = 0;
        loop {
            let last = documents.last().map(|document| document.id.clone());
            let left = bytes_max.saturating_sub(bytes).max(1);
            let part = reading.after(last.as_ref().or(after), READ_DOCUMENTS, left);
            let (found, exhausted) = part.await?;
            found.iter().for_each(|document| self.attached.see(collection, document));
            bytes += found.iter().map(|document| document.body.len()).sum::<usize>();
            documents.extend(found.into_iter().map(crate::NativeDocument::into_document));
            if exhausted || bytes >= bytes_max {
                return Ok(documents);
            }
        }
    }
}

#[async_trait]
impl<B: DocumentDatabase> BulkLoad for JournalEngine<B> {
    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.core.shared.database.unfinished().await
    }

    async fn mark(&self, note: &str) -> Result<(), EngineError> {
        self.core.shared.check_open()?;
        check_note(note)?;
        let Core { shared, writer, .. } = &*self.core;
        shared.database.set_unfinished(Some(note)).await?;
        if !shared.loading.begin(note) {
            return Ok(());
        }
        // Services that have the database open look now and then, and write no more.
        tokio::time::sleep(LOADS_SEEN_AFTER).await;
        // What they decided before that and is still under way finds another head.
        match writer.special(Fence).await {
            Ok(()) => shared.loading.fenced(),
            Err(error) => {
                shared.loading.leave(note);
                return Err(error);
            }
        }
        Ok(())
    }

    async fn load(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<(), EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        let indexes = self.core.prepared(collection).await?;
        let writes = shared.loads(collection, &indexes, documents)?;
        let writes = shared.with_keys_before(writes, &indexes).await?;
        shared.database.load(writes).await
    }

    async fn unload(
        &self,
        collection: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        if shared.database.refuses_collection(collection).is_some() {
            return Ok(());
        }
        let indexes = self.core.prepared(collection).await?;
        let mut seen = HashSet::new();
        let writes = ids.iter().filter(|id| seen.insert(*id)).map(|id| DocumentWrite {
            key: DocumentKey { collection: collection.clone(), id: id.clone() },
            before: None,
            after: None,
        });
        let mut writes = shared.with_keys_before(writes.collect(), &indexes).await?;
        writes.retain(|write| write.before.is_some());
        shared.database.load(writes).await
    }

    async fn finish(&self, counters: Counters) -> Result<(), EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        shared.settle(counters).await?;
        let catalogue = shared.catalogue.get();
        for entry in catalogue.entries() {
            for index in entry.indexes.iter().filter(|index| index.definition.is_unique()) {
                let found = shared.duplicates(&catalogue, &entry.collection, index).await?;
                found.refuse(&entry.collection, &index.definition)?;
            }
        }
        shared.database.set_unfinished(None).await?;
        shared.loading.end();
        shared.waiting.wake();
        Ok(())
    }

    fn leave(&self, note: &str) {
        self.core.shared.loading.leave(note);
    }
}

impl<B: DocumentDatabase> Core<B> {
    /// The indexes of a collection that is made ready natively, and that no deletion is clearing.
    async fn prepared(
        self: &Arc<Self>,
        collection: &CollectionName,
    ) -> Result<Vec<IndexEntry>, EngineError> {
        if self.shared.catalogue.get().entry(collection).is_none() {
            if let Some(reason) = self.shared.database.refuses_collection(collection) {
                return Err(EngineError::new(ErrorKind::InvalidArgument, reason));
            }
            self.writer.special(Register(collection.clone())).await?;
        }
        // Before anything is loaded that the deletion would delete too.
        self.purged(collection).await?;
        let catalogue = self.shared.catalogue.get();
        Ok(catalogue.entry(collection).map_or_else(Vec::new, |entry| entry.indexes.clone()))
    }
}

impl<B: DocumentDatabase> Shared<B> {
    /// A database may show what an unfinished load has brought only once it is settled.
    pub(crate) async fn settle_unfinished(&self) -> Result<(), EngineError> {
        match self.database.unfinished().await? {
            Some(_) => self.settle(Counters::default()).await,
            None => Ok(()),
        }
    }

    /// Makes what was loaded count: the counters, each at least as given, and the catalogue.
    async fn settle(&self, counters: Counters) -> Result<(), EngineError> {
        let head = self.database.head().await?;
        let mut last_id = counters.last_id.max(head.last_id);
        let mut entries = BTreeMap::new();
        for info in self.database.collections().await? {
            // A caller that counted less than there is must not make two documents one.
            last_id = last_id.max(self.last_integer(&info.name).await?);
            entries.insert(info.name.clone(), CatalogueEntry::new(info.name, false));
        }
        let sequence = counters.sequence.max(head.sequence);
        let counters = Counters { sequence, last_id };
        for entry in self.database.catalogue().await? {
            entries.insert(entry.collection.clone(), CatalogueEntry { deleting: None, ..entry });
        }
        let entries: Vec<_> = entries.into_values().collect();
        let head = self.database.reset(counters, &entries).await?;
        self.catalogue.replace(Catalogue::new(&head, entries));
        Ok(())
    }

    /// The native form of documents to load; of several with one id the last.
    fn loads(
        &self,
        collection: &CollectionName,
        indexes: &[IndexEntry],
        documents: Vec<Document>,
    ) -> Result<Vec<DocumentWrite>, EngineError> {
        let mut writes: Vec<DocumentWrite> = Vec::with_capacity(documents.len());
        let mut places = BTreeMap::new();
        for document in documents {
            let id = document.id.clone();
            let write = self.load_of(collection, indexes, document).map_err(|refused| {
                let message = format!("document {id} of {collection}: {refused}");
                EngineError::new(ErrorKind::InvalidArgument, message)
            })?;
            match places.get(&id) {
                Some(place) => writes[*place] = write,
                None => {
                    places.insert(id, writes.len());
                    writes.push(write);
                }
            }
        }
        Ok(writes)
    }

    fn load_of(
        &self,
        collection: &CollectionName,
        indexes: &[IndexEntry],
        document: Document,
    ) -> Result<DocumentWrite, Rejection> {
        let Document { id, revision, created_at, updated_at, body } = document;
        self.database.limits().check_body(&body)?;
        let indexed = Indexed { body: &body, id: &id, created_at, updated_at };
        let keys = keys_of(indexed, indexes, self.stored_keys());
        let revision = Sequence(revision_number(&revision));
        let rules = self.database.rules();
        let (fields, meta) = Meta::of_body(&body, rules, revision, created_at, updated_at);
        let after = After { fields, meta: meta.bound_to(&id), keys };
        let key = DocumentKey { collection: collection.clone(), id };
        self.check_holdable(&key, &after)?;
        Ok(DocumentWrite { key, before: None, after: Some(after) })
    }

    /// The largest integer id in a collection that the counter knows; 0 when there is none.
    async fn last_integer(&self, collection: &CollectionName) -> Result<i64, EngineError> {
        let none = DocumentId::Integer(-1);
        let largest = DocumentId::Integer(COUNTED_ID_MAX);
        let range = IdRange { lower: Bound::Excluded(none), upper: Bound::Included(largest) };
        let (lower, upper) = key_range(&range);
        let part =
            KeyFetch { index: IDS, lower, upper, reverse: true, limit: 1, bytes_max: usize::MAX };
        let found = self.database.fetch(collection, &part).await?;
        match found.documents.first().map(|found| &found.document.id) {
            Some(DocumentId::Integer(last)) => Ok(*last),
            _ => Ok(0),
        }
    }

    /// Adds how the documents are now, where their keys may change or go.
    async fn with_keys_before(
        &self,
        mut writes: Vec<DocumentWrite>,
        indexes: &[IndexEntry],
    ) -> Result<Vec<DocumentWrite>, EngineError> {
        let is_new_key = !indexes.is_empty() || writes.iter().any(|write| write.after.is_none());
        if !is_new_key || writes.is_empty() {
            return Ok(writes);
        }
        let keys: Vec<_> = writes.iter().map(|write| write.key.clone()).collect();
        let found = self.database.read(&keys).await?;
        for (write, found) in writes.iter_mut().zip(found) {
            let is_deleted = write.after.is_none();
            write.before =
                found.map(|found| before_of(&found, indexes, self.stored_keys(), is_deleted));
        }
        Ok(writes)
    }
}
