//! A service with accounts over a database in memory.

use std::sync::Arc;

use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt;
use isobase_auth::{
    AccountOptions, Accounts, Authorizer, Clock, KeyStore, NewAccount, PasswordOptions, Role,
    Sealer, SecretSource,
};
use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_server::{
    FilesOptions, HttpConfig, LiveConfig, RequestBody, ServerConfig, Service, SqlOptions, Topic,
    Webhooks, WebhooksOptions, compose,
};
use isobase_sql::SqlReader;
use isobase_store::{Store, StoreOptions};
use isobase_types::CollectionName;
use serde_json::{Value, json};

/// Hashes that cost a test nothing.
pub const CHEAP: PasswordOptions =
    PasswordOptions { memory_kib: 8, passes: 1, threads: 2, waiting_max: 1_000 };

pub struct App {
    pub service: Arc<Service>,
    pub store: Store,
}

impl App {
    pub async fn new() -> Self {
        Self::with(AccountOptions::default(), HttpConfig::default()).await
    }

    /// With every route there is: a folder of uploads, into which nothing is put, webhooks that are
    /// told nothing, and a database of owners that is not there.
    pub async fn with_every_route() -> Self {
        let folder = std::env::temp_dir().join("isobase-no-uploads");
        let files = Some(FilesOptions::new(folder, 1));
        let reader = SqlReader::new("sqlite:///nonexistent/isobase.db").unwrap();
        let timeout = std::time::Duration::from_secs(1);
        let sql = Some(SqlOptions { reader, writer: None, rows_max: 10, timeout });
        let config = ServerConfig { files, sql, ..ServerConfig::default() };
        let webhooks = |store: &Store| {
            let options = WebhooksOptions {
                sealer: Sealer::new(SecretSource::Text("a secret of these tests".into())),
                sender: None,
                rules: Arc::default(),
                node: String::new(),
                clock: Clock::default(),
            };
            Some(Webhooks::new(store, options))
        };
        Self::composed(config, webhooks).await
    }

    pub async fn with(accounts: AccountOptions, http: HttpConfig) -> Self {
        let config = ServerConfig { accounts, http, ..ServerConfig::default() };
        Self::composed(config, |_| None).await
    }

    pub async fn composed(
        config: ServerConfig,
        webhooks: impl FnOnce(&Store) -> Option<Webhooks>,
    ) -> Self {
        let memory = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        let store = Store::new(Arc::new(memory), StoreOptions::default());
        let keys = KeyStore::new(&store);
        let authorizer = Authorizer::with_keys(Some("internal-key"), keys).await.unwrap();
        let sealer = Some(Sealer::new(SecretSource::Text("0123456789abcdef".into())));
        let accounts = config.accounts;
        let passwords = match accounts.passwords == PasswordOptions::default() {
            true => CHEAP,
            false => accounts.passwords,
        };
        let accounts = AccountOptions { passwords, sealer, ..accounts };
        let topics = vec![Topic::plain(CollectionName::new("items").unwrap(), "item")];
        let live = LiveConfig { topics, ..LiveConfig::default() };
        let webhooks = webhooks(&store);
        let config = ServerConfig { accounts, live, webhooks, ..config };
        Self { service: compose(store.clone(), Arc::new(authorizer), config), store }
    }

    /// The accounts as another service on the database has them.
    pub fn accounts(&self) -> Accounts {
        Accounts::new(&self.store, AccountOptions { passwords: CHEAP, ..AccountOptions::default() })
    }

    pub async fn owner(&self) {
        let new = NewAccount { name: "owner", email: None, password: "a long password" };
        self.accounts().create(new, &Role::owner()).await.unwrap();
    }

    pub async fn ask(
        &self,
        (method, target): (Method, &str),
        headers: &[(&str, &str)],
        body: impl Into<String>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(target);
        if !headers.iter().any(|(name, _)| *name == "host") {
            request = request.header("host", "db:8002");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(RequestBody::whole(body.into())).unwrap();
        let (parts, body) = self.service.handle(request).await.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        Reply { status: parts.status.as_u16(), headers: parts.headers, text }
    }

    pub async fn post(&self, target: &str, body: Value) -> Reply {
        self.ask((Method::POST, target), &[], body.to_string()).await
    }

    pub async fn register(&self, name: &str) -> Browser<'_> {
        let body = json!({ "username": name, "password": "secret" });
        let reply = self.post("/api/register", body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        Browser { app: self, cookie: reply.cookie() }
    }

    pub async fn login(&self, name: &str, password: &str) -> Browser<'_> {
        let reply =
            self.post("/api/login", json!({ "username": name, "password": password })).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        Browser { app: self, cookie: reply.cookie() }
    }

    /// A token for a program.
    pub async fn token(&self, name: &str, password: &str) -> String {
        let body = json!({ "username": name, "password": password });
        let reply = self.post("/api/sessions", body).await;
        assert_eq!(reply.status, 200, "{}", reply.text);
        format!("Bearer {}", reply.json()["token"].as_str().unwrap())
    }
}

/// Somebody with a cookie.
pub struct Browser<'a> {
    pub app: &'a App,
    pub cookie: String,
}

impl Browser<'_> {
    pub async fn ask(&self, method: Method, target: &str, body: Value) -> Reply {
        let headers = [("cookie", self.cookie.as_str()), ("sec-fetch-site", "same-origin")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        self.app.ask((method, target), &headers, body).await
    }

    pub async fn get(&self, target: &str) -> Reply {
        self.ask(Method::GET, target, Value::Null).await
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

    /// What a browser would send back.
    pub fn cookie(&self) -> String {
        self.header("set-cookie").split(';').next().unwrap().to_owned()
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    #[track_caller]
    pub fn is_problem(&self, status: u16, code: &str) -> &Self {
        assert_eq!(self.status, status, "{}", self.text);
        assert_eq!(self.json()["code"], code);
        assert_eq!(self.header("content-type"), "application/problem+json");
        self
    }

    #[track_caller]
    pub fn says(&self, detail: &str) {
        assert_eq!(self.json()["detail"], detail);
    }
}
