//! The log of a database.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant, SystemTime},
};

use isobase_store::{
    Action, Atomicity, ErrorKind, IndexDefinition, Precondition, Rejection, Store, StoreError,
    Terms, WriteBatch, WriteOperation,
};
use isobase_types::{
    Count, Document, DocumentId, Filter, Literal, Operator, Order, PageRequest, Query, Timestamp,
};
use tokio::sync::{Notify, OnceCell};

use crate::{
    Entry, Ingested, LeftOut, NewRequest, RequestPage, RequestQuery, RequestsError, Total,
    entry::collection,
    query::compare,
    rollup::{self, Sums},
};

/// The order of every list.
const ORDER: &str = "-at";

/// Entries that a search looks at in one step.
const SEARCH_STEP: u32 = 200;

/// Entries that the database looks at before a list asks itself whether it has used up its budget.
const SCAN_STEP: u64 = 20_000;

/// Up to how many entries are counted.
const COUNT_MAX: u64 = 10_000;

/// What entries are found by: each filter alone gives a page without reading what it does not show.
/// Rare durations are found by theirs; frequent ones, and classes of statuses, in the order of time.
const INDEXES: [&str; 9] = [
    "unique(key)",
    "-at",
    "service,-at",
    "endpoint,-at",
    "status_code,-at",
    "user_identifier,-at",
    "method,-at",
    "correlation_id,-at",
    "duration_ms",
];

/// What is done before the first entry: the terms of two collections, the indexes of the log, and one
/// of the charts.
const STEPS: usize = 2 + INDEXES.len() + 1;

/// How long counts for charts are kept: a year, and a month to compare it with.
const CHARTS_KEPT: Duration = Duration::from_secs(400 * 86_400);

/// Endpoints by which supervisors usually ask.
const HEALTH_CHECKS: [&str; 8] =
    ["/health", "/healthz", "/livez", "/readyz", "/ready", "/live", "/ping", "/metrics"];

/// Tells the present moment.
pub type Now = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestOptions {
    /// How long an entry is kept; none for ever. Default 30 days.
    pub retention: Option<Duration>,
    /// Characters that are kept of a body. Default 2,000.
    pub body_characters_max: usize,
    /// How long a search may go on before it says how far it has come. Default 500 ms.
    pub search_budget: Duration,
    /// Requests that only ask whether a service is alive, and is left out where that is asked for.
    pub health_checks: Vec<LeftOut>,
}

impl Default for RequestOptions {
    fn default() -> Self {
        Self {
            retention: Some(Duration::from_secs(30 * 86_400)),
            body_characters_max: 2_000,
            search_budget: Duration::from_millis(500),
            health_checks: HEALTH_CHECKS.map(LeftOut::parse).to_vec(),
        }
    }
}

/// The log of a database.
pub struct Requests {
    pub(crate) store: Store,
    options: RequestOptions,
    now: Now,
    /// Set by the task that first finds or makes the indexes.
    prepared: OnceCell<()>,
    /// How many of [`STEPS`] this process has done.
    steps_done: AtomicUsize,
    /// Told when this process has logged something.
    ingested: Notify,
}

impl Requests {
    /// The log of a database.
    #[must_use]
    pub fn new(store: &Store, options: RequestOptions) -> Self {
        Self {
            store: store.system(),
            options,
            now: Arc::new(|| Timestamp::from_system_time(SystemTime::now())),
            prepared: OnceCell::new(),
            steps_done: AtomicUsize::new(0),
            ingested: Notify::new(),
        }
    }

    /// The same with another clock.
    #[must_use]
    pub fn with_clock(mut self, now: Now) -> Self {
        self.now = now;
        self
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        (self.now)()
    }

    /// Requests that only ask whether a service is alive.
    #[must_use]
    pub fn health_checks(&self) -> &[LeftOut] {
        &self.options.health_checks
    }

