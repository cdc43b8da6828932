//! What Firestore does for the engine.

use std::collections::HashSet;

use async_trait::async_trait;
use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::{CollectionInfo, Counters, EngineError, ErrorKind, Identity, Limits};
use isobase_journal::{
    After, Budget, CatalogueEntry, Commit, CommitError, Cost, DocumentDatabase, DocumentKey,
    DocumentWrite, Head, IndexNumber, KeyFetch, KeyFetched, KeyedDocument, LogRecord,
    NativeDocument, NativeRules, ScanPage, StoredAnswer,
};
use isobase_types::{CollectionName, Sequence, Timestamp};
use parking_lot::Mutex;
use proto::{precondition::ConditionType, structured_query::field_filter::Operator};
use tokio::sync::{Semaphore, SemaphorePermit};
use tonic::Code;

use crate::{
    Indexing, codec, journal, limits,
    names::{self, IDS},
    query::{NAME, Query},
    requests::Requests,
    size,
    writes::{self, SeenHead, WriteExt, put},
};

/// One Firestore database, as the engine over document databases uses it.
pub struct FirestoreDatabase {
    pub(crate) requests: Requests,
    /// What its owner says that Firestore indexes.
    indexing: Indexing,
    /// The head as it was last read or written: a commit for it needs no read before. Dropped
    /// when a commit is refused.
    head: Mutex<Option<SeenHead>>,
    /// Bounds the bulk requests of all loads together.
    bulk: Semaphore,
}

impl FirestoreDatabase {
    pub(crate) fn new(requests: Requests, indexing: Indexing) -> Self {
        let bulk = Semaphore::new(limits::PARALLEL_REQUESTS);
        Self { requests, indexing, head: Mutex::new(None), bulk }
    }

    pub(crate) fn seen(&self) -> Option<SeenHead> {
        self.head.lock().clone()
    }

    pub(crate) fn see(&self, head: Option<SeenHead>) {
        *self.head.lock() = head;
    }

    pub(crate) async fn bulk_permit(&self) -> Result<SemaphorePermit<'_>, EngineError> {
        self.bulk.acquire().await.map_err(|_| {
            EngineError::new(ErrorKind::Unavailable, "the connection to Firestore is closed")
        })
    }

    fn head_name(&self) -> String {
        let names = &self.requests.names;
        names.native_document(&names.journal(), journal::HEAD)
    }

    fn unfinished_name(&self) -> String {
        let names = &self.requests.names;
        names.native_document(&names.journal(), journal::UNFINISHED)
    }

    /// Reads the head, if there is one.
    async fn find_head(&self) -> Result<Option<SeenHead>, EngineError> {
        let Some(document) = self.requests.document(self.head_name()).await? else {
            return Ok(None);
        };
        let (head, token) = journal::head_of(&document.fields)?;
        let version = document.update_time.ok_or_else(|| journal::corrupted("a version"))?;
        let seen = SeenHead { head, token, version };
        self.see(Some(seen.clone()));
        Ok(Some(seen))
    }

    pub(crate) async fn read_head(&self) -> Result<SeenHead, EngineError> {
        self.find_head().await?.ok_or_else(|| {
            let name = self.head_name();
            let name = crate::requests::path(&name);
            let message = format!("the head of the journal, '{name}', is gone");
            EngineError::new(ErrorKind::Corrupted, message)
        })
    }

    /// The documents whose key in an index lies in a range.
    fn range(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Query {
        let path = codec::key_path(index);
        let native = self.requests.names.collection(collection);
        let from = codec::bytes(lower.to_vec());
        let query = Query::of(native).only(&path, Operator::GreaterThanOrEqual, from);
        match upper {
            Some(upper) => query.only(&path, Operator::LessThan, codec::bytes(upper.to_vec())),
            None => query,
        }
    }

    async fn entries(&self) -> Result<Vec<CatalogueEntry>, EngineError> {
        let native = self.requests.names.catalogue();
        let mut entries = Vec::new();
        let mut after = None;
        loop {
            const PAGE: u32 = 1_000;
            let query = self.by_name(&native, after.as_deref()).at_most(PAGE).build();
            let found = self.requests.query(&query, limits::SCAN_BYTES_MAX).await?;
            let is_last = !found.cut && found.documents.len() < PAGE as usize;
            after = writes::last_id(&found.documents);
            for document in found.documents {
                entries.push(journal::entry_of(&document.fields)?);
            }
            if is_last {
                return Ok(entries);
            }
        }
    }
}

