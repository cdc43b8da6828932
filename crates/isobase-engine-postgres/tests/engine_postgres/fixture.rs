//! A schema for one test.

use std::{
    panic::{AssertUnwindSafe, resume_unwind},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use isobase_engine::{
    Action, ChangeFeed, ChangesPage, ChangesRequest, Clock, Engine, EngineError, IfMissing,
    ListRequest, Listing, Precondition, SystemClock, WriteBatch, WriteOperation, WriteOutcome,
    Written,
};
use isobase_engine_postgres::{PostgresEngine, PostgresOptions};
use isobase_postgres::{Config, Connection, Sql};
use isobase_testkit::{TestPostgres, postgres_url, require_all, unique_name};
use isobase_types::{CollectionName, DocumentId, Filter, Order, Sequence, Timestamp};
use tokio::time::Instant;

/// A clock that is set by hand.
#[derive(Clone, Default)]
pub(crate) struct HandClock(Arc<AtomicI64>);

impl HandClock {
    pub(crate) fn advance(&self, by: Duration) {
        self.0.fetch_add(i64::try_from(by.as_micros()).unwrap(), Ordering::SeqCst);
    }
}

impl Clock for HandClock {
    fn now(&self) -> Timestamp {
        Timestamp { unix_us: 1_000_000_000_000_000 + self.0.load(Ordering::SeqCst) }
    }
}

/// An empty schema of a server.
pub(crate) struct Schema {
    pub(crate) server_url: String,
    pub(crate) url: String,
    pub(crate) name: String,
}

impl Schema {
    pub(crate) fn new(server_url: &str) -> Self {
        let name = unique_name("engine");
        let url = format!("{server_url}?schema={name}");
        Self { server_url: server_url.to_owned(), url, name }
    }

    pub(crate) fn options(&self) -> PostgresOptions {
        PostgresOptions::new(&self.url).unwrap()
    }

    pub(crate) async fn engine(&self) -> PostgresEngine {
        PostgresEngine::connect(self.options(), Arc::new(SystemClock)).await.unwrap()
    }

    /// Runs SQL in which `{s}` is the schema.
    pub(crate) async fn sql(&self, sql: &str) -> Vec<isobase_postgres::Row> {
        self.raw_sql(&sql.replace("{s}", &format!("\"{}\"", self.name))).await
    }

    pub(crate) async fn raw_sql(&self, sql: &str) -> Vec<isobase_postgres::Row> {
        let config = Config::parse(&self.url).unwrap();
        let deadline = Instant::now() + Duration::from_secs(10);
        let connection = Connection::open(&config, deadline).await.unwrap();
        let sql = Sql::new(sql, &[]);
        connection.query(&sql, &[]).await.unwrap()
    }

    /// The first column of the first row.
    pub(crate) async fn number(&self, sql: &str) -> i64 {
        self.sql(sql).await[0].get(0)
    }
}

/// Runs a test in a schema of the shared server, and drops the schema whatever happens.
pub(crate) fn with_schema<F: Future<Output = ()>>(test: impl FnOnce(Arc<Schema>) -> F) {
    let Some(server) = postgres_url() else {
        return not_run();
    };
    runtime().block_on(async {
        let schema = Arc::new(Schema::new(&server));
        let result = AssertUnwindSafe(test(Arc::clone(&schema))).catch_unwind().await;
        schema.sql("DROP SCHEMA IF EXISTS {s} CASCADE").await;
        if let Err(panic) = result {
            resume_unwind(panic);
        }
    });
}

/// Runs a test with a server of its own, which it may stop.
pub(crate) fn with_server<F: Future<Output = ()>>(test: impl FnOnce(TestPostgres) -> F) {
    if postgres_url().is_none() && !require_all() {
        return not_run();
    }
    let server = TestPostgres::start().expect("PostgreSQL starts");
    runtime().block_on(test(server));
}

#[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
fn not_run() {
    eprintln!("NOT RUN: there is no PostgreSQL (ISOBASE_TEST_POSTGRES_URL is not set)");
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

pub(crate) fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

pub(crate) fn id(text: &str) -> DocumentId {
    DocumentId::parse(text).unwrap()
}

pub(crate) fn order(text: &str) -> Order {
    Order::parse(text).unwrap()
}

pub(crate) fn batch(collection: &str, action: Action) -> WriteBatch {
    let collection = name(collection);
    let operation = WriteOperation { collection, action, precondition: Precondition::None };
    WriteBatch { operations: vec![operation], ..WriteBatch::default() }
}

pub(crate) fn create(collection: &str, body: &str) -> WriteBatch {
    batch(collection, Action::Create { body: body.to_owned() })
}

pub(crate) fn put(collection: &str, key: &str, body: &str) -> WriteBatch {
    let (id, body, if_missing) = (id(key), body.to_owned(), IfMissing::Create);
    batch(collection, Action::Put { id, body, if_missing })
}

pub(crate) fn delete(collection: &str, key: &str) -> WriteBatch {
    batch(collection, Action::Delete { id: id(key) })
}

pub(crate) async fn outcome(engine: &PostgresEngine, batch: WriteBatch) -> WriteOutcome {
    engine.write(batch).await.unwrap().outcomes.remove(0)
}

pub(crate) async fn written(engine: &PostgresEngine, batch: WriteBatch) -> Written {
    outcome(engine, batch).await.unwrap()
}

/// Short forms of what tests ask often.
pub(crate) trait Ask {
    async fn changes_after(&self, since: u64) -> Result<Vec<u64>, EngineError>;
    async fn read_page(&self, request: &ChangesRequest) -> ChangesPage;
    async fn latest_sequence(&self) -> Sequence;
    async fn listed(&self, collection: &str, filter: Filter, sort: &str) -> Vec<String>;
    async fn list_all(&self) -> Result<Listing, EngineError>;
}

impl Ask for PostgresEngine {
    async fn changes_after(&self, since: u64) -> Result<Vec<u64>, EngineError> {
        let request =
            ChangesRequest { since: Sequence(since), collection: None, limit: 1000, bodies: false };
        let page = self.read_changes(&request).await?;
        Ok(page.changes.iter().map(|change| change.sequence.0).collect())
    }

    async fn read_page(&self, request: &ChangesRequest) -> ChangesPage {
        self.read_changes(request).await.unwrap()
    }

    async fn latest_sequence(&self) -> Sequence {
        self.latest().await.unwrap()
    }

    async fn listed(&self, collection: &str, filter: Filter, sort: &str) -> Vec<String> {
        let order = if sort.is_empty() { Order::default() } else { order(sort) };
        let listing = self.list(&name(collection), &request(filter, order)).await.unwrap();
        listing.documents.iter().map(|document| document.id.to_string()).collect()
    }

    async fn list_all(&self) -> Result<Listing, EngineError> {
        self.list(&name("notes"), &request(Filter::all(), Order::default())).await
    }
}

fn request(filter: Filter, order: Order) -> ListRequest {
    let (bytes_max, scan_max) = (1 << 20, 100_000);
    ListRequest { filter, order, after: None, skip: 0, limit: 1000, bytes_max, scan_max }
}
