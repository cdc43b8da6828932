//! An application's data as it already is in a document database, in the spelling and with the
//! types that it stores: read, filtered, updated and moved in place, the same on every engine.

use std::time::Duration;

use isobase_testkit::{ForeignDatabase, TestServer, wait_until};
use serde_json::{Value, json};

use super::command::App;

const JSON: (&str, &str) = ("content-type", "application/json");
const USER: (&str, &str) = ("x-user-id", "user-ann");
const AGENT: (&str, &str) = ("x-agent-id", "reporter");
const NAMESPACES: &str = "/data-store/namespaces";

fn user(id: &str, plan: &str, spend_remaining: f64) -> Value {
    json!({
        "_id": id, "_rev": null,
        "createdAt": "2025-01-15T08:00:00.123456", "updatedAt": "2025-01-15T08:00:00.123456",
        "basicInfo": {"displayName": id, "email": format!("{id}@example.com")},
        "billingInfo": {"plan": plan, "status": "active"},
        "usageInfo": {
            "monthlyAllowance": 100.0, "allowanceResetDate": 0.0, "spendRemaining": spend_remaining,
            "usage": [{"timestamp": 1_736_938_800.5, "responseCost": 0.25, "metadata": {"tokens": 812}}],
        },
        "apiKeys": {"openaiApiKey": null, "anthropicApiKey": "sk-1"},
    })
}

fn ticket(id: &str, status: &str, created_at: &str) -> Value {
    json!({
        "_id": id, "_rev": null, "status": status, "created_at": created_at,
        "completed_at": null, "request": {"prompt": "hello"}, "result": null, "error": null,
    })
}

fn record(namespace: &str, key: &str, encoded: &str, value: &Value) -> Value {
    json!({
        "_id": format!("user-ann:{namespace}:{encoded}"), "_rev": null,
        "userId": "user-ann", "namespace": namespace, "key": key, "value": value,
        "metadata": {"kind": "source"}, "createdByAgent": "reporter",
        "lastAccessedByAgent": "reporter", "accessCount": 4,
        "createdAt": "2025-01-15T08:00:00.000001", "updatedAt": "2025-01-15T08:00:00.000002",
        "lastAccessedAt": "2025-01-15T09:00:00",
    })
}

/// The seven collections of an agent platform.
fn stored() -> Vec<(&'static str, Vec<Value>)> {
    let agent = |id: &str, name: &str| {
        json!({
            "_id": id, "_rev": null, "name": name, "description": "Sums up", "code": "def run():\n  pass",
            "docstring": null, "friendlyName": format!("{name}-1"), "tools": {"web": ["search", "fetch"]},
            "swaggerSpecs": [{"name": "api", "content": "openapi: 3.0.0"}],
            "inputSchema": {"type": "object", "properties": {}}, "outputSchema": {},
            "invokableModels": [], "gofannonAgents": ["6f1c1c4e-6d0f-4d39-9a43-0d8c5b6f2a11"],
            "composerThoughts": null, "composerModelConfig": {"temperature": 0.7, "maxTokens": 4096},
            "dataStoreConfig": [{"namespace": "default", "access": "both", "description": ""}],
            "createdAt": "2025-01-15T08:00:00.123456", "updatedAt": "2025-01-16T08:00:00.123456",
        })
    };
    let demo = json!({
        "_id": "d1", "_rev": null, "name": "Weather", "description": "", "selectedApis": ["open-meteo"],
        "modelConfig": {"provider": "openai", "model": "gpt", "parameters": {"temperature": 1.0}, "builtInTool": null},
        "userPrompt": "Zürich 😀", "generatedCode": {"html": "<p>", "css": "", "js": "", "thoughts": null},
        "composerThoughts": null, "created_at": "2025-01-15T08:00:00", "updated_at": "2025-01-15T08:00:00",
    });
    vec![
        (
            "agents",
            vec![
                agent("0d8c5b6f-2a11-4d39-9a43-6f1c1c4e6d0f", "writer"),
                agent("6f1c1c4e-6d0f-4d39-9a43-0d8c5b6f2a11", "editor"),
            ],
        ),
        (
            "deployments",
            vec![
                json!({"_id": "writer-1", "_rev": null, "agentId": "0d8c5b6f-2a11-4d39-9a43-6f1c1c4e6d0f"}),
            ],
        ),
        (
            "users",
            vec![
                user("user-ann", "pro", 99.75),
                user("user-bob", "free", 100.0),
                user("user-eve", "free", 0.5),
            ],
        ),
        (
            "sessions",
            vec![
                json!({"_id": "s1", "_rev": null, "provider_config": {"provider": "openai"}, "created_at": "2025-01-15T08:00:00", "updated_at": "2025-01-15T08:00:00"}),
            ],
        ),
        (
            "tickets",
            vec![
                ticket("t1", "pending", "2025-01-15T08:00:03"),
                ticket("t2", "completed", "2025-01-15T08:00:02"),
                ticket("t3", "pending", "2025-01-15T08:00:01"),
            ],
        ),
        ("demos", vec![demo]),
        (
            "agent_data_store",
            vec![
                record(
                    "default",
                    "src/main.py",
                    "c3JjL21haW4ucHk=",
                    &json!({"lines": 120, "ratio": 1.5}),
                ),
                record("default", "notes", "bm90ZXM=", &json!(["a", 1, 2.5, null])),
                record("cache", "k", "aw==", &json!("text")),
            ],
        ),
    ]
}