#[async_trait]
impl DocumentDatabase for FirestoreDatabase {
    fn name(&self) -> &'static str {
        "firestore"
    }

    fn location(&self) -> String {
        self.head_name()
    }

    fn limits(&self) -> &Limits {
        &limits::LIMITS
    }

    fn rules(&self) -> &NativeRules {
        &limits::RULES
    }

    fn refuses_collection(&self, _collection: &CollectionName) -> Option<String> {
        None
    }

    fn refuses_size(&self, key: &DocumentKey, after: &After) -> Option<String> {
        if let Some((path, bytes)) = size::too_long_string(after) {
            let max = limits::VALUE_BYTES_MAX;
            return Some(format!("'{path}' has {bytes} bytes, at most {max} are allowed"));
        }
        let id = IDS.of(&key.id);
        // Kept in the bookkeeping where it is too long for a name.
        let kept = IDS.kept(&key.id).map_or(0, |id| id.len() as u64 + 4);
        let bytes = size::stored(&[&"x".repeat(limits::COLLECTION_BYTES_MAX), &id], after) + kept;
        let max = limits::DOCUMENT_BYTES_MAX;
        if bytes > max {
            let reason = "by Firestore's count, at most";
            return Some(format!("it has {bytes} bytes {reason} {max} are allowed"));
        }
        if self.indexing == Indexing::KeysOnly {
            return None;
        }
        // Each entry has the name of the collection: the longest there is would be several times
        // all that is in some.
        let collection = self.requests.names.collection(&key.collection);
        let indexed = size::indexed(&[&collection, &id], after);
        let (entries, max) = (indexed.entries, limits::INDEX_ENTRIES_MAX);
        if entries > max {
            return Some(format!(
                "its fields need {entries} entries in Firestore's automatic indexes, at most {max} \
                 are allowed"
            ));
        }
        let ((field, bytes), max) = (indexed.longest, limits::INDEX_ENTRY_BYTES_MAX);
        if bytes > max {
            return Some(format!(
                "the names of '{field}' are so long that its entry in Firestore's automatic \
                 indexes has {bytes} bytes, at most {max} are allowed"
            ));
        }
        let (bytes, max) = (indexed.bytes, limits::INDEX_BYTES_MAX);
        (bytes > max).then(|| {
            format!(
                "its entries in Firestore's automatic indexes have {bytes} bytes, at most {max} \
                 are allowed"
            )
        })
    }

    fn budget(&self) -> Budget {
        limits::BUDGET
    }

    fn cost(&self, write: &DocumentWrite) -> Cost {
        Cost { items: 1, bytes: size::cost(&self.name_of(write), write) }
    }

    fn commits_are_atomic(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<Head, EngineError> {
        let head = Head { identity: Some(Identity::new()), ..Head::default() };
        loop {
            if let Some(seen) = self.find_head().await? {
                return Ok(seen.head);
            }
            let write = || {
                let fields = journal::head_fields(&head, &writes::token());
                vec![put(self.head_name(), fields).under(ConditionType::Exists(false))]
            };
            match self.requests.commit(write).await {
                Ok(_) => {}
                // Someone else made it meanwhile, or an attempt of ours did.
                Err(failure) if failure.status.code() == Code::AlreadyExists => {}
                Err(failure)
                    if failure.status.code() == Code::FailedPrecondition
                        && self.find_head().await?.is_some() => {}
                Err(failure) => return Err(failure.into_error("making the journal")),
            }
        }
    }

    async fn peek(&self) -> Result<Option<Head>, EngineError> {
        Ok(self.find_head().await?.map(|seen| seen.head))
    }

    async fn head(&self) -> Result<Head, EngineError> {
        Ok(self.read_head().await?.head)
    }

    async fn check(&self) -> Result<(), EngineError> {
        self.requests.document(self.head_name()).await.map(drop)
    }

    async fn catalogue(&self) -> Result<Vec<CatalogueEntry>, EngineError> {
        self.entries().await
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        let names = &self.requests.names;
        let of_key = |key: &DocumentKey| names.document(&key.collection, &key.id);
        let names: Vec<_> = keys.iter().map(of_key).collect();
        let found = self.requests.documents(&names).await?;
        Ok(found.into_iter().map(|native| native.and_then(codec::document)).collect())
    }

    async fn fetch(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
    ) -> Result<KeyFetched, EngineError> {
        let path = codec::key_path(fetch.index);
        let query = self
            .range(collection, fetch.index, &fetch.lower, fetch.upper.as_deref())
            .by(&path, fetch.reverse)
            .at_most(fetch.limit);
        let found = self.requests.query(&query.build(), fetch.bytes_max).await?;
        let exhausted = !found.cut && found.documents.len() < fetch.limit as usize;
        let passed = found.documents.last().and_then(|last| codec::key_of(last, fetch.index));
        let mut documents = Vec::with_capacity(found.documents.len());
        for native in found.documents {
            let Some(key) = codec::key_of(&native, fetch.index) else { continue };
            let Some(document) = codec::document(native) else { continue };
            documents.push(KeyedDocument { key, document });
        }
        let passed = passed.filter(|_| documents.is_empty() && !exhausted);
        Ok(KeyFetched { documents, exhausted, passed })
    }

    async fn count_keys(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Result<u64, EngineError> {
        let query = self.range(collection, index, lower, upper).build();
        self.requests.count(&query).await
    }

    async fn count(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        let native = self.requests.names.collection(collection);
        self.requests.count(&Query::of(native).build()).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let native = self.requests.collections().await?;
        let names = &self.requests.names;
        let mut collections: Vec<_> =
            native.iter().filter_map(|native| names.of_native(native)).collect();
        collections.sort_unstable();
        let counts = self.counts(collections).await?;
        let infos = counts.into_iter().filter(|(_, documents)| *documents > 0);
        Ok(infos.map(|(name, documents)| CollectionInfo { name, documents }).collect())
    }

    async fn scan(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError> {
        let native = self.requests.names.collection(collection);
        let query = self.by_name(&native, after).at_most(limit).build();
        let found = self.requests.query(&query, limits::SCAN_BYTES_MAX).await?;
        let is_last = !found.cut && found.documents.len() < limit as usize;
        let next = writes::last_id(&found.documents).filter(|_| !is_last);
        let mut page = ScanPage { next, ..ScanPage::default() };
        for native in found.documents {
            let id = names::native_id_of(&native.name).to_owned();
            match codec::document(native) {
                Some(document) => page.documents.push(document),
                None => page.unreadable.push(id),
            }
        }
        Ok(page)
    }

    /// Firestore makes a collection with its first document.
    async fn prepare_collection(&self, collection: &CollectionName) -> Result<bool, EngineError> {
        let native = self.requests.names.collection(collection);
        let query = Query::of(native).names().at_most(1).build();
        Ok(!self.requests.query(&query, usize::MAX).await?.documents.is_empty())
    }

    /// Firestore indexes every field by itself.
    async fn prepare_index(
        &self,
        _collection: &CollectionName,
        _index: IndexNumber,
    ) -> Result<(), EngineError> {
        Ok(())
    }

    /// The keys stand in the documents and go with their next write.
    async fn drop_index(
        &self,
        _collection: &CollectionName,
        _index: IndexNumber,
    ) -> Result<(), EngineError> {
        Ok(())
    }

    async fn commit(&self, commit: &Commit) -> Result<Result<(), CommitError>, EngineError> {
        self.commit_group(commit).await
    }

    async fn rekey(&self, writes: &[DocumentWrite]) -> Result<Vec<bool>, EngineError> {
        self.rekey_all(writes).await
    }

    async fn read_log(&self, since: Sequence, limit: u32) -> Result<Vec<LogRecord>, EngineError> {
        // Every record has at least one change.
        let query = self
            .by_name(&self.requests.names.log(), Some(&journal::log_id(since)))
            .at_most(limit.max(1))
            .build();
        let found = self.requests.query(&query, limits::SCAN_BYTES_MAX).await?.documents;
        let mut records = Vec::new();
        let mut changes = 0;
        for document in found {
            let record = journal::log_record_of(&document.fields)?;
            changes += record.changes.len();
            records.push(record);
            if changes >= limit as usize {
                break;
            }
        }
        Ok(records)
    }

    fn kept_body_bytes_max(&self) -> usize {
        limits::KEPT_BODY_BYTES_MAX
    }

    async fn read_bodies(&self, of: &[Sequence]) -> Result<Vec<Option<String>>, EngineError> {
        let names = &self.requests.names;
        let bodies = names.bodies();
        let name = |of: &Sequence| names.native_document(&bodies, journal::log_id(*of));
        let found = self.requests.documents(&of.iter().map(name).collect::<Vec<_>>()).await?;
        let read = found.into_iter().map(|document| {
            document.map(|document| journal::body_of(&document.fields)).transpose()
        });
        read.collect()
    }

    async fn trim_log(&self, floor: Sequence) -> Result<(), EngineError> {
        let names = &self.requests.names;
        for native in [names.bodies(), names.log()] {
            let last = names.native_document(&native, journal::log_id(floor));
            let query = || {
                let last = codec::reference(last.clone());
                Query::of(&*native).by(NAME, false).only(NAME, Operator::LessThanOrEqual, last)
            };
            self.delete_found(query).await?;
        }
        Ok(())
    }

    async fn sequence_before(&self, at: Timestamp) -> Result<Option<Sequence>, EngineError> {
        let query = Query::of(self.requests.names.log())
            .only(journal::AT, Operator::LessThanOrEqual, codec::time(at))
            .by(journal::AT, true)
            .at_most(1)
            .build();
        let found = self.requests.query(&query, usize::MAX).await?.documents;
        let Some(record) = found.first() else { return Ok(None) };
        match journal::log_last(&record.fields) {
            Some(last) => Ok(Some(last)),
            None => Err(journal::corrupted("a record of isobase_log")),
        }
    }

    async fn read_answers(
        &self,
        keys: &[[u8; 32]],
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        let names = &self.requests.names;
        let answers = names.answers();
        let name = |key: &[u8; 32]| names.native_document(&answers, journal::answer_id(key));
        let found = self.requests.documents(&keys.iter().map(name).collect::<Vec<_>>()).await?;
        let read = keys.iter().zip(found).map(|(key, document)| {
            document.map(|document| journal::answer_of(*key, &document.fields)).transpose()
        });
        read.collect()
    }

    async fn forget_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        let answers = self.requests.names.answers();
        let query = || {
            let before = codec::time(before);
            let query = Query::of(&*answers).only(journal::AT, Operator::LessThan, before);
            query.by(journal::AT, false)
        };
        self.delete_found(query).await
    }

    async fn purge(&self, collection: &CollectionName, to: Sequence) -> Result<(), EngineError> {
        self.purge_to(collection, to).await
    }

    async fn load(&self, writes: Vec<DocumentWrite>) -> Result<(), EngineError> {
        self.load_all(&writes).await
    }

    async fn set_unfinished(&self, note: Option<&str>) -> Result<(), EngineError> {
        let write = || match note {
            Some(note) => vec![put(self.unfinished_name(), journal::note_fields(note))],
            None => vec![writes::delete(self.unfinished_name())],
        };
        let written = self.requests.commit(write).await;
        written.map_err(|failure| failure.into_write_error("noting an unfinished load"))?;
        Ok(())
    }

    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        let found = self.requests.document(self.unfinished_name()).await?;
        found.map(|document| journal::note_of(&document.fields)).transpose()
    }

    async fn reset(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError> {
        let names = &self.requests.names;
        self.empty(&names.bodies()).await?;
        self.empty(&names.log()).await?;
        let old = self.read_head().await?;
        let next = Head {
            commit: old.head.commit + 1,
            sequence: counters.sequence,
            last_id: counters.last_id,
            floor: counters.sequence,
            catalogue: old.head.catalogue + 1,
            identity: Some(Identity::renewed(old.head.identity)),
            author: None,
        };
        for part in catalogue.chunks(limits::WRITES_MAX) {
            let write = |place: usize| {
                let entry: &CatalogueEntry = &part[place];
                let id = names.collection(&entry.collection);
                put(names.native_document(&names.catalogue(), id), journal::entry_fields(entry))
            };
            self.requests.write_each("writing the catalogue", part.len(), write).await?;
        }
        // Only now: a process that is killed before has lost no index.
        let listed: HashSet<_> =
            catalogue.iter().map(|entry| names.collection(&entry.collection)).collect();
        let others = self.entries().await?.into_iter().map(|entry| entry.collection);
        let others: Vec<_> = others
            .map(|collection| names.collection(&collection))
            .filter(|native| !listed.contains(native))
            .collect();
        for part in others.chunks(limits::WRITES_MAX) {
            let write = |place: usize| {
                writes::delete(names.native_document(&names.catalogue(), &part[place]))
            };
            self.requests.write_each("writing the catalogue", part.len(), write).await?;
        }
        let token = writes::token();
        let write = || vec![put(self.head_name(), journal::head_fields(&next, &token))];
        let written = self.requests.commit(write).await;
        written.map_err(|failure| failure.into_write_error("writing the head of the journal"))?;
        Ok(self.read_head().await?.head)
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.bulk.close();
        Ok(())
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.requests.client.gauges()
    }
}
