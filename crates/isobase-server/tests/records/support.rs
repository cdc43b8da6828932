//! The service in process, over the memory engine, and a short way to talk to it.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use isobase_auth::{Authorizer, Sealer, SecretSource};
use isobase_engine::{
    ChangeFeed, ChangesPage, ChangesRequest, Clock, Counters, Engine, EngineError, ErrorKind, Keep,
    ListRequest, Listing, WriteBatch, WriteReport,
    testing::{Alteration, Altered},
};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_server::{RequestBody, ServerConfig, Service as App, compose};
use isobase_store::{Store, StoreOptions};
use isobase_types::{CollectionName, Document, DocumentId, Sequence, Timestamp};
use serde_json::Value;

/// The service over an empty database, in open mode.
#[derive(Clone)]
pub struct Service {
    pub app: Arc<App>,
    pub store: Store,
    faults: Arc<Faults>,
}

/// How a service differs from the ordinary.
#[derive(Default)]
pub struct Settings {
    pub config: ServerConfig,
    pub store: StoreOptions,
    pub memory: MemoryOptions,
}

impl Service {
    pub fn new() -> Self {
        Self::with(Settings::default())
    }

    pub fn with(settings: Settings) -> Self {
        Self::made(settings, |store| store)
    }

    /// An ordinary service whose store is changed first.
    pub fn over(change: impl FnOnce(Store) -> Store) -> Self {
        Self::made(Settings::default(), change)
    }

    /// A service that is there already.
    pub fn of(app: Arc<App>, store: Store) -> Self {
        Self { app, store, faults: Arc::default() }
    }

    /// The database is loaded, as a restore does it, and has had so many writes then.
    pub async fn restored(&self, writes: u64) {
        let engine = self.store.engine();
        engine.mark("a restore").await.unwrap();
        engine.finish(Counters { sequence: Sequence(writes), last_id: 0 }).await.unwrap();
    }

    pub fn made(settings: Settings, change: impl FnOnce(Store) -> Store) -> Self {
        let memory = MemoryEngine::new(Arc::new(Ticking::default()), settings.memory);
        let faults = Arc::new(Faults::default());
        let engine = Altered(Faulty { memory, faults: faults.clone() });
        let store = change(Store::new(Arc::new(engine), settings.store));
        let mut config = settings.config;
        config.licences.sealer.get_or_insert_with(|| {
            Sealer::new(SecretSource::Text("a secret of all these tests".into()))
        });
        let app = compose(store.clone(), Arc::new(Authorizer::open()), config);
        Self { app, store, faults }
    }

    /// Another service on the same database.
    pub fn beside(&self, config: ServerConfig) -> Self {
        let app = compose(self.store.clone(), Arc::new(Authorizer::open()), config);
        Self { app, store: self.store.clone(), faults: self.faults.clone() }
    }

    /// Lets this many listings, then writes, succeed before all fail.
    pub fn fail_after(&self, lists: u32, writes: u32) {
        *self.faults.lists.lock().unwrap() = Some(lists);
        *self.faults.writes.lock().unwrap() = Some(writes);
    }

    /// How often the change feed was asked for anything but to wait.
    pub fn feed_reads(&self) -> u32 {
        self.faults.feed_reads.load(Ordering::SeqCst)
    }

    /// Whether the change feed cannot be read.
    pub fn fail_feed(&self, fails: bool) {
        self.faults.feed_fails.store(fails, Ordering::SeqCst);
    }

    /// How many parts of listings were asked for.
    pub fn lists_run(&self) -> u32 {
        self.faults.lists_run.load(Ordering::SeqCst)
    }

    pub async fn send(&self, ask: Ask) -> Reply {
        let mut request = Request::builder().method(ask.method).uri(ask.target);
        request = request.header("host", "localhost");
        for (name, value) in ask.headers {
            request = request.header(name, value);
        }
        let request = request.body(RequestBody::whole(ask.body)).unwrap();
        let (parts, body) = self.app.handle(request).await.into_parts();
        let announced = http_body::Body::size_hint(&body).exact();
        let mut received = Vec::new();
        let mut broken = false;
        let mut body = std::pin::pin!(body);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => received.extend_from_slice(frame.data_ref().unwrap()),
                Err(_) => broken = true,
            }
        }
        let text = String::from_utf8(received).unwrap();
        Reply { status: parts.status, headers: parts.headers, text, announced, broken }
    }

    pub async fn get(&self, target: &str) -> Reply {
        self.send(Ask::new(Method::GET, target)).await
    }

    pub async fn delete(&self, target: &str) -> Reply {
        self.send(Ask::new(Method::DELETE, target)).await
    }

    pub async fn post(&self, target: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send(Ask::new(Method::POST, target).json(body)).await
    }

    pub async fn put(&self, target: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send(Ask::new(Method::PUT, target).json(body)).await
    }

    pub async fn patch(&self, target: &str, body: impl Into<Vec<u8>>) -> Reply {
        self.send(Ask::new(Method::PATCH, target).json(body)).await
    }

    /// Nothing is stored anywhere.
    pub async fn assert_empty(&self, why: &str) {
        let stats = self.get("/stats").await;
        assert_eq!(
            stats.text, r#"{"total_records":0,"collections":0,"collection_names":[]}"#,
            "{why}"
        );
    }
}