/// The executable on a database, and what it said.
struct Session<'a> {
    server: TestServer,
    database: &'a ForeignDatabase,
    /// Every answer but for revisions and times of this run.
    transcript: Vec<String>,
}

impl Session<'_> {
    fn ask(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> (u16, Value, String) {
        let answer = self.server.request(method, path, headers, body.as_bytes()).unwrap();
        let text = answer.text();
        let said = format!("{method} {path}: {} {text}", answer.status);
        self.transcript.push(timeless(&said));
        let etag = answer.header("etag").unwrap_or_default().to_owned();
        (answer.status, serde_json::from_str(&text).unwrap_or_default(), etag)
    }

    #[track_caller]
    fn get(&mut self, path: &str) -> Value {
        let (status, answer, _) = self.ask("GET", path, &[USER], "");
        assert_eq!(status, 200, "{}: {path}: {answer}", self.database.name());
        answer
    }

    fn native(&self, collection: &str, id: &str) -> Value {
        let found = self.database.get(collection, id).unwrap();
        found.unwrap_or_else(|| panic!("{}: no {id} in {collection}", self.database.name()))
    }
}

/// A text without what differs from run to run and from database to database.
fn timeless(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    // Times of this run have six digits and a zone; the application's have no zone.
    while let Some(at) = rest.find("Z\"") {
        let start = rest[..at].rfind('"').map_or(0, |start| start + 1);
        out.push_str(&rest[..start]);
        out.push_str("TIME\"");
        rest = &rest[at + 2..];
    }
    out.push_str(rest);
    // Cursors and places name their database.
    for (begin, end) in [("\"next\":\"", '"'), ("\"place\":\"", '"'), ("cursor=", ':')] {
        let mut parts = out.split(begin);
        let mut masked = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let at = part.find(end).unwrap_or(part.len());
            masked.push_str(begin);
            masked.push_str("PLACE");
            masked.push_str(&part[at..]);
        }
        out = masked;
    }
    match out.split_once(",\"request_id\"") {
        Some((before, _)) => before.to_owned(),
        None => out,
    }
}

fn ids(listed: &Value) -> Vec<&str> {
    let listed = listed.as_array().unwrap_or_else(|| panic!("{listed}"));
    listed.iter().map(|document| document["id"].as_str().unwrap()).collect()
}

/// What the application would find: its own fields, as it wrote them.
#[track_caller]
fn is_as_written(native: &Value, written: &Value, but: &[&str]) {
    for (name, value) in written.as_object().unwrap() {
        if name.starts_with('_') || but.contains(&name.as_str()) {
            continue;
        }
        // DynamoDB has no 100.0: its own programs read 100, too.
        let is_equal =
            &native[name] == value || without_fractions(&native[name]) == without_fractions(value);
        assert!(is_equal, "{name}: {} is not {value}", native[name]);
    }
}

fn without_fractions(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            json!(number.as_f64())
        }
        Value::Array(values) => values.iter().map(without_fractions).collect(),
        Value::Object(fields) => {
            fields.iter().map(|(name, value)| (name.clone(), without_fractions(value))).collect()
        }
        other => other.clone(),
    }
}

