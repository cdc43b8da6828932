//! Documents that name uploaded files.

use std::{collections::HashMap, sync::Arc, time::Duration};

use http::Method;
use isobase_auth::{AccountOptions, Authorizer, KeyStore, PasswordOptions, Sealer, SecretSource};
use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_server::{FilesOptions, ServerConfig, compose};
use isobase_store::{Rule, RuleAction, RuleBook, Rules, Schema, Store, StoreOptions, Unruled};
use isobase_types::CollectionName;
use tempfile::TempDir;

use super::form;
use crate::records::support::{Ask, Reply, Service};

const SCHEMA: &str = r#"{"properties":{"cover":{"type":["string","null"],"x-type":"file"},
    "scans":{"type":"array","items":{"type":"string","x-type":"file"},"x-private":true},
    "seal":{"type":"string","x-type":"file","x-private":true}}}"#;
const KEY: &str = "the-internal-key";
/// Hashes that cost a test nothing.
const CHEAP: PasswordOptions =
    PasswordOptions { memory_kib: 8, passes: 1, threads: 2, waiting_max: 1_000 };

/// What somebody sends to be known.
pub(super) struct Who(pub(super) String, pub(super) String);

impl Who {
    pub(super) fn key() -> Self {
        Self("x-api-key".to_owned(), KEY.to_owned())
    }

    pub(super) fn nobody() -> Self {
        Self("x-nobody".to_owned(), "1".to_owned())
    }
}

/// A service with accounts, and a collection whose documents name files and are their owners'.
pub(super) struct Desk {
    service: Service,
    folder: TempDir,
}

impl Desk {
    pub(super) fn new(unused_for: Duration) -> Self {
        Self::with(unused_for, StoreOptions::default())
    }

    pub(super) fn with(unused_for: Duration, options: StoreOptions) -> Self {
        Self::over(unused_for, Self::store(options), Authorizer::new(Some(KEY)))
    }

    /// One that knows named keys.
    pub(super) async fn keyed(unused_for: Duration) -> Self {
        let store = Self::store(StoreOptions::default());
        let authorizer = Authorizer::with_keys(Some(KEY), KeyStore::new(&store)).await.unwrap();
        Self::over(unused_for, store, authorizer)
    }

    fn store(options: StoreOptions) -> Store {
        let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        let collection = CollectionName::new("letters").unwrap();
        let schema = Schema::parse(SCHEMA.as_bytes()).unwrap();
        let store = Store::new(Arc::new(engine), options);
        store.with_schemas(HashMap::from([(collection, schema)]))
    }

    fn over(unused_for: Duration, store: Store, authorizer: Authorizer) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let collection = CollectionName::new("letters").unwrap();
        let anybody = Rule::parse(RuleAction::Create, "true").unwrap();
        let mut rules = Rules::default().with(RuleAction::Create, anybody);
        for action in [RuleAction::List, RuleAction::View, RuleAction::Update, RuleAction::Delete] {
            rules = rules.with(action, Rule::parse(action, "by = @user.id").unwrap());
        }
        let book = RuleBook::new(Unruled::Closed).with(collection, rules);
        let options = FilesOptions::new(folder.path().join("uploads"), 1_000);
        let config = ServerConfig {
            files: Some(FilesOptions { unused_for, ..options }),
            rules: Arc::new(book),
            accounts: AccountOptions { passwords: CHEAP, ..AccountOptions::default() },
            sealer: Some(Sealer::new(SecretSource::Text("a secret of this test".into()))),
            ..ServerConfig::default()
        };
        let app = compose(store.clone(), Arc::new(authorizer), config);
        Self { service: Service::of(app, store), folder }
    }

    /// Somebody who has registered.
    pub(super) async fn account(&self, name: &str) -> Who {
        let body = format!(r#"{{"username":"{name}","password":"a long password"}}"#);
        self.service.post("/api/register", body.clone()).await;
        let signed_in = self.service.post("/api/sessions", body).await;
        let token = signed_in.json()["token"].as_str().unwrap().to_owned();
        Who("authorization".to_owned(), format!("Bearer {token}"))
    }

    pub(super) async fn ask(&self, method: Method, target: &str, who: &Who, body: &str) -> Reply {
        let ask = Ask::new(method, target).header(&who.0, who.1.clone());
        self.service.send(if body.is_empty() { ask } else { ask.json(body) }).await
    }

    /// The name of a new file.
    pub(super) async fn file(&self, who: &Who, bytes: &str) -> String {
        let ask = Ask::new(Method::POST, "/api/upload").header(&who.0, who.1.clone());
        let ask = ask.header("content-type", "multipart/form-data; boundary=b");
        let reply = self.service.send(ask.body(form("file", "a.txt", bytes.as_bytes()))).await;
        reply.has_status(200);
        reply.json()["filename"].as_str().unwrap().to_owned()
    }

    pub(super) async fn read(&self, name: &str, who: &Who) -> u16 {
        self.ask(Method::GET, &format!("/uploads/{name}"), who, "").await.status.as_u16()
    }

    /// Sweeps as the service does; says how many files went.
    pub(super) async fn sweep(&self) -> u64 {
        let swept = self.ask(Method::POST, "/api/v1/uploads/sweep", &Who::key(), "").await;
        swept.json()["deleted"].as_u64().unwrap()
    }

    pub(super) fn on_disk(&self) -> usize {
        let entries = std::fs::read_dir(self.folder.path().join("uploads")).unwrap();
        entries.filter(|entry| entry.as_ref().unwrap().path().is_file()).count()
    }
}

