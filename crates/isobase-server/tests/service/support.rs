//! The service in process and on loopback, and raw bytes to and from it.

use std::{
    net::SocketAddr,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use isobase_auth::{Authorizer, Clock, Sealer, SecretSource};
use isobase_server::{
    FilesOptions, HttpConfig, OpenTo, RequestBody, ServerConfig, Service as App, SqlOptions,
    Webhooks, WebhooksOptions, compose, serve,
};
use isobase_sql::SqlReader;
use isobase_store::{Store, StoreOptions};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
    time::timeout,
};
use tokio_util::sync::CancellationToken;

use super::engine::{Trouble, TroubledEngine};

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(20);

/// Waits for something that must come.
pub async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(PATIENCE, future).await.unwrap_or_else(|_| panic!("{what} did not come"))
}

/// Uploads, so that every route is there. None of these tests sends a file, so no folder is made.
pub fn no_uploads() -> FilesOptions {
    FilesOptions::new(std::env::temp_dir().join("isobase-no-uploads"), 1)
}

/// Webhooks that are told nothing, so that every route is there.
pub fn no_webhooks(store: &Store) -> Webhooks {
    let secret = SecretSource::Text("a secret of these tests".into());
    let options = WebhooksOptions {
        sealer: Sealer::new(secret),
        sender: None,
        rules: Arc::default(),
        node: String::new(),
        clock: Clock::default(),
    };
    Webhooks::new(store, options)
}

/// A database that cannot be looked at, so that every route is there.
pub fn no_sql() -> SqlOptions {
    let reader = SqlReader::new("sqlite:///nonexistent/isobase.db").unwrap();
    SqlOptions { reader, writer: None, rows_max: 10, timeout: PATIENCE }
}

/// The service in process.
pub struct Service {
    pub app: Arc<App>,
    pub trouble: Arc<Trouble>,
}

impl Service {
    pub fn new() -> Self {
        Self::with(HttpConfig::default(), Authorizer::open())
    }

    pub fn with(http: HttpConfig, authorizer: Authorizer) -> Self {
        // What open mode refuses has tests of its own.
        let http = HttpConfig { open_to: OpenTo::Everyone, ..http };
        Self::composed(ServerConfig { http, ..ServerConfig::default() }, authorizer)
    }

    pub fn composed(config: ServerConfig, authorizer: Authorizer) -> Self {
        let trouble = Arc::new(Trouble::default());
        let engine = Arc::new(TroubledEngine::new(trouble.clone()));
        let store = Store::new(engine, StoreOptions::default());
        let files = config.files.or_else(|| Some(no_uploads()));
        let webhooks = config.webhooks.or_else(|| Some(no_webhooks(&store)));
        let sql = config.sql.or_else(|| Some(no_sql()));
        let config = ServerConfig { files, webhooks, sql, ..config };
        let app = compose(store, Arc::new(authorizer), config);
        Self { app, trouble }
    }

    pub fn hang(&self) {
        self.trouble.hangs.store(true, Ordering::SeqCst);
    }

    pub async fn ask(&self, method: Method, target: &str, headers: &[(&str, &str)]) -> Reply {
        self.ask_with(method, target, headers, "").await
    }

    pub async fn ask_with(
        &self,
        method: Method,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(target).header("host", "db:8002");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(RequestBody::whole(body.to_owned())).unwrap();
        let (parts, body) = self.app.handle(request).await.into_parts();
        let content_type = parts.headers.get("content-type").map(http::HeaderValue::as_bytes);
        // A stream of events has no end.
        let is_endless = content_type.is_some_and(|it| it.starts_with(b"text/event-stream"));
        let bytes = match is_endless {
            true => bytes::Bytes::new(),
            false => body.collect().await.unwrap().to_bytes(),
        };
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    pub async fn get(&self, target: &str) -> Reply {
        self.ask(Method::GET, target, &[]).await
    }
}

#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Reply {
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        let problem = self.json();
        assert_eq!(problem["code"], code);
        assert_eq!(problem["type"], format!("/docs/errors#{code}"));
        assert_eq!(problem["status"], status);
        assert_eq!(problem["request_id"], self.header("x-request-id"));
        assert_eq!(self.header("content-type"), "application/problem+json");
        if matches!(status, 429 | 503 | 507) {
            assert!(self.header("retry-after").parse::<u32>().unwrap() > 0);
        }
        self
    }
}

/// The service on loopback.
pub struct Server {
    pub service: Service,
    pub address: SocketAddr,
    pub stop: CancellationToken,
    pub task: JoinHandle<std::io::Result<()>>,
}

impl Server {
    pub async fn start(config: HttpConfig) -> Self {
        let service = Service::with(config, Authorizer::open());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(serve(listener, service.app.clone(), stop.clone()));
        Self { service, address, stop, task }
    }

    pub async fn connect(&self) -> Client {
        Client(TcpStream::connect(self.address).await.unwrap())
    }

    /// Sends bytes on a new connection and reads until the server closes it.
    pub async fn exchange(&self, bytes: &[u8]) -> String {
        let mut client = self.connect().await;
        client.send(bytes).await;
        client.read_to_end().await
    }

    /// Whether an ordinary request is answered.
    pub async fn answers(&self) {
        let text =
            self.exchange(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").await;
        assert!(text.starts_with("HTTP/1.1 200"), "{text}");
    }

    /// A counter of `/metrics`.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.service.get("/metrics").await.text;
        let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
    }
}

/// A connection with control over every byte.
pub struct Client(pub TcpStream);

impl Client {
    pub async fn send(&mut self, bytes: &[u8]) {
        // The server may have closed already: what it said is what the test looks at.
        let _ = self.0.write_all(bytes).await;
    }

    /// Everything until the server closes. A reset counts as a close.
    pub async fn read_to_end(&mut self) -> String {
        let mut text = Vec::new();
        let _ = soon("the end of the connection", self.0.read_to_end(&mut text)).await;
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Reads until the bytes end like this.
    pub async fn read_until(&mut self, end: &str) -> String {
        let mut text = Vec::new();
        while !text.ends_with(end.as_bytes()) {
            let byte = soon(end, self.0.read_u8()).await;
            text.push(byte.unwrap_or_else(|error| {
                panic!("{error} after {:?}", String::from_utf8_lossy(&text))
            }));
        }
        String::from_utf8_lossy(&text).into_owned()
    }
}