fn reads_and_lists(s: &mut Session<'_>) {
    let stats = s.get("/stats");
    assert_eq!(stats["total_records"], 14, "{stats}");
    assert_eq!(stats["collections"], 7, "{stats}");
    let ann = s.get("/records/users/user-ann");
    assert_eq!(ann["usageInfo"]["spendRemaining"], 99.75);
    assert_eq!(ann["usageInfo"]["usage"][0]["timestamp"], 1_736_938_800.5);
    assert_eq!(ann["apiKeys"], json!({"openaiApiKey": null, "anthropicApiKey": "sk-1"}));
    assert_eq!(
        (&ann["_id"], &ann["_rev"], &ann["id"]),
        (&Value::Null, &Value::Null, &json!("user-ann"))
    );
    for (query, expected) in [
        (
            "agents?sort=name",
            &["6f1c1c4e-6d0f-4d39-9a43-0d8c5b6f2a11", "0d8c5b6f-2a11-4d39-9a43-6f1c1c4e6d0f"][..],
        ),
        ("tickets?status=pending&sort=created_at", &["t3", "t1"]),
        ("tickets?sort=-created_at", &["t1", "t2", "t3"]),
        (
            "users?usageInfo.spendRemaining[gte]=99.75&sort=-usageInfo.spendRemaining",
            &["user-bob", "user-ann"],
        ),
        ("users?usageInfo.spendRemaining=100&fields=id", &["user-bob"]),
        ("users?billingInfo.plan=free&sort=id", &["user-bob", "user-eve"]),
        (
            "agents?tools.web[contains]=search&name=writer",
            &["0d8c5b6f-2a11-4d39-9a43-6f1c1c4e6d0f"],
        ),
        ("deployments", &["writer-1"]),
        ("sessions", &["s1"]),
        ("demos?userPrompt=Z%C3%BCrich%20%F0%9F%98%80", &["d1"]),
    ] {
        let listed = s.get(&format!("/records/{query}"));
        assert_eq!(ids(&listed), expected, "{}: {query}", s.database.name());
    }
    let page = s.get("/records/users?sort=id&limit=2&count=exact");
    assert_eq!(ids(&page["items"]), ["user-ann", "user-bob"]);
    let next = format!("/records/users?sort=id&limit=2&cursor={}", page["next"].as_str().unwrap());
    let page = s.server.request("GET", &next, &[], b"").unwrap().json().unwrap();
    assert_eq!(ids(&page["items"]), ["user-eve"]);
}

fn updates_in_place(s: &mut Session<'_>) {
    let path = "/records/users/user-bob";
    let (_, _, etag) = s.ask("GET", path, &[], "");
    let merge = ("content-type", "application/merge-patch+json");
    let change = r#"{"billingInfo":{"plan":"team"}}"#;
    let (status, patched, _) = s.ask("PATCH", path, &[merge, ("if-match", &etag)], change);
    assert_eq!(
        (status, &patched["billingInfo"]),
        (200, &json!({"plan": "team", "status": "active"}))
    );
    let (status, ..) = s.ask("PATCH", path, &[merge, ("if-match", &etag)], change);
    assert_eq!(status, 412);
    let native = s.native("users", "user-bob");
    is_as_written(&native, &user("user-bob", "free", 100.0), &["billingInfo"]);
    assert_eq!(native["billingInfo"]["plan"], "team");

    let (status, ..) = s.ask(
        "PUT",
        "/records/deployments/editor-1",
        &[JSON, ("if-none-match", "*")],
        r#"{"agentId":"6f1c"}"#,
    );
    assert_eq!(status, 201);
    assert_eq!(s.native("deployments", "editor-1")["agentId"], "6f1c");
    let (status, ..) =
        s.ask("PUT", "/records/deployments/writer-1", &[JSON, ("if-none-match", "*")], "{}");
    assert_eq!(status, 412);
    let (status, ..) = s.ask("DELETE", "/records/demos/d1", &[], "");
    assert_eq!(status, 200);
    assert_eq!(s.database.get("demos", "d1").unwrap(), None);
    // What no one changed is as the application wrote it.
    for (collection, documents) in stored() {
        for document in documents {
            let id = document["_id"].as_str().unwrap();
            if !["user-bob", "d1"].contains(&id) {
                is_as_written(&s.native(collection, id), &document, &[]);
            }
        }
    }
}

