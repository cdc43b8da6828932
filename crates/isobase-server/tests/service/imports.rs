//! Files that are sent, looked at, and brought into a collection by a job.

use std::sync::Arc;

use http::Method;
use isobase_auth::{Authorizer, KeyStore, Scope};
use isobase_engine::SystemClock;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_jobs::Imports;
use isobase_server::{HttpConfig, Jobs, JobsOptions, OpenTo, ServerConfig, compose};
use isobase_store::{Store, StoreOptions};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::support::{Reply, Service, soon};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
const TABLE: &str = "sku;n;secret\r\nA-1;1;x\r\n\r\n\"A\n2\";2;y\r\nA-3;three;z\r\nA-4;4\r\n";

struct Importing {
    service: Service,
    store: Store,
    _folder: TempDir,
}

impl Importing {
    fn new() -> Self {
        Self::with(None)
    }

    /// With keys a closed service.
    fn with(authorizer: Option<(Authorizer, Store)>) -> Self {
        let (authorizer, store) = authorizer.unwrap_or_else(|| (Authorizer::open(), store()));
        let folder = tempfile::tempdir().unwrap();
        let imports = Some(Imports::new(folder.path().join("imports")));
        let jobs = Jobs::new(&store, JobsOptions { imports, ..JobsOptions::default() });
        let http = HttpConfig { open_to: OpenTo::Everyone, ..HttpConfig::default() };
        let config = ServerConfig { http, jobs: Some(jobs), ..ServerConfig::default() };
        let app = compose(store.clone(), Arc::new(authorizer), config);
        Self { service: Service { app, trouble: Arc::default() }, store, _folder: folder }
    }

    /// Sends a file, and gives its id.
    async fn send(&self, name: &str, text: &str) -> String {
        let sent = self.post(&format!("/api/v1/imports?name={name}"), text).await;
        assert_eq!(sent.status, 201, "{}", sent.text);
        let id = sent.json()["id"].as_str().unwrap().to_owned();
        assert_eq!(sent.header("location"), format!("/api/v1/imports/{id}"));
        id
    }

    async fn post(&self, target: &str, body: &str) -> Reply {
        self.service.ask_with(Method::POST, target, &JSON, body).await
    }

    async fn preview(&self, id: &str, body: Value) -> Reply {
        self.post(&format!("/api/v1/imports/{id}/preview"), &body.to_string()).await
    }

    /// Carries out an import to its end.
    async fn import(&self, body: Value) -> Value {
        let begun = self.post("/api/v1/jobs/import", &body.to_string()).await;
        assert_eq!(begun.status, 202, "{}", begun.text);
        let target = format!("/api/v1/jobs/{}", begun.json()["id"].as_str().unwrap());
        soon("the end of the import", async {
            loop {
                let job = self.service.get(&target).await.json();
                if job["ended_at"].is_string() {
                    return job;
                }
                tokio::task::yield_now().await;
            }
        })
        .await
    }

    async fn stored(&self) -> Value {
        self.service.get("/records/goods?sort=id").await.json()
    }
}

fn store() -> Store {
    let engine = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    Store::new(Arc::new(engine), StoreOptions::default())
}

fn columns() -> Value {
    json!([
        { "from": "sku", "to": "id" }, { "from": "n", "to": "count", "type": "number" },
        { "from": "secret", "to": null },
    ])
}

