//! DynamoDB as a database of the shared engine.

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    time::Duration,
};

use async_trait::async_trait;
use isobase_engine::{CollectionInfo, Counters, EngineError, ErrorKind, Limits, NotRead};
use isobase_journal::{
    After, Budget, CatalogueEntry, Commit, CommitError, Cost, DocumentDatabase, DocumentKey,
    DocumentWrite, Head, IndexNumber, JournalOptions, KeyFetch, KeyFetched, KeysOf, LogRecord,
    NativeDocument, NativeRules, ScanPage, StoredAnswer,
};
use isobase_types::{CollectionName, Sequence, Timestamp};
use parking_lot::RwLock;

use crate::{
    DynamoDbOptions,
    client::Client,
    codec::{as_text, text},
    cost,
    journal::{self, NOTE, UNFINISHED},
    limits::{BUDGET, KEPT_BODY_BYTES_MAX, LIMITS, RULES},
    names::Names,
    range::Range,
};

/// A check that takes longer has failed.
const CHECK_DEADLINE: Duration = Duration::from_secs(2);

/// Tables of one account and region under a prefix.
#[derive(Debug)]
pub struct DynamoDbDatabase {
    pub(crate) client: Client,
    pub(crate) names: Names,
    /// The journal's table.
    pub(crate) journal: String,
    /// Age at which DynamoDB may delete answers.
    pub(crate) idempotency_retention: Duration,
    /// Which runs of ids collections have. Written when the catalogue is read, read by everything
    /// that looks at ids.
    runs: RwLock<HashMap<CollectionName, u64>>,
    /// When the last call of a load was.
    pub(crate) loaded: AtomicU64,
    /// Set when opened: DynamoDB deletes old answers itself. Read by the trimming.
    expires: AtomicBool,
    /// Answers to idempotency keys are looked at again when those given before this time, in
    /// microseconds, are to go. Written by the task that looked at all of them, which also reads it.
    pub(crate) answers_due_us: AtomicI64,
}

impl DynamoDbDatabase {
    /// Finds region and credentials; nothing is asked of DynamoDB yet.
    ///
    /// # Errors
    /// When no region is known.
    pub async fn new(
        options: &DynamoDbOptions,
        remote: &JournalOptions,
    ) -> Result<Self, EngineError> {
        let client = Client::new(options, remote.deadline).await?;
        let names = Names::new(&options.prefix);
        let journal = names.journal();
        let idempotency_retention = remote.idempotency_retention;
        Ok(Self {
            client,
            names,
            journal,
            idempotency_retention,
            runs: RwLock::default(),
            loaded: AtomicU64::new(0),
            expires: AtomicBool::new(false),
            answers_due_us: AtomicI64::new(i64::MIN),
        })
    }

    /// The table of a collection.
    #[must_use]
    pub fn table_name(&self, collection: &CollectionName) -> String {
        self.names.table(collection)
    }

    /// The generation of a collection's runs of ids; 0 when it has none.
    pub(crate) fn runs_of(&self, collection: &CollectionName) -> u64 {
        let runs = self.runs.read();
        runs.get(collection).copied().unwrap_or_default()
    }

    pub(crate) fn remember_runs(&self, collection: &CollectionName, generation: u64) {
        if self.runs_of(collection) != generation {
            let mut runs = self.runs.write();
            runs.insert(collection.clone(), generation);
        }
    }
}

#[async_trait]
impl DocumentDatabase for DynamoDbDatabase {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    fn location(&self) -> String {
        let region = self.client.sdk.config().region().map(ToString::to_string);
        format!("{}/{}", region.unwrap_or_default(), self.journal)
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

    fn refuses_size(&self, key: &DocumentKey, after: &After) -> Option<String> {
        cost::refuses_size(&key.id, after)
    }

    fn budget(&self) -> Budget {
        BUDGET
    }

    fn cost(&self, write: &DocumentWrite) -> Cost {
        cost::cost(write)
    }

    fn commits_are_atomic(&self) -> bool {
        true
    }

    async fn open(&self) -> Result<Head, EngineError> {
        let head = self.open_journal().await?;
        self.expires.store(self.enable_expiry().await?, Ordering::Relaxed);
        Ok(head)
    }

    async fn peek(&self) -> Result<Option<Head>, EngineError> {
        self.peek_head().await
    }

    async fn head(&self) -> Result<Head, EngineError> {
        self.read_head().await
    }

