//! What the screens ask is answered alike on an engine of each kind: PostgreSQL, and one of documents.

use std::{
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::{TestServer, unique_name};
use serde_json::{Value, json};

const KEY: &str = "a-key-that-only-this-test-knows";
/// Nothing the test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

struct Desk {
    server: TestServer,
    url: String,
}

impl Desk {
    fn send(&self, method: &str, path: &str, kind: &str, body: &[u8]) -> (u16, Value) {
        let headers = [("x-api-key", KEY), ("content-type", kind)];
        let reply = self.server.request(method, path, &headers, body).unwrap();
        (reply.status, reply.json().unwrap_or(Value::Null))
    }

    /// What is answered with a good status.
    fn ask(&self, method: &str, path: &str, body: Value) -> Value {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let (status, answer) = self.send(method, path, "application/json", body.as_bytes());
        assert!(status < 300, "{}: {method} {path}: {status} {answer}", self.url);
        answer
    }

    fn get(&self, path: &str) -> Value {
        self.ask("GET", path, Value::Null)
    }

    fn until(&self, what: &str, holds: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !holds() {
            assert!(Instant::now() < deadline, "{}: {what}\n{}", self.url, self.server.log());
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// A file becomes documents by a job.
fn imports(desk: &Desk) {
    let table = b"sku;n\r\nA-1;1\r\nA-2;three\r\n";
    let (status, sent) = desk.send("POST", "/api/v1/imports?name=goods.csv", "text/csv", table);
    assert_eq!(status, 201, "{}: {sent}", desk.url);
    let columns = json!([{ "from": "sku", "to": "id" }, { "from": "n", "to": "n" }]);
    let body = json!({ "file": sent["id"], "collection": "goods", "columns": columns,
        "ids": "keep" });
    let job = desk.ask("POST", "/api/v1/jobs/import", body);
    let job = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
    desk.until("the end of the import", || desk.get(&job)["ended_at"].is_string());
    assert_eq!(desk.get(&job)["state"], "succeeded", "{}: {}", desk.url, desk.get(&job));
    let stored = desk.get("/records/goods?sort=id");
    assert_eq!(stored, json!([{ "n": "1", "id": "A-1" }, { "n": "three", "id": "A-2" }]));
}

/// A file is named by a document, called otherwise, and replaced.
fn uploads(desk: &Desk) {
    let field = json!({ "properties": { "cover": { "type": "string", "x-type": "file" } } });
    desk.ask("PUT", "/collections/letters/schema", field);
    let upload = |name: &str| {
        let part = format!("content-disposition: form-data; name=\"file\"; filename=\"{name}\"");
        let body = format!("--x\r\n{part}\r\n\r\n{name}\r\n--x--\r\n");
        let kind = "multipart/form-data; boundary=x";
        let (status, answer) = desk.send("POST", "/api/upload", kind, body.as_bytes());
        assert_eq!(status, 200, "{}: {answer}", desk.url);
        answer["filename"].as_str().unwrap().to_owned()
    };
    let (old, new) = (upload("old.txt"), upload("new.txt"));
    let cover = json!({ "cover": format!("/uploads/{old}") });
    let letter = desk.ask("POST", "/records/letters", cover)["id"].clone();
    let uses = |name: &str| desk.get(&format!("/api/v1/uploads/{name}/documents"));
    assert_eq!(uses(&old)["documents"][0]["id"], letter, "{}: {}", desk.url, uses(&old));
    let renamed = json!({ "original": "title.txt" });
    desk.ask("PATCH", &format!("/api/v1/uploads/{old}"), renamed);
    let found = desk.get("/api/v1/uploads?q=TITLE&state=named");
    assert_eq!(found["uploads"][0]["filename"], json!(old), "{}: {found}", desk.url);
    let replaced =
        desk.ask("POST", &format!("/api/v1/uploads/{old}/replace"), json!({ "with": new }));
    assert_eq!(replaced, json!({ "documents": 1, "left": [] }), "{}", desk.url);
    assert_eq!(uses(&old)["documents"], json!([]), "{}", desk.url);
    assert_eq!(uses(&new)["documents"][0]["id"], letter, "{}", desk.url);
}

/// The log is narrowed by what is in it, with health checks or without.
fn requests(desk: &Desk) {
    let report = |endpoint: &str, status: u16| json!({ "service": "llm", "endpoint": endpoint, "method": "GET", "status_code": status });
    let reports = [report("/a", 200), report("/b", 500), report("/healthz", 200)];
    desk.ask("POST", "/api/v1/db/requests/batch", json!({ "requests": reports }));
    for (query, total) in [("", 3), ("hide=health,own", 2), ("hide=health&class=5xx", 1)] {
        let listed = desk.get(&format!("/api/v1/db/requests?{query}"));
        assert_eq!(
            (&listed["count"], &listed["total"]),
            (&json!(total), &json!(total)),
            "{listed}"
        );
    }
    let facets = desk.get("/api/v1/db/requests/facets?hide=health");
    let endpoints = json!([{ "value": "/a", "count": 1 }, { "value": "/b", "count": 1 }]);
    assert_eq!(facets["endpoints"], endpoints, "{}: {facets}", desk.url);
    assert_eq!(facets["services"], json!([{ "value": "llm", "count": 2 }]), "{}", desk.url);
    let stats = desk.get("/api/v1/db/requests/stats?hide=health");
    assert_eq!(stats["whole"]["count"], 2, "{}: {stats}", desk.url);
}

/// Licences are found by what is installed, and counted.
fn licences(desk: &Desk) {
    const BASE: &str = "/api/v1/db/license";
    let make = |email: &str| desk.ask("POST", &format!("{BASE}/create"), json!({ "email": email }));
    let (used, unused) = (make("ann@b.c"), make("bob@b.c"));
    let activation = json!({ "email": "ann@b.c", "installation_id": "Laptop-7",
        "license_key": used["license_key"] });
    desk.ask("POST", "/api/v1/license/activate", activation);
    for (query, found) in [
        ("installation=laptop", &used),
        ("installations=below_limit", &used),
        ("installations=none", &unused),
        ("not_seen_since=2020-01-01&created_after=2020-01-01", &unused),
        ("q=BOB&count=true", &unused),
    ] {
        let page = desk.get(&format!("{BASE}?{query}"));
        assert_eq!(
            (&page["count"], &page["licenses"][0]["id"]),
            (&json!(1), &found["id"]),
            "{page}"
        );
    }
    assert_eq!(desk.get(&format!("{BASE}?count=true&limit=1"))["total"], 2, "{}", desk.url);
    let totals = desk.get(&format!("{BASE}/stats"));
    assert_eq!(totals["activations"][29], 1, "{}: {totals}", desk.url);
}

/// How accounts are used is told with them.
fn accounts(desk: &Desk) {
    let (name, password) = ("ann", "a password of many letters");
    desk.ask("POST", "/api/v1/accounts", json!({ "username": name, "password": password }));
    let usage = || desk.get("/api/v1/accounts?usage=true")["accounts"][0]["usage"].clone();
    assert_eq!(usage(), json!({ "sessions": 0, "last_login_at": null }), "{}", desk.url);
    desk.ask("POST", "/api/sessions", json!({ "username": name, "password": password }));
    let used = usage();
    assert!(used["sessions"] == 1 && used["last_login_at"].is_string(), "{}: {used}", desk.url);
}

/// What an owner has run is found again.
#[cfg(feature = "toolkit")]
fn statements(desk: &Desk) {
    for statement in ["SELECT 1 AS one", "SELECT 2 AS two", "SELECT 1 AS one"] {
        desk.ask("POST", "/api/v1/sql/run", json!({ "statement": statement }));
    }
    let texts = |query: &str| {
        let past = desk.get(&format!("/api/v1/sql/history{query}"));
        let entries = past["entries"].as_array().unwrap().iter();
        let texts: Vec<_> =
            entries.map(|it| it["statement"].as_str().unwrap().to_owned()).collect();
        (texts, past["next"].as_str().map(str::to_owned))
    };
    assert_eq!(texts("").0, ["SELECT 1 AS one", "SELECT 2 AS two"], "{}", desk.url);
    assert_eq!(texts("?q=TWO").0, ["SELECT 2 AS two"], "{}", desk.url);
    let (_, next) = texts("?limit=1");
    assert_eq!(texts(&format!("?limit=1&cursor={}", next.unwrap())).0, ["SELECT 2 AS two"]);
    desk.ask("DELETE", "/api/v1/sql/history", Value::Null);
    assert!(texts("").0.is_empty(), "{}", desk.url);
}

/// A setting that is changed stays with the database.
fn settings(desk: &mut Desk) {
    let page = "/admin/api/settings/limits.page_size_max";
    desk.ask("PUT", page, json!({ "value": 5 }));
    let is_taken = |desk: &Desk| {
        let headers = [("x-api-key", KEY)];
        let reply = desk.server.request("GET", "/records/goods?limit=6", &headers, b"");
        reply.is_ok_and(|reply| reply.status == 422)
    };
    desk.until("the setting", || is_taken(desk));
    desk.server.terminate().unwrap();
    desk.server.start_again().unwrap();
    desk.until("the setting after a start", || is_taken(desk));
}

#[test]
fn screens_are_answered_alike_on_postgresql_and_on_documents() {
    let name = unique_name("screens").replace('_', "-");
    let folder = tempfile::tempdir().unwrap();
    #[cfg(feature = "toolkit")]
    let shop = super::sql_screens::shop(folder.path());
    for (url, variables) in super::databases::on_servers(&name) {
        if !url.starts_with("postgres") && !url.starts_with("couchdb") {
            continue;
        }
        let data = folder.path().join(url.split(':').next().unwrap());
        let mut builder = TestServer::builder().data(data).records_url(&url);
        builder = builder.env("INTERNAL_API_KEY", KEY);
        #[cfg(feature = "toolkit")]
        {
            builder = builder.env("ISOBASE_SQL_URL", &shop);
        }
        for (variable, value) in variables {
            builder = builder.env(variable, value);
        }
        let mut desk = Desk { server: builder.start().unwrap(), url };
        imports(&desk);
        uploads(&desk);
        requests(&desk);
        licences(&desk);
        accounts(&desk);
        #[cfg(feature = "toolkit")]
        statements(&desk);
        settings(&mut desk);
    }
}