#[tokio::test]
async fn a_preview_tells_what_was_decided_and_what_would_be_refused() {
    let importing = Importing::new();
    let schema = json!({ "type": "object", "properties": { "count": { "maximum": 1 } } });
    let target = "/collections/goods/schema";
    let set = importing.service.ask_with(Method::PUT, target, &JSON, &schema.to_string()).await;
    assert_eq!(set.status, 200, "{}", set.text);
    let id = importing.send("goods.csv", TABLE).await;

    let found = importing.preview(&id, json!({})).await.json();
    assert_eq!((&found["format"], &found["delimiter"]), (&json!("csv"), &json!(";")));
    let column = |from: &str, kind: &str, example: &str| json!({ "from": from, "to": from, "type": kind, "example": example });
    let expected = [
        column("sku", "text", "\"A-1\""),
        column("n", "text", "\"1\""),
        column("secret", "text", "\"x\""),
    ];
    assert_eq!(found["columns"], json!(expected));
    assert_eq!(found["records"][0]["document"], json!({ "sku": "A-1", "n": "1", "secret": "x" }));

    let asked = json!({ "collection": "goods", "columns": columns() });
    let found = importing.preview(&id, asked).await.json();
    let records = found["records"].as_array().unwrap();
    let lines: Vec<_> = records.iter().map(|it| it["line"].as_u64().unwrap()).collect();
    assert_eq!(lines, [2, 4, 6, 7]);
    assert_eq!(records[0]["id"], "A-1");
    assert_eq!(records[0]["document"], json!({ "count": 1 }));
    assert_eq!(records[0]["refused"], Value::Null);
    for (record, part) in [(1, "schema"), (2, "\"three\" is no number"), (3, "2 cells, expected 3")]
    {
        let refused = records[record]["refused"].as_str().unwrap();
        assert!(refused.contains(part), "{refused}");
    }
    assert_eq!(importing.stored().await, json!([]));

    for (body, status, code) in [
        (json!({ "columns": [{ "from": "no" }] }), 422, "import_unreadable"),
        (json!({ "columns": [{ "from": "n", "to": "sku" }] }), 422, "import_unreadable"),
        (json!({ "columns": [{ "from": "n" }, { "from": "n" }] }), 422, "invalid_body"),
        (json!({ "columns": [{ "to": "x" }] }), 422, "invalid_body"),
        (json!({ "format": "parquet" }), 422, "invalid_body"),
        (json!({ "collection": "isobase_keys" }), 422, "invalid_body"),
    ] {
        importing.preview(&id, body).await.is_problem(status, code);
    }
    importing.preview("f0011223344556677", json!({})).await.is_problem(404, "import_not_found");
    importing.preview("..%2Fsecret", json!({})).await.is_problem(404, "import_not_found");
}

#[tokio::test]
async fn records_are_stored_once_and_refused_ones_named_by_line() {
    let importing = Importing::new();
    let id = importing.send("goods.csv", TABLE).await;
    let asked = json!({
        "file": id, "collection": "goods", "columns": columns(), "ids": "keep", "skip_bad": true,
    });
    let tried = {
        let mut asked = asked.clone();
        asked["dry_run"] = json!(true);
        importing.import(asked).await
    };
    assert_eq!((&tried["result"]["new"], &tried["result"]["refused"]), (&json!(2), &json!(2)));
    assert_eq!(importing.stored().await, json!([]));

    for (new, there) in [(2, 0), (0, 2)] {
        let job = importing.import(asked.clone()).await;
        assert_eq!(job["state"], "succeeded", "{job}");
        let result = &job["result"];
        let counts = (&result["new"], &result["already_there"], &result["refused"]);
        assert_eq!(counts, (&json!(new), &json!(there), &json!(2)), "{job}");
        let lines: Vec<_> =
            result["refusals"].as_array().unwrap().iter().map(|it| &it["line"]).collect();
        assert_eq!(lines, [6, 7]);
        assert!(!job.to_string().contains("secret\":\"x"), "{job}");
        // A line break in an id comes before a dash.
        let stored = json!([{ "count": 2, "id": "A\n2" }, { "count": 1, "id": "A-1" }]);
        assert_eq!(importing.stored().await, stored);
    }
    let report = importing.service.get(&format!("/api/v1/imports/{id}/refused")).await;
    let lines: Vec<Value> =
        report.text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((lines.len(), &lines[0]["line"]), (2, &json!(6)), "{}", report.text);

    let target = format!("/api/v1/imports/{id}");
    let files = importing.service.get("/api/v1/imports").await.json();
    assert_eq!(files["files"][0]["has_refused"], true);
    assert_eq!(importing.service.ask(Method::DELETE, &target, &[]).await.status, 200);
    importing.service.get(&target).await.is_problem(404, "import_not_found");
    importing
        .post("/api/v1/jobs/import", &asked.to_string())
        .await
        .is_problem(404, "import_not_found");
}

