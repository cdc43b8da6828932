//! Firestore's part of the engine.

use async_trait::async_trait;
use isobase_engine::{CollectionInfo, Counters, EngineError, ErrorKind, Limits, NotRead};
use isobase_journal::{
    After, Budget, CatalogueEntry, Commit, CommitError, Cost, DocumentDatabase, DocumentKey,
    DocumentWrite, Head, IndexNumber, KeyFetch, KeyFetched, LogRecord, NativeDocument, NativeRules,
    ScanPage, StoredAnswer,
};
use isobase_types::{CollectionName, Sequence, Timestamp};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, SemaphorePermit};

use crate::{
    Indexing, limits, names::IDS, query::Query, requests::Requests, size, writes::SeenHead,
};

/// One Firestore database, as the engine over document databases uses it.
pub struct FirestoreDatabase {
    pub(crate) requests: Requests,
    /// The fields that Firestore indexes, in the words of its owner.
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
        self.open_journal().await
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
        self.read_documents(keys).await
    }

    async fn fetch(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
    ) -> Result<KeyFetched, EngineError> {
        self.fetch_documents(collection, fetch).await
    }

    async fn count_keys(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Result<u64, EngineError> {
        self.count_range(collection, index, lower, upper).await
    }

    async fn count(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        let native = self.requests.names.collection(collection);
        self.requests.count(&Query::of(native).build()).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.all_collections().await
    }

    async fn not_read(&self) -> Result<Vec<NotRead>, EngineError> {
        self.collections_not_read().await
    }

    async fn scan(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError> {
        self.scan_documents(collection, after, limit).await
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
        self.records_after(since, limit).await
    }

    fn kept_body_bytes_max(&self) -> usize {
        limits::KEPT_BODY_BYTES_MAX
    }

    async fn read_bodies(&self, of: &[Sequence]) -> Result<Vec<Option<String>>, EngineError> {
        self.bodies(of).await
    }

    async fn trim_log(&self, floor: Sequence) -> Result<(), EngineError> {
        self.trim(floor).await
    }

    async fn sequence_before(&self, at: Timestamp) -> Result<Option<Sequence>, EngineError> {
        self.place_before(at).await
    }

    async fn read_answers(
        &self,
        keys: &[[u8; 32]],
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        self.answers(keys).await
    }

    async fn forget_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        self.delete_answers(before).await
    }

    async fn purge(&self, collection: &CollectionName, to: Sequence) -> Result<(), EngineError> {
        self.purge_to(collection, to).await
    }

    async fn load(&self, writes: Vec<DocumentWrite>) -> Result<(), EngineError> {
        self.load_all(&writes).await
    }

    async fn set_unfinished(&self, note: Option<&str>) -> Result<(), EngineError> {
        self.write_note(note).await
    }

    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.read_note().await
    }

    async fn reset(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError> {
        self.reset_journal(counters, catalogue).await
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.bulk.close();
        Ok(())
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.requests.client.gauges()
    }
}
