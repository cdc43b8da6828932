//! CouchDB as the database of a remote engine.

use std::{
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use async_trait::async_trait;
use isobase_engine::{CollectionInfo, Counters, EngineError, Limits, NotRead};
use isobase_journal::{
    After, Budget, CatalogueEntry, Commit, CommitError, Cost, DocumentDatabase, DocumentKey,
    DocumentWrite, Head, IndexNumber, KeyFetch, KeyFetched, LogRecord, NativeDocument, NativeRules,
    ScanPage, StoredAnswer, WrittenPage,
};
use isobase_types::{CollectionName, Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    CouchDbOptions,
    codec::document_text,
    limits::{
        COMMIT_ITEMS_MAX, KEPT_BODY_BYTES_MAX, LIMITS, NATIVE_BYTES_MAX, RULES,
        WRITE_OVERHEAD_BYTES,
    },
    names::IDS,
    remembered::Refused,
    shared::Shared,
};

/// A check that takes longer has failed.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

/// Databases of a CouchDB server below one prefix.
///
/// Any number of processes may use the same prefix at the same time.
pub struct CouchDbDatabase {
    shared: Arc<Shared>,
}

impl CouchDbDatabase {
    /// Nothing is sent before the database is opened. `deadline` bounds each call.
    ///
    /// # Errors
    /// When the certificates of the options cannot be read.
    pub fn new(options: &CouchDbOptions, deadline: Duration) -> Result<Self, EngineError> {
        Ok(Self { shared: Arc::new(Shared::new(options, deadline)?) })
    }

    fn deadline(&self) -> Instant {
        self.shared.client.deadline()
    }
}

#[async_trait]
impl DocumentDatabase for CouchDbDatabase {
    fn name(&self) -> &'static str {
        "couchdb"
    }

    fn location(&self) -> String {
        format!("{}/{}", self.shared.client.address(), self.shared.journal)
    }

    fn limits(&self) -> &Limits {
        &LIMITS
    }

    fn rules(&self) -> &NativeRules {
        &RULES
    }

    fn refuses_collection(&self, _collection: &CollectionName) -> Option<String> {
        None
    }

    fn refuses_size(&self, _key: &DocumentKey, after: &After) -> Option<String> {
        let bytes = document_text(after).len() as u64;
        (bytes > NATIVE_BYTES_MAX).then(|| {
            format!("it takes {bytes} bytes in CouchDB, at most {NATIVE_BYTES_MAX} are allowed")
        })
    }

    fn budget(&self) -> Budget {
        Budget { items: COMMIT_ITEMS_MAX, bytes: NATIVE_BYTES_MAX, items_per_collection: 0 }
    }

    fn cost(&self, write: &DocumentWrite) -> Cost {
        let document = write.after.as_ref().map_or(0, |after| document_text(after).len() as u64);
        Cost { items: 1, bytes: document + WRITE_OVERHEAD_BYTES }
    }

    fn commits_are_atomic(&self) -> bool {
        false
    }

    /// A record tells its author by its token, and one without its quorum may still go.
    fn settles_commits(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<Head, EngineError> {
        self.shared.open(self.deadline()).await
    }

    async fn peek(&self) -> Result<Option<Head>, EngineError> {
        self.shared.peek(self.deadline()).await
    }

    async fn head(&self) -> Result<Head, EngineError> {
        self.shared.recover(self.deadline()).await
    }

    async fn glance(&self) -> Result<Head, EngineError> {
        self.shared.glance(self.deadline()).await
    }

    async fn settle(&self, head: &Head) -> Result<(), EngineError> {
        self.shared.settle(head, self.deadline()).await.map(drop)
    }

    async fn check(&self) -> Result<(), EngineError> {
        self.shared.check(self.deadline().min(Instant::now() + CHECK_TIMEOUT)).await
    }

    async fn catalogue(&self) -> Result<Vec<CatalogueEntry>, EngineError> {
        self.shared.read_catalogue(self.deadline()).await
    }

    async fn read(&self, keys: &[DocumentKey]) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        self.shared.read(keys, self.deadline()).await
    }

    async fn fetch(
        &self,
        collection: &CollectionName,
        fetch: &KeyFetch,
    ) -> Result<KeyFetched, EngineError> {
        self.shared.fetch(collection, fetch, self.deadline()).await
    }

    async fn count_keys(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
        lower: &[u8],
        upper: Option<&[u8]>,
    ) -> Result<u64, EngineError> {
        let range = KeyFetch {
            index,
            lower: lower.to_vec(),
            upper: upper.map(<[u8]>::to_vec),
            reverse: false,
            limit: 0,
            bytes_max: 0,
        };
        self.shared.count_keys(collection, &range, self.deadline()).await
    }

    async fn count(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        let database = self.shared.names.database(collection);
        Ok(self.shared.documents(&database, self.deadline()).await?.unwrap_or(0))
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.shared.collections(self.deadline()).await
    }

    async fn not_read(&self) -> Result<Vec<NotRead>, EngineError> {
        self.shared.not_read(self.deadline()).await
    }

    async fn scan(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError> {
        self.shared.scan(collection, after, limit, self.deadline()).await
    }

    async fn written_since(
        &self,
        collection: &CollectionName,
        place: Option<&str>,
        limit: u32,
    ) -> Result<Option<WrittenPage>, EngineError> {
        self.shared.written_since(collection, place, limit, self.deadline()).await
    }

    async fn prepare_collection(&self, collection: &CollectionName) -> Result<bool, EngineError> {
        self.shared.prepare_collection(collection, self.deadline()).await
    }

    async fn prepare_index(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
    ) -> Result<(), EngineError> {
        let database = self.shared.names.database(collection);
        self.shared.prepare_database(&database, self.deadline()).await?;
        self.shared.prepare_index(&database, index, self.deadline()).await
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
    ) -> Result<(), EngineError> {
        let database = self.shared.names.database(collection);
        self.shared.drop_index(&database, index, self.deadline()).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Result<(), CommitError>, EngineError> {
        self.shared.commit(commit, self.deadline()).await
    }

    fn take_refused(&self, commit: u64) -> Vec<(DocumentKey, String)> {
        let refused = self.shared.refused.lock().take_if(|(of, _)| *of == commit);
        let key = |refused: Refused| {
            let id = IDS.read(&refused.id, None)?;
            Some((DocumentKey { collection: refused.collection, id }, refused.reason))
        };
        refused.into_iter().flat_map(|(_, refused)| refused).filter_map(key).collect()
    }

    async fn rekey(&self, writes: &[DocumentWrite]) -> Result<Vec<bool>, EngineError> {
        self.shared.rekey(writes, self.deadline()).await
    }

    async fn read_log(&self, since: Sequence, limit: u32) -> Result<Vec<LogRecord>, EngineError> {
        self.shared.read_log(since, limit, self.deadline()).await
    }

    fn kept_body_bytes_max(&self) -> usize {
        KEPT_BODY_BYTES_MAX
    }

    async fn read_bodies(&self, of: &[Sequence]) -> Result<Vec<Option<String>>, EngineError> {
        self.shared.read_bodies(of, self.deadline()).await
    }

    async fn trim_log(&self, floor: Sequence) -> Result<(), EngineError> {
        self.shared.trim_log(floor, self.deadline()).await
    }

    async fn sequence_before(&self, at: Timestamp) -> Result<Option<Sequence>, EngineError> {
        self.shared.sequence_before(at, self.deadline()).await
    }

    async fn read_answers(
        &self,
        keys: &[[u8; 32]],
    ) -> Result<Vec<Option<StoredAnswer>>, EngineError> {
        self.shared.read_answers(keys, self.deadline()).await
    }

    async fn forget_answers(&self, before: Timestamp) -> Result<(), EngineError> {
        self.shared.forget_answers(before).await
    }

    async fn purge(&self, collection: &CollectionName, to: Sequence) -> Result<(), EngineError> {
        self.shared.purge(collection, to).await
    }

    async fn load(&self, writes: Vec<DocumentWrite>) -> Result<(), EngineError> {
        self.shared.load(&writes, self.deadline()).await
    }

    async fn set_unfinished(&self, note: Option<&str>) -> Result<(), EngineError> {
        self.shared.set_unfinished(note, self.deadline()).await
    }

    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        self.shared.unfinished(self.deadline()).await
    }

    async fn reset(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError> {
        self.shared.reset(counters, catalogue, self.deadline()).await
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.shared.strip_now().await
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let status = &self.shared.client.status;
        let count = |value: &AtomicU64| value.load(Ordering::Relaxed) as f64;
        vec![
            ("couchdb_requests_total", count(&status.requests)),
            ("couchdb_repeated_requests_total", count(&status.repeated)),
            ("couchdb_conflicts_total", count(&status.conflicts)),
            ("couchdb_overtaken_writes_total", count(&status.foreign_overwritten)),
            ("couchdb_refused_documents_total", count(&status.rows_refused)),
            ("couchdb_redone_commits_total", count(&status.redone)),
            ("couchdb_missed_quorums_total", count(&status.quorum_missed)),
            ("couchdb_whole_records", self.shared.to_strip.lock().len() as f64),
        ]
    }
}