#[tokio::test]
async fn a_refused_record_ends_an_import_that_leaves_none_out() {
    let importing = Importing::new();
    let lines = "{\"id\":1,\"a\":1}\n\n{\"id\":1,\"a\":2}\n";
    let id = importing.send("goods.ndjson", lines).await;
    let asked = json!({ "file": id, "collection": "goods", "ids": "keep" });
    let job = importing.import(asked).await;
    assert_eq!(job["state"], "failed", "{job}");
    let error = job["error"].as_str().unwrap();
    assert!(error.starts_with("record 2 (line 3): "), "{error}");
    // The chunk is stored wholly or not at all.
    assert_eq!(job["result"]["new"], 0);
    assert_eq!(importing.stored().await, json!([]));
    let upsert = json!({ "file": id, "collection": "goods", "ids": "upsert" });
    assert_eq!(importing.import(upsert).await["state"], "succeeded");
    assert_eq!(importing.stored().await, json!([{ "a": 2, "id": 1 }]));
    let wrong = importing.send("x.bin", "PK\u{3}\u{4} a spreadsheet").await;
    let job = importing.import(json!({ "file": wrong, "collection": "goods" })).await;
    assert_eq!(job["state"], "failed");
    assert!(job["error"].as_str().unwrap().contains("ZIP"), "{job}");
}

#[tokio::test]
async fn an_import_that_ended_goes_on_without_what_was_refused() {
    let importing = Importing::new();
    let line = |id: u32, a: u32| format!("{{\"id\":{id},\"a\":{a}}}\n");
    // A whole chunk, and one with a record whose id is taken.
    let mut lines: String = (1..=1_000).map(|id| line(id, 1)).collect();
    lines.extend([line(1, 2), line(1_001, 1)]);
    let id = importing.send("goods.ndjson", &lines).await;
    let mut asked = json!({ "file": id, "collection": "goods", "ids": "keep" });
    let job = importing.import(asked.clone()).await;
    assert_eq!((&job["state"], &job["result"]["new"]), (&json!("failed"), &json!(1_000)), "{job}");
    asked["skip_bad"] = json!(true);
    let job = importing.import(asked).await;
    assert_eq!(job["state"], "succeeded", "{job}");
    let result = &job["result"];
    let counts = (&result["new"], &result["already_there"], &result["refused"]);
    assert_eq!(counts, (&json!(1), &json!(1_000), &json!(1)), "{job}");
}

#[tokio::test]
async fn files_of_others_are_not_there() {
    let store = store();
    let keys = KeyStore::new(&store);
    let create = async |name: &str, scope: Scope| {
        let created = keys.create(name, scope.into()).await.unwrap();
        format!("Bearer {}", created.secret)
    };
    let one = create("one", Scope::Write).await;
    let (other, reader) =
        (create("other", Scope::Write).await, create("reader", Scope::Read).await);
    let admin = create("admin", Scope::Admin).await;
    let authorizer = Authorizer::with_keys(None, KeyStore::new(&store)).await.unwrap();
    let importing = Importing::with(Some((authorizer, store)));
    let ask = async |key: &str, method: Method, target: &str| {
        importing.service.ask(method, target, &[("authorization", key)]).await
    };
    let sent = ask(&one, Method::POST, "/api/v1/imports?name=a.csv").await;
    assert_eq!(sent.status, 201, "{}", sent.text);
    let target = format!("/api/v1/imports/{}", sent.json()["id"].as_str().unwrap());
    assert_eq!(ask(&one, Method::GET, &target).await.status, 200);
    assert_eq!(ask(&admin, Method::GET, &target).await.status, 200);
    ask(&other, Method::GET, &target).await.is_problem(404, "import_not_found");
    ask(&other, Method::DELETE, &target).await.is_problem(404, "import_not_found");
    ask(&reader, Method::GET, &target).await.is_problem(403, "forbidden");
    let listed = ask(&other, Method::GET, "/api/v1/imports").await.json();
    assert_eq!(listed, json!({ "files": [] }));
    assert!(importing.store.collections().await.unwrap().is_empty());
}