fn keeps_the_data_store(s: &mut Session<'_>) {
    let listed = s.get(NAMESPACES);
    assert_eq!(listed["totalRecordCount"], 3, "{listed}");
    assert_eq!(listed["namespaces"][0]["namespace"], "cache");
    let record = format!("{NAMESPACES}/default/records/src/main.py");
    let found = s.get(&record);
    assert_eq!(
        (&found["accessCount"], &found["value"]),
        (&json!(4), &json!({"lines": 120, "ratio": 1.5}))
    );
    let (_, counted, _) = s.ask("GET", &record, &[USER, AGENT], "");
    assert_eq!(
        (&counted["accessCount"], &counted["lastAccessedByAgent"]),
        (&json!(5), &json!("reporter"))
    );
    let body = r#"{"value":{"lines":121},"metadata":{"checked":true}}"#;
    let (status, put, _) = s.ask("PUT", &record, &[USER, AGENT, JSON], body);
    assert_eq!((status, &put["metadata"]), (200, &json!({"kind": "source", "checked": true})));
    assert_eq!(put["createdAt"], "2025-01-15T08:00:00.000001");
    let native = s.native("agent_data_store", "user-ann:default:c3JjL21haW4ucHk=");
    assert_eq!((&native["accessCount"], &native["value"]), (&json!(5), &json!({"lines": 121})));
    assert_eq!(native["key"], "src/main.py");
    let records = s.get(&format!("{NAMESPACES}/default/records"));
    assert_eq!(records.as_array().unwrap().len(), 2);
    let (status, cleared, _) = s.ask("DELETE", &format!("{NAMESPACES}/cache"), &[USER], "");
    assert_eq!((status, &cleared["deletedCount"]), (200, &json!(1)));
    assert_eq!(s.database.get("agent_data_store", "user-ann:cache:aw==").unwrap(), None);
}

/// The application goes on writing past the service.
fn finds_what_the_application_writes(s: &mut Session<'_>, app: &App) {
    s.database.save("tickets", &ticket("t0", "pending", "2025-01-15T08:00:00")).unwrap();
    // As a program that changes what it knows.
    s.database.set("tickets", "t2", "status", &json!("failed")).unwrap();
    // As one that replaces what is there.
    let mut whole = ticket("t3", "processing", "2025-01-15T08:00:01");
    whole["_rev"] = s.native("tickets", "t3")["_rev"].take();
    s.database.save("tickets", &whole).unwrap();
    assert_eq!(s.get("/records/tickets/t0")["status"], "pending");
    assert_eq!(s.get("/records/tickets/t2")["status"], "failed");
    assert_eq!(s.get("/records/tickets/t3")["status"], "processing");
    let mut page = s.get("/records/tickets/changes?since=0");
    let since = page["next"].take();
    let since = since.as_str().unwrap().to_owned();
    let credentials = s.database.credentials();
    let variables: Vec<_> =
        credentials.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let reconcile = ["reconcile", "--collections", "tickets", "--url", &s.database.url()];
    let found = app.run_with(&reconcile, &variables).ok();
    s.transcript.push(found);
    let listed = s.get("/records/tickets?sort=created_at");
    assert_eq!(ids(&listed), ["t0", "t3", "t2", "t1"]);
    let told =
        s.server.request("GET", &format!("/records/tickets/changes?since={since}"), &[], b"");
    let told = told.unwrap().json().unwrap();
    let mut told: Vec<_> = told["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| {
            format!("{} {}", change["kind"].as_str().unwrap(), change["id"].as_str().unwrap())
        })
        .collect();
    told.sort();
    assert_eq!(told, ["created t0", "created t3", "updated t2"], "{}", s.database.name());
}

fn survives_a_kill(s: &mut Session<'_>) {
    s.server.kill().unwrap();
    s.server.start_again().unwrap();
    assert_eq!(s.get("/records/users/user-bob")["billingInfo"]["plan"], "team");
    let stats = s.get("/stats");
    assert_eq!(stats["total_records"], 14, "{stats}");
}

/// The whole database goes where the application wants it, while it is in use.
fn is_moved(s: &Session<'_>, app: &App) {
    let credentials = s.database.credentials();
    let variables: Vec<_> =
        credentials.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let copy = ["copy", &s.database.url(), "sqlite://moved.db", "--json"];
    let done = app.run_with(&copy, &variables).json();
    assert_eq!((&done["event"], &done["report"]["documents"]), (&json!("done"), &json!(14)));
    let exported = app.run(&["export", "--collection", "users", "--url", "sqlite://moved.db"]).ok();
    assert!(exported.contains("\"spendRemaining\":99.75"), "{exported}");
}

