//! CouchDB as the database of a remote engine.

use std::{
    future::Future,
    sync::{Arc, atomic::AtomicU64, atomic::Ordering},
    time::Duration,
};

use isobase_engine::{CollectionInfo, Counters, EngineError, Limits, Pending};
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

fn pending<'a, T>(
    future: impl Future<Output = Result<T, EngineError>> + Send + 'a,
) -> Pending<'a, T> {
    Box::pin(future)
}

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

    fn open(&self) -> Pending<'_, Head> {
        pending(self.shared.open(self.deadline()))
    }

    fn peek(&self) -> Pending<'_, Option<Head>> {
        pending(self.shared.peek(self.deadline()))
    }

    fn head(&self) -> Pending<'_, Head> {
        pending(self.shared.recover(self.deadline()))
    }

    fn glance(&self) -> Pending<'_, Head> {
        pending(self.shared.glance(self.deadline()))
    }

    fn settle<'a>(&'a self, head: &'a Head) -> Pending<'a, ()> {
        pending(async move { self.shared.settle(head, self.deadline()).await.map(drop) })
    }

    fn check(&self) -> Pending<'_, ()> {
        pending(self.shared.check(self.deadline().min(Instant::now() + CHECK_TIMEOUT)))
    }

    fn catalogue(&self) -> Pending<'_, Vec<CatalogueEntry>> {
        pending(self.shared.read_catalogue(self.deadline()))
    }

    fn read<'a>(&'a self, keys: &'a [DocumentKey]) -> Pending<'a, Vec<Option<NativeDocument>>> {
        pending(self.shared.read(keys, self.deadline()))
    }

    fn fetch<'a>(
        &'a self,
        collection: &'a CollectionName,
        fetch: &'a KeyFetch,
    ) -> Pending<'a, KeyFetched> {
        pending(self.shared.fetch(collection, fetch, self.deadline()))
    }

    fn count_keys<'a>(
        &'a self,
        collection: &'a CollectionName,
        index: IndexNumber,
        lower: &'a [u8],
        upper: Option<&'a [u8]>,
    ) -> Pending<'a, u64> {
        pending(async move {
            let range = KeyFetch {
                index,
                lower: lower.to_vec(),
                upper: upper.map(<[u8]>::to_vec),
                reverse: false,
                limit: 0,
                bytes_max: 0,
            };
            self.shared.count_keys(collection, &range, self.deadline()).await
        })
    }

    fn count<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, u64> {
        pending(async move {
            let database = self.shared.names.database(collection);
            Ok(self.shared.documents(&database, self.deadline()).await?.unwrap_or(0))
        })
    }

    fn collections(&self) -> Pending<'_, Vec<CollectionInfo>> {
        pending(self.shared.collections(self.deadline()))
    }

    fn scan<'a>(
        &'a self,
        collection: &'a CollectionName,
        after: Option<&'a str>,
        limit: u32,
    ) -> Pending<'a, ScanPage> {
        pending(self.shared.scan(collection, after, limit, self.deadline()))
    }

    fn written_since<'a>(
        &'a self,
        collection: &'a CollectionName,
        place: Option<&'a str>,
        limit: u32,
    ) -> Pending<'a, Option<WrittenPage>> {
        pending(self.shared.written_since(collection, place, limit, self.deadline()))
    }

    fn prepare_collection<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, bool> {
        pending(self.shared.prepare_collection(collection, self.deadline()))
    }

    fn prepare_index<'a>(
        &'a self,
        collection: &'a CollectionName,
        index: IndexNumber,
    ) -> Pending<'a, ()> {
        pending(async move {
            let database = self.shared.names.database(collection);
            self.shared.prepare_database(&database, &[0, index], self.deadline()).await
        })
    }

    fn drop_index<'a>(
        &'a self,
        collection: &'a CollectionName,
        index: IndexNumber,
    ) -> Pending<'a, ()> {
        pending(async move {
            let database = self.shared.names.database(collection);
            self.shared.drop_index(&database, index, self.deadline()).await
        })
    }

    fn commit<'a>(&'a self, commit: &'a Commit) -> Pending<'a, Result<(), CommitError>> {
        pending(self.shared.commit(commit, self.deadline()))
    }

    fn take_refused(&self, commit: u64) -> Vec<(DocumentKey, String)> {
        let refused = self.shared.refused.lock().take_if(|(of, _)| *of == commit);
        let key = |refused: Refused| {
            let id = IDS.read(&refused.id, None)?;
            Some((DocumentKey { collection: refused.collection, id }, refused.reason))
        };
        refused.into_iter().flat_map(|(_, refused)| refused).filter_map(key).collect()
    }

    fn rekey<'a>(&'a self, writes: &'a [DocumentWrite]) -> Pending<'a, Vec<bool>> {
        pending(self.shared.rekey(writes, self.deadline()))
    }

    fn read_log<'a>(&'a self, since: Sequence, limit: u32) -> Pending<'a, Vec<LogRecord>> {
        pending(self.shared.read_log(since, limit, self.deadline()))
    }

    fn kept_body_bytes_max(&self) -> usize {
        KEPT_BODY_BYTES_MAX
    }

    fn read_bodies<'a>(&'a self, of: &'a [Sequence]) -> Pending<'a, Vec<Option<String>>> {
        pending(self.shared.read_bodies(of, self.deadline()))
    }

    fn trim_log(&self, floor: Sequence) -> Pending<'_, ()> {
        pending(self.shared.trim_log(floor, self.deadline()))
    }

    fn sequence_before(&self, at: Timestamp) -> Pending<'_, Option<Sequence>> {
        pending(self.shared.sequence_before(at, self.deadline()))
    }

    fn read_answers<'a>(&'a self, keys: &'a [[u8; 32]]) -> Pending<'a, Vec<Option<StoredAnswer>>> {
        pending(self.shared.read_answers(keys, self.deadline()))
    }

    fn forget_answers(&self, before: Timestamp) -> Pending<'_, ()> {
        pending(self.shared.forget_answers(before))
    }

    fn purge<'a>(&'a self, collection: &'a CollectionName, to: Sequence) -> Pending<'a, ()> {
        pending(self.shared.purge(collection, to))
    }

    fn load<'a>(&'a self, writes: Vec<DocumentWrite>) -> Pending<'a, ()> {
        pending(async move { self.shared.load(&writes, self.deadline()).await })
    }

    fn set_unfinished<'a>(&'a self, note: Option<&'a str>) -> Pending<'a, ()> {
        pending(self.shared.set_unfinished(note, self.deadline()))
    }

    fn unfinished(&self) -> Pending<'_, Option<String>> {
        pending(self.shared.unfinished(self.deadline()))
    }

    fn reset<'a>(
        &'a self,
        counters: Counters,
        catalogue: &'a [CatalogueEntry],
    ) -> Pending<'a, Head> {
        pending(self.shared.reset(counters, catalogue, self.deadline()))
    }

    fn close(&self) -> Pending<'_, ()> {
        pending(self.shared.strip_now())
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