#[tokio::test]
async fn documents_name_only_files_of_their_writers() {
    let desk = Desk::new(Duration::from_secs(60));
    let (ann, bob) = (desk.account("ann").await, desk.account("bob").await);
    let (own, other) = (desk.file(&ann, "own").await, desk.file(&bob, "other").await);
    let none = format!("{}.txt", "00000000-0000-4000-8000-000000000000");
    for (body, status) in [
        (format!(r#"{{"cover":"{other}"}}"#), 422),
        (format!(r#"{{"cover":"{none}"}}"#), 422),
        (r#"{"cover":"/uploads/../secret"}"#.to_owned(), 422),
        (r#"{"cover":"https://example.com/a.png"}"#.to_owned(), 422),
        (format!(r#"{{"scans":["{own}","{other}"]}}"#), 422),
        (format!(r#"{{"cover":"{own}"}}"#), 201),
        (format!(r#"{{"cover":"/uploads/{own}","scans":[]}}"#), 201),
        (r#"{"cover":null}"#.to_owned(), 201),
    ] {
        let reply = desk.ask(Method::POST, "/records/letters", &ann, &body).await;
        reply.has_status(status);
        if status == 422 {
            reply.is_problem(422, "schema_violation");
            assert!(["/cover", "/scans"].contains(&&*reply.blamed()[0]), "{}", reply.text);
        }
    }
    // Anyone who has a key acts for everybody.
    let key = Who::key();
    let body = format!(r#"{{"by":1,"cover":"{other}","scans":["{own}"]}}"#);
    let made = desk.ask(Method::POST, "/records/letters", &key, &body).await;
    made.has_status(201);
    // What is there may stay, and what a patch brings is looked at too.
    let path = format!("/records/letters/{}", made.json()["id"]);
    desk.ask(Method::PATCH, &path, &key, r#"{"by":2}"#).await.has_status(200);
    let patch = format!(r#"{{"scans":["{own}","{none}"]}}"#);
    desk.ask(Method::PATCH, &path, &key, &patch).await.is_problem(422, "schema_violation");
}

#[tokio::test]
async fn private_files_are_shown_with_their_documents() {
    let desk = Desk::new(Duration::from_secs(60));
    let (ann, bob) = (desk.account("ann").await, desk.account("bob").await);
    let carl = desk.account("carl").await;
    let (nobody, key) = (Who::nobody(), Who::key());
    let me = desk.ask(Method::GET, "/api/me", &ann, "").await.json();
    let (scan, seal) = (desk.file(&bob, "scan").await, desk.file(&bob, "seal").await);
    let cover = desk.file(&bob, "cover").await;
    assert_eq!(desk.read(&scan, &nobody).await, 200);
    let body = format!(
        r#"{{"by":{},"cover":"{cover}","scans":["{scan}"],"seal":"/uploads/{seal}"}}"#,
        me["id"]
    );
    desk.ask(Method::POST, "/records/letters", &bob, &body).await.has_status(201);
    // The document is Ann's, the files are Bob's.
    for (who, status) in [(&ann, 200), (&bob, 200), (&key, 200), (&carl, 404), (&nobody, 404)] {
        assert_eq!(desk.read(&scan, who).await, status, "{}", who.1);
        assert_eq!(desk.read(&seal, who).await, status, "{}", who.1);
        assert_eq!(desk.read(&cover, who).await, 200, "{}", who.1);
    }
    let read = desk.ask(Method::GET, &format!("/uploads/{scan}"), &ann, "").await;
    assert_eq!(read.header("cache-control"), Some("private, no-cache, no-transform"));

    let link = format!("/api/upload/{scan}/link?expires_in=60");
    desk.ask(Method::POST, &link, &carl, "").await.is_problem(404, "file_not_found");
    let linked = desk.ask(Method::POST, &link, &ann, "").await.json();
    let url = linked["url"].as_str().unwrap();
    assert_eq!(desk.service.get(url).await.text, "scan");
    for wrong in [
        url.replace(&scan, &seal),
        url.replace("expires=1", "expires=2"),
        format!("{}0", &url[..url.len() - 1]),
        url[..url.len() - 1].to_owned(),
    ] {
        // One of sixteen signatures ends with the same digit.
        if wrong != url {
            desk.service.get(&wrong).await.has_status(404);
        }
    }
}

#[tokio::test]
async fn files_that_nothing_names_any_more_go() {
    let desk = Desk::new(Duration::ZERO);
    let key = Who::key();
    let (plain, cover) = (desk.file(&key, "plain").await, desk.file(&key, "cover").await);
    let (scan, tried) = (desk.file(&key, "scan").await, desk.file(&key, "tried").await);
    let body = format!(r#"{{"cover":"/uploads/{cover}","scans":["{scan}"]}}"#);
    let made = desk.ask(Method::POST, "/records/letters", &key, &body).await;
    let path = format!("/records/letters/{}", made.json()["id"]);
    let refused = format!(r#"{{"cover":"{tried}","scans":["none"]}}"#);
    desk.ask(Method::PATCH, &path, &key, &refused).await.has_status(422);
    assert_eq!((desk.sweep().await, desk.on_disk()), (1, 3));
    desk.ask(Method::PATCH, &path, &key, r#"{"scans":[]}"#).await.has_status(200);
    assert_eq!((desk.sweep().await, desk.on_disk()), (1, 2));
    assert_eq!(desk.read(&cover, &key).await, 200);
    desk.ask(Method::DELETE, &path, &key, "").await.has_status(200);
    assert_eq!((desk.sweep().await, desk.sweep().await, desk.on_disk()), (1, 0, 1));
    // No document has ever named it.
    assert_eq!(desk.read(&plain, &key).await, 200);
}

/// A collection that is too large to be looked through.
#[tokio::test]
async fn a_private_file_of_a_list_is_shown_without_a_look_at_its_collection() {
    let desk = Desk::with(Duration::ZERO, StoreOptions { scan_max: 5, ..StoreOptions::default() });
    let (ann, key) = (desk.account("ann").await, Who::key());
    let carl = desk.account("carl").await;
    let me = desk.ask(Method::GET, "/api/me", &ann, "").await.json()["id"].clone();
    let scan = desk.file(&key, "scan").await;
    for _ in 0..20 {
        let other = format!(r#"{{"by":{me},"scans":[]}}"#);
        desk.ask(Method::POST, "/records/letters", &key, &other).await.has_status(201);
    }
    let body = format!(r#"{{"by":{me},"scans":["{scan}"]}}"#);
    let made = desk.ask(Method::POST, "/records/letters", &key, &body).await;
    let path = format!("/records/letters/{}", made.json()["id"]);
    for _ in 0..2 {
        assert_eq!(desk.read(&scan, &ann).await, 200);
        assert_eq!(desk.read(&scan, &carl).await, 404);
        // Said again it is the same document.
        let patch = format!(r#"{{"scans":["/uploads/{scan}"]}}"#);
        desk.ask(Method::PATCH, &path, &key, &patch).await.has_status(200);
    }
    // A refused write names nothing, and a document that names it no more does not show it.
    let refused = format!(r#"{{"by":{me},"scans":["{scan}","none"]}}"#);
    desk.ask(Method::POST, "/records/letters", &key, &refused).await.has_status(422);
    assert_eq!(desk.read(&scan, &ann).await, 200);
    desk.ask(Method::PATCH, &path, &key, r#"{"scans":[]}"#).await.has_status(200);
    assert_eq!(desk.read(&scan, &ann).await, 404);
    let upsert = "/records/letters/new?upsert=true".to_string();
    let body = format!(r#"{{"by":{me},"scans":["{scan}"]}}"#);
    let made = desk.ask(Method::PUT, &upsert, &key, &body).await;
    assert!(made.status.is_success(), "{}", made.text);
    assert_eq!(desk.read(&scan, &ann).await, 200);
    assert_eq!(desk.read(&scan, &carl).await, 404);
}

#[tokio::test]
async fn a_file_that_nothing_names_stays_for_a_while() {
    let desk = Desk::new(Duration::from_secs(3_600));
    let key = Who::key();
    let cover = desk.file(&key, "cover").await;
    let body = format!(r#"{{"cover":"{cover}"}}"#);
    let made = desk.ask(Method::POST, "/records/letters", &key, &body).await;
    let path = format!("/records/letters/{}", made.json()["id"]);
    desk.ask(Method::DELETE, &path, &key, "").await.has_status(200);
    assert_eq!((desk.sweep().await, desk.sweep().await), (0, 0));
    assert_eq!(desk.read(&cover, &key).await, 200);
    desk.ask(Method::POST, "/records/letters", &key, &body).await.has_status(201);
    assert_eq!((desk.sweep().await, desk.on_disk()), (0, 1));
}