/// A request.
pub struct Ask {
    method: Method,
    target: String,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Ask {
    pub fn new(method: Method, target: &str) -> Self {
        Self { method, target: target.to_owned(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Self {
        self.body = body.into();
        self
    }

    pub fn json(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/json").body(body)
    }

    pub fn lines(self, body: impl Into<Vec<u8>>) -> Self {
        self.header("content-type", "application/x-ndjson").body(body)
    }
}

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    /// The length the answer has before it is sent, if it is known then.
    pub announced: Option<u64>,
    /// The answer broke off.
    pub broken: bool,
}

impl Reply {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub fn etag(&self) -> &str {
        self.header("etag").unwrap()
    }

    /// An answer with this status and this body.
    #[track_caller]
    pub fn is(&self, status: u16, text: &str) -> &Self {
        assert_eq!((self.status.as_u16(), self.text.as_str()), (status, text));
        self
    }

    /// An answer with this status.
    #[track_caller]
    pub fn has_status(&self, status: u16) -> &Self {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        self
    }

    #[track_caller]
    pub fn contains(&self, part: &str) -> &Self {
        assert!(self.text.contains(part), "{part:?} is not in {}", self.text);
        self
    }

    #[track_caller]
    pub fn lacks(&self, part: &str) -> &Self {
        assert!(!self.text.contains(part), "{part:?} is in {}", self.text);
        self
    }

    /// A problem with this status and code, and a detail for people.
    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        self.has_status(status);
        let problem = self.json();
        assert_eq!(problem["code"], code, "{}", self.text);
        assert_eq!(problem["status"], status);
        assert!(problem["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
        assert!(problem["request_id"].is_string());
        assert_eq!(self.header("content-type"), Some("application/problem+json"));
        self
    }

    /// The names of the things that are wrong, or the places.
    pub fn blamed(&self) -> Vec<String> {
        let problem = self.json();
        let items = problem["errors"].as_array().cloned().unwrap_or_default();
        let name = |item: &Value| {
            item["name"].as_str().or(item["pointer"].as_str()).unwrap_or_default().to_owned()
        };
        items.iter().map(name).collect()
    }
}

/// A clock that goes on by a second whenever it is looked at. An engine looks at it once when it
/// opens; then it is 14:09 on 2026-11-20.
struct Ticking(AtomicI64);

impl Default for Ticking {
    fn default() -> Self {
        Self(AtomicI64::new(1_795_183_739_000_000))
    }
}

impl Clock for Ticking {
    fn now(&self) -> Timestamp {
        Timestamp { unix_us: self.0.fetch_add(1_000_000, Ordering::SeqCst) }
    }

    /// To ask for it must not make it later.
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
}

/// What still succeeds: none means everything does.
#[derive(Default)]
struct Faults {
    lists: Mutex<Option<u32>>,
    writes: Mutex<Option<u32>>,
    lists_run: AtomicU32,
    feed_reads: AtomicU32,
    feed_fails: AtomicBool,
}

fn spend(budget: &Mutex<Option<u32>>) -> Result<(), EngineError> {
    match &mut *budget.lock().unwrap() {
        None => Ok(()),
        Some(0) => Err(down()),
        Some(left) => {
            *left -= 1;
            Ok(())
        }
    }
}

fn down() -> EngineError {
    EngineError::new(ErrorKind::Unavailable, "made to fail by a test")
}

/// The memory engine, able to fail.
struct Faulty {
    memory: MemoryEngine,
    faults: Arc<Faults>,
}

#[async_trait]
impl ChangeFeed for Faulty {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        self.faults.feed_reads.fetch_add(1, Ordering::SeqCst);
        if self.faults.feed_fails.load(Ordering::SeqCst) {
            return Err(down());
        }
        self.memory.read_changes(request).await
    }

    fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.memory.keep(collection, keep);
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        self.faults.feed_reads.fetch_add(1, Ordering::SeqCst);
        if self.faults.feed_fails.load(Ordering::SeqCst) {
            return Err(down());
        }
        self.memory.latest().await
    }

    async fn wait(
        &self,
        since: Sequence,
        collection: Option<&CollectionName>,
    ) -> Result<(), EngineError> {
        self.memory.wait(since, collection).await
    }
}

#[async_trait]
impl Alteration for Faulty {
    fn inner(&self) -> &dyn Engine {
        &self.memory
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        // A database answers later: others come between a read and the write that follows it.
        let found = self.memory.get(collection, id).await;
        tokio::task::yield_now().await;
        found
    }

    fn change_feed(&self) -> &dyn ChangeFeed {
        self
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        spend(&self.faults.writes)?;
        self.memory.write(batch).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.faults.lists_run.fetch_add(1, Ordering::SeqCst);
        spend(&self.faults.lists)?;
        self.memory.list(collection, request).await
    }
}