    async fn check(&self) -> Result<(), EngineError> {
        match tokio::time::timeout(CHECK_DEADLINE, self.read_head()).await {
            Ok(head) => head.map(drop),
            Err(_) => {
                let seconds = CHECK_DEADLINE.as_secs();
                let message = format!("DynamoDB did not answer a check within {seconds} s");
                Err(EngineError::new(ErrorKind::Unavailable, message))
            }
        }
    }

    async fn catalogue(&self) -> Result<Vec<CatalogueEntry>, EngineError> {
        let known = self.catalogued().await?;
        Ok(known.into_iter().map(|known| known.entry).collect())
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
        let range = Range { collection, index, lower, upper };
        match self.runs_of(collection) {
            generation if index == 0 && generation > 0 => {
                self.count_over_runs(&range, generation).await
            }
            _ => self.count_entries(&range).await,
        }
    }

    async fn count(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        self.count_documents(collection).await
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        self.all_collections().await
    }

    async fn not_read(&self) -> Result<Vec<NotRead>, EngineError> {
        self.tables_not_read().await
    }

    async fn scan(
        &self,
        collection: &CollectionName,
        after: Option<&str>,
        limit: u32,
    ) -> Result<ScanPage, EngineError> {
        self.scan_table(collection, after, limit).await
    }

    async fn prepare_collection(&self, collection: &CollectionName) -> Result<bool, EngineError> {
        self.prepare_table(collection).await
    }

    async fn prepare_index(
        &self,
        _collection: &CollectionName,
        _index: IndexNumber,
    ) -> Result<(), EngineError> {
        // The journal's table has room for any.
        Ok(())
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        index: IndexNumber,
    ) -> Result<(), EngineError> {
        self.delete_keys_of(collection, index).await
    }

    async fn commit(&self, commit: &Commit) -> Result<Result<(), CommitError>, EngineError> {
        self.commit_group(commit).await
    }

    async fn rekey(&self, writes: &[DocumentWrite]) -> Result<Vec<bool>, EngineError> {
        self.rekey_documents(writes).await
    }

    async fn read_log(&self, since: Sequence, limit: u32) -> Result<Vec<LogRecord>, EngineError> {
        self.records_after(since, limit).await
    }

    fn kept_body_bytes_max(&self) -> usize {
        KEPT_BODY_BYTES_MAX
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
        if self.expires.load(Ordering::Relaxed) {
            return Ok(());
        }
        self.delete_answers(before).await
    }

    async fn purge(&self, collection: &CollectionName, to: Sequence) -> Result<(), EngineError> {
        self.purge_collection(collection, to).await
    }

    async fn sweep(
        &self,
        collection: &CollectionName,
        keys_of: KeysOf<'_>,
    ) -> Result<(), EngineError> {
        self.sweep_collection(collection, keys_of).await
    }

    async fn load(&self, writes: Vec<DocumentWrite>) -> Result<(), EngineError> {
        self.load_documents(writes).await
    }

    async fn set_unfinished(&self, note: Option<&str>) -> Result<(), EngineError> {
        match note {
            None => self.delete_item(journal::alone(UNFINISHED)).await,
            Some(note) => {
                let mut item = journal::alone(UNFINISHED);
                item.insert(NOTE.to_owned(), text(note));
                self.put_item(item).await
            }
        }
    }

    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        let item = self.read_item(&self.journal, journal::alone(UNFINISHED)).await?;
        Ok(item.and_then(|item| as_text(&item, NOTE).map(str::to_owned)))
    }

    async fn reset(
        &self,
        counters: Counters,
        catalogue: &[CatalogueEntry],
    ) -> Result<Head, EngineError> {
        self.reset_journal(counters, catalogue).await
    }

    async fn close(&self) -> Result<(), EngineError> {
        // Idle connections end with the client.
        Ok(())
    }

    #[expect(clippy::cast_precision_loss, reason = "metrics are floats")]
    fn gauges(&self) -> Vec<(&'static str, f64)> {
        let status = &self.client.status;
        let count = |value: &AtomicU64| value.load(Ordering::Relaxed) as f64;
        vec![
            ("dynamodb_requests_total", count(&status.requests)),
            ("dynamodb_repeated_requests_total", count(&status.repeated)),
            ("dynamodb_throttled_requests_total", count(&status.throttled)),
            ("dynamodb_conflicts_total", count(&status.conflicts)),
        ]
    }
}