#[test]
fn existing_data_is_used_in_place_and_alike_on_every_engine() {
    let mut first: Option<(String, Vec<String>)> = None;
    for database in ForeignDatabase::all("existing") {
        for (collection, documents) in stored() {
            documents.iter().for_each(|document| database.save(collection, document).unwrap());
        }
        let app = App::new();
        let mut server = TestServer::builder().records_url(&database.url());
        for (name, value) in database.credentials() {
            server = server.env(name, value);
        }
        let server = server.start().unwrap();
        let mut session = Session { server, database: &database, transcript: Vec::new() };
        reads_and_lists(&mut session);
        updates_in_place(&mut session);
        keeps_the_data_store(&mut session);
        finds_what_the_application_writes(&mut session, &app);
        survives_a_kill(&mut session);
        is_moved(&session, &app);
        let (name, transcript) = (database.name().to_owned(), session.transcript);
        let Some((first_name, expected)) = &first else {
            first = Some((name, transcript));
            continue;
        };
        for (said, expected) in transcript.iter().zip(expected) {
            assert_eq!(said, expected, "{name} and {first_name}");
        }
        assert_eq!(transcript.len(), expected.len());
    }
}

#[test]
fn a_source_is_left_as_it_is() {
    for database in ForeignDatabase::all("source") {
        let written =
            [json!({"_id": "n0", "n": 0}), json!({"_id": "x-1", "id": "ext-77", "n": 1.5})];
        written.iter().for_each(|document| database.save("notes", document).unwrap());
        let beside = database.save_beside().unwrap();
        let natives = || ["n0", "x-1"].map(|id| database.get("notes", id).unwrap());
        let (before, app, url) = (natives(), App::new(), database.url());
        let credentials = database.credentials();
        let variables: Vec<_> =
            credentials.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let run = |command: &[&str]| app.run_with(command, &variables);
        // What is no collection is not in a copy, and never left out without a word.
        for command in
            [["copy", &url, "sqlite://a.db", "--dry-run"], ["dump", "a.isobase", "--url", &url]]
        {
            let said = run(&command);
            assert!(said.err.contains(&format!("left out: {beside} (")), "{said:?}");
            said.ok();
        }
        let sorted = ["export", "-c", "notes", "--url", &url, "--filter", "n[gte]=1&sort=-n"];
        let exported = run(&sorted).ok();
        assert!(exported.contains("1.5") && !exported.contains("n0"), "{exported}");
        let copied = run(&["copy", &url, "sqlite://a.db", "--json"]).json();
        assert_eq!(copied["report"]["documents"], 2, "{}", database.name());
        let not_read = &copied["report"]["left_out"]["not_read"];
        assert_eq!(not_read[0]["name"], *beside, "{}: {not_read}", database.name());
        // The target has documents now.
        run(&["copy", &url, "sqlite://a.db"]).fails(1, &["not empty"]);
        assert_eq!(natives(), before, "{}", database.name());
        let exported = app.run(&["export", "--collection", "notes", "--url", "sqlite://a.db"]).ok();
        assert!(exported.contains("ext-77"), "{exported}");
    }
}

#[test]
fn a_service_takes_in_by_itself_what_others_write() {
    for database in ForeignDatabase::all("looks") {
        database.save("notes", &json!({"_id": "a", "n": 1})).unwrap();
        let mut builder = TestServer::builder()
            .records_url(&database.url())
            .env("ISOBASE_RECONCILE_EVERY", "100ms");
        for (name, value) in database.credentials() {
            builder = builder.env(name, value);
        }
        let server = builder.start().unwrap();
        let twos = || server.request("GET", "/records/notes?n=2&sort=n", &[], b"");
        let index = server.request("PUT", "/indexes/notes?fields=n", &[], b"").unwrap();
        assert_eq!(index.status, 200, "{}", index.text());
        database.save("notes", &json!({"_id": "b", "n": 2})).unwrap();
        database.set("notes", "a", "n", &json!(2)).unwrap();
        let seen = wait_until("a look", Duration::from_secs(30), || {
            let listed = twos()?;
            let found = listed.json()?.as_array().map_or(0, Vec::len);
            Ok((found == 2).then(|| listed.header("x-others-seen").map(str::to_owned)))
        });
        let seen = seen.unwrap_or_else(|error| panic!("{}: {error:#}", database.name()));
        assert!(seen.is_some_and(|seen| seen != "never"), "{}", database.name());
        let told = server.request("GET", "/changes?since=0&limit=100", &[], b"").unwrap();
        let told = told.json().unwrap();
        let kinds = told["changes"].as_array().unwrap().iter();
        let kinds: Vec<_> = kinds.map(|change| (&change["id"], &change["kind"])).collect();
        let is_told = |id: &str, kind: &str| kinds.contains(&(&json!(id), &json!(kind)));
        assert!(is_told("b", "created") && is_told("a", "updated"), "{kinds:?}");
    }
}