    /// Makes the indexes unless they are there: that of the keys is what makes a repeat harmless.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn prepare(&self) -> Result<(), RequestsError> {
        let made = self.prepared.get_or_try_init(async || {
            // Each attempt goes on where the one before ended: a database that comes and goes may
            // never have the time for all of it.
            for step in self.steps_done.load(Ordering::Relaxed)..STEPS {
                self.prepare_step(step).await?;
                self.steps_done.store(step + 1, Ordering::Relaxed);
            }
            Ok::<_, RequestsError>(())
        });
        made.await.copied()
    }

    /// One of [`STEPS`]: the terms of both collections, then their indexes.
    async fn prepare_step(&self, step: usize) -> Result<(), RequestsError> {
        // No one follows the log as changes: they would be as many as its entries.
        let terms = match step {
            0 => (collection(), self.options.retention),
            1 => (rollup::collection(), Some(CHARTS_KEPT)),
            _ => {
                let (of, text) = match INDEXES.get(step - 2) {
                    Some(text) => (collection(), *text),
                    None => (rollup::collection(), "at"),
                };
                self.store.create_index(&of, &index(text)).await?;
                return Ok(());
            }
        };
        let (name, expires) = terms;
        match self.store.set_terms(&name, Terms { expires, changes: false }).await {
            // An engine without terms keeps everything.
            Err(error) if error.kind() == ErrorKind::Unsupported => Ok(()),
            set => Ok(set?),
        }
    }

    /// Takes reports; says what became of each. What is refused is refused before anything is
    /// written.
    ///
    /// # Errors
    /// When one cannot be an entry, or the database fails: then some may be there, and to send all
    /// of them again is harmless for those that have an id.
    pub async fn ingest(&self, reports: &[NewRequest]) -> Result<Vec<Ingested>, RequestsError> {
        let now = self.now();
        let entries = reports
            .iter()
            .map(|report| Entry::of(report, self.options.body_characters_max, now))
            .collect::<Result<Vec<_>, _>>()?;
        self.prepare().await?;
        let operations = entries.iter().map(|entry| WriteOperation {
            collection: collection(),
            action: Action::Create { body: entry.body() },
            precondition: Precondition::None,
        });
        let batch = WriteBatch { operations: operations.collect(), ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::EachAlone).await?;
        let (mut ingested, mut sums) = (Vec::with_capacity(entries.len()), Sums::default());
        for (entry, outcome) in entries.iter().zip(report.outcomes) {
            ingested.push(match outcome {
                Ok(written) => {
                    sums.add(entry);
                    match written.id {
                        DocumentId::Integer(id) => Ingested::Created(id),
                        DocumentId::Text(_) => Ingested::Duplicate(None),
                    }
                }
                Err(Rejection::NotUnique { .. }) => Ingested::Duplicate(None),
                Err(rejection) => return Err(rejection.into()),
            });
        }
        self.ingested.notify_one();
        self.name_duplicates(&entries, &mut ingested).await?;
        // The entries are there; a chart that lacks some of them is no reason to be sent them again.
        let _ = rollup::write(&self.store, sums).await;
        Ok(ingested)
    }

    /// Whether a report can be an entry.
    ///
    /// # Errors
    /// Says why not.
    pub fn check(&self, report: &NewRequest) -> Result<(), RequestsError> {
        Entry::check(report)
    }

    /// Finds the numbers of what was reported before.
    async fn name_duplicates(
        &self,
        entries: &[Entry],
        ingested: &mut [Ingested],
    ) -> Result<(), RequestsError> {
        let duplicates = |(entry, fate): (&Entry, &Ingested)| match fate {
            Ingested::Duplicate(None) => entry.key.clone(),
            _ => None,
        };
        let mut keys: Vec<String> =
            entries.iter().zip(ingested.iter()).filter_map(duplicates).collect();
        keys.sort_unstable();
        keys.dedup();
        let mut found = HashMap::new();
        for some in keys.chunks(100) {
            let literals = some.iter().cloned().map(Literal::Text).collect();
            let query = Query {
                filter: compare("key", Operator::In(literals)),
                order: Order::default(),
                page: PageRequest::Cursor { limit: 100, after: None },
                fields: Vec::new(),
                count: Count::None,
            };
            let page = self.store.list(&collection(), &query).await?;
            found.extend(page.documents.iter().filter_map(|document| {
                let entry = Entry::read(document)?;
                Some((entry.key?, entry.id))
            }));
        }
        for (entry, fate) in entries.iter().zip(ingested) {
            if *fate == Ingested::Duplicate(None) {
                *fate =
                    Ingested::Duplicate(entry.key.as_ref().and_then(|key| found.get(key).copied()));
            }
        }
        Ok(())
    }

    /// An entry.
    ///
    /// # Errors
    /// [`RequestsError::NotFound`], or when the database fails.
    pub async fn get(&self, id: i64) -> Result<Entry, RequestsError> {
        if id < 0 {
            return Err(RequestsError::NotFound);
        }
        let document = self.store.get(&collection(), &DocumentId::Integer(id)).await?;
        document.as_ref().and_then(Entry::read).ok_or(RequestsError::NotFound)
    }

    /// A page of entries, the newest first. It goes on until it has enough, or has used up its budget;
    /// then it says how far it has come, and its cursor goes on there. A page of a search by text may
    /// have some entries more than `limit`.
    ///
    /// # Errors
    /// When the cursor is foreign or the database fails.
    pub async fn list(
        &self,
        query: &RequestQuery,
        limit: u32,
        after: Option<String>,
    ) -> Result<RequestPage, RequestsError> {
        self.prepare().await?;
        let filter = query.filter();
        let Some(text) = query.text.as_deref().filter(|text| !text.is_empty()) else {
            return self.list_by_fields(query, limit, after).await;
        };
        let (text, began) = (text.to_lowercase(), Instant::now());
        let (mut entries, mut cursor): (Vec<Entry>, _) = (Vec::new(), after);
        loop {
            let (documents, next) = self.page(filter.clone(), SEARCH_STEP, cursor).await?;
            let read: Vec<_> = documents.iter().filter_map(Entry::read).collect();
            let last = read.last().map(|entry| entry.at.clone());
            entries.extend(read.into_iter().filter(|entry| entry.contains(&text)));
            cursor = next;
            if cursor.is_none() || entries.len() >= limit as usize {
                return Ok(RequestPage { entries, cursor, total: None, searched_to: None });
            }
            if began.elapsed() >= self.options.search_budget {
                return Ok(RequestPage { entries, cursor, total: None, searched_to: last });
            }
        }
    }

    /// A page by fields alone. Several that are rare together may take long to find.
    async fn list_by_fields(
        &self,
        query: &RequestQuery,
        limit: u32,
        mut cursor: Option<String>,
    ) -> Result<RequestPage, RequestsError> {
        let (began, filter) = (Instant::now(), query.filter());
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let left = limit - u32::try_from(entries.len()).unwrap_or(limit);
            let (documents, next) = self.page(filter.clone(), left, cursor).await?;
            entries.extend(documents.iter().filter_map(Entry::read));
            cursor = next;
            if cursor.is_none() || entries.len() >= limit as usize {
                return Ok(RequestPage { entries, cursor, total: None, searched_to: None });
            }
            if began.elapsed() >= self.options.search_budget {
                let searched_to = self.reached(query, cursor.clone()).await?;
                return Ok(RequestPage { entries, cursor, total: None, searched_to });
            }
        }
    }

    /// The moment at which a list goes on.
    async fn reached(
        &self,
        query: &RequestQuery,
        cursor: Option<String>,
    ) -> Result<Option<String>, RequestsError> {
        let (from, to) = (query.from, query.to);
        let any = RequestQuery { from, to, ..RequestQuery::default() };
        let (documents, _) = self.page(any.filter(), 1, cursor).await?;
        Ok(documents.first().and_then(Entry::read).map(|entry| entry.at))
    }

    /// Told when this process has logged something. One task may wait for it.
    pub(crate) fn ingested(&self) -> &Notify {
        &self.ingested
    }

    /// Whether a page shows the log as it was at one moment.
    pub(crate) fn lists_one_moment(&self) -> bool {
        self.store.engine().lists_one_moment()
    }

    /// The entries after a number, up to another if one is given, the oldest first.
    pub(crate) async fn after(
        &self,
        (after, to): (i64, Option<i64>),
        limit: u32,
    ) -> Result<Vec<Document>, RequestsError> {
        let mut filters = vec![compare("id", Operator::Greater(Literal::Integer(after)))];
        if let Some(to) = to {
            filters.push(compare("id", Operator::LessOrEqual(Literal::Integer(to))));
        }
        self.by_number(Filter::And(filters), "id", limit).await
    }

    /// The entries with the largest numbers, the newest first.
    pub(crate) async fn newest(&self, limit: u32) -> Result<Vec<Document>, RequestsError> {
        self.by_number(Filter::all(), "-id", limit).await
    }

    async fn by_number(
        &self,
        filter: Filter,
        order: &str,
        limit: u32,
    ) -> Result<Vec<Document>, RequestsError> {
        let query = Query {
            filter,
            order: Order::parse(order).expect("the orders by id are valid, as the tests show"),
            page: PageRequest::Cursor { limit, after: None },
            fields: Vec::new(),
            count: Count::None,
        };
        Ok(self.store.list(&collection(), &query).await?.documents)
    }

    /// How long a search may go on.
    pub(crate) fn search_budget(&self) -> Duration {
        self.options.search_budget
    }

    pub(crate) async fn page(
        &self,
        filter: Filter,
        limit: u32,
        after: Option<String>,
    ) -> Result<(Vec<Document>, Option<String>), RequestsError> {
        self.page_in(order(), filter, limit, after).await
    }

    pub(crate) async fn page_in(
        &self,
        order: Order,
        filter: Filter,
        limit: u32,
        after: Option<String>,
    ) -> Result<(Vec<Document>, Option<String>), RequestsError> {
        let query = Query {
            filter,
            order,
            page: PageRequest::Cursor { limit, after },
            fields: Vec::new(),
            count: Count::None,
        };
        let page = self.store.scanning(SCAN_STEP).list(&collection(), &query).await?;
        let cursor = page.next.as_ref().map(|next| next.cursor().to_owned());
        Ok((page.documents, cursor))
    }

    /// How many entries there are, counted up to 10,000; the text is not looked at. `None` where the
    /// database would look at more than that, and not all of them need be chosen.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn count(&self, query: &RequestQuery) -> Result<Option<Total>, RequestsError> {
        self.prepare().await?;
        let engine = self.store.engine();
        match engine.count(&collection(), &query.filter(), COUNT_MAX).await {
            Ok(entries) => {
                let capped = entries > COUNT_MAX;
                Ok(Some(Total { entries: entries.min(COUNT_MAX), capped }))
            }
            // That many were looked at; whether all of them are chosen an index tells.
            Err(error) if error.kind == ErrorKind::LimitExceeded => {
                let total = Total { entries: COUNT_MAX, capped: true };
                Ok(query.is_found_by_an_index().then_some(total))
            }
            Err(error) => Err(StoreError::from(error).into()),
        }
    }
}

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Requests").field("options", &self.options).finish_non_exhaustive()
    }
}

fn order() -> Order {
    Order::parse(ORDER).expect("the order is valid, as the tests show")
}

pub(crate) fn index(text: &str) -> IndexDefinition {
    IndexDefinition::parse(text).expect("the indexes above are valid, as the tests show")
}
