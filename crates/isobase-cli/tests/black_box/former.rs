//! Databases that the first builds wrote, before the formats became what they are: opened by the
//! service of today, they answer as they did, and go on.
//!
//! `fixtures/former/` has what one of those builds (5cfd7e1) left on each engine after the same
//! requests, whole and as it was, and what it answered.

use std::{fs, path::PathBuf, process::Command};

use isobase_testkit::{
    ForeignDatabase, PostgresBinaries, TestServer, TestServerBuilder, postgres_url, unique_name,
};
use serde_json::{Value, json};

use super::command::App;

const JSON: (&str, &str) = ("content-type", "application/json");

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/former").join(name)
}

fn read(name: &str) -> Value {
    serde_json::from_slice(&fs::read(fixture(name)).unwrap()).unwrap()
}

/// What the former build answered, by request.
fn answered(request: &str) -> Value {
    read("answers.json")[request].clone()
}

fn get(server: &TestServer, path: &str) -> Value {
    let answer = server.request("GET", path, &[], b"").unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json().unwrap()
}

/// A page of changes but for places and times, which have another form and moment.
fn told(page: &Value) -> Vec<Value> {
    let changes = page["changes"].as_array().unwrap().iter();
    changes.map(|it| json!([it["collection"], it["id"], it["kind"], it["revision"]])).collect()
}

/// Everything is there, and what comes next goes on from it.
fn goes_on(name: &str, builder: TestServerBuilder) {
    let mut server = builder.start().unwrap();
    for restarted in [false, true] {
        for path in ["/records/people?sort=-age,id", "/records/notes?sort=id", "/collections"] {
            assert_eq!(get(&server, path), answered(path), "{name}: {path}");
        }
        let changes = get(&server, "/changes?since=0&limit=1000");
        assert_eq!(told(&changes), told(&answered("/changes?since=0")), "{name}");
        let indexes = get(&server, "/indexes/people");
        assert_eq!(indexes["indexes"][0]["fields"], "age", "{name}: {indexes}");
        if !restarted {
            server.terminate().unwrap();
            server.start_again().unwrap();
        }
    }
    // A repeated request is answered as it was; what is new has the next id and revision.
    let key = ("idempotency-key", "former-1");
    let again =
        server.request("POST", "/records/people", &[JSON, key], br#"{"name":"Cid","age":3}"#);
    let again = again.unwrap();
    assert_eq!(again.header("idempotency-replayed"), Some("true"), "{name}: {}", again.text());
    assert_eq!(again.json().unwrap(), answered("POST former-1"), "{name}");
    let refused = server.request("POST", "/records/people", &[JSON], br#"{"age":3}"#).unwrap();
    assert_eq!(refused.status, 422, "{name}: {}", refused.text());
    let created = server.request("POST", "/records/people", &[JSON], br#"{"name":"Dee"}"#).unwrap();
    assert_eq!(created.json().unwrap()["id"], answered("next id"), "{name}");
    let current = server.request("GET", "/records/people/1", &[], b"").unwrap();
    let etag = current.header("etag").unwrap().to_owned();
    assert_eq!(etag, answered("etag of 1").as_str().unwrap(), "{name}");
    let patch = br#"{"age":43}"#;
    let patched = server.request("PATCH", "/records/people/1", &[JSON, ("if-match", &etag)], patch);
    assert_eq!(patched.unwrap().status, 200, "{name}");
    let stale = server.request("PATCH", "/records/people/1", &[JSON, ("if-match", &etag)], patch);
    assert_eq!(stale.unwrap().status, 412, "{name}");
    server.terminate().unwrap();
}

#[test]
fn a_file_of_the_first_builds_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    fs::copy(fixture("isobase.db"), folder.path().join("isobase.db")).unwrap();
    goes_on("SQLite", TestServer::builder().data(folder.path()));
}

#[test]
fn an_archive_of_the_first_builds_is_restored() {
    let app = App::new();
    let archive = fixture("former.iso");
    let restored = app.run(&["restore", archive.to_str().unwrap(), "--data", "data"]);
    assert_eq!(restored.code, Some(0), "{restored:?}");
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    for path in ["/records/people?sort=-age,id", "/records/notes?sort=id", "/collections"] {
        assert_eq!(get(&server, path), answered(path), "{path}");
    }
}

#[test]
fn a_schema_of_postgresql_of_the_first_builds_goes_on() {
    let Some(server) = postgres_url() else { return };
    let schema = unique_name("former");
    let sql =
        fs::read_to_string(fixture("postgres.sql")).unwrap().replace("former_schema", &schema);
    let psql = PostgresBinaries::find().unwrap().program("psql");
    let mut command = Command::new(psql);
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("former.sql");
    fs::write(&script, sql).unwrap();
    command.args(["--no-psqlrc", "--quiet", "--set", "ON_ERROR_STOP=1", "--dbname", &server]);
    let output = command.arg("--file").arg(&script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    goes_on("PostgreSQL", TestServer::builder().records_url(&format!("{server}?schema={schema}")));
    let drop = format!("DROP SCHEMA \"{schema}\" CASCADE");
    let psql = PostgresBinaries::find().unwrap().program("psql");
    let mut command = Command::new(psql);
    command.args(["--quiet", "--dbname", &server, "--command", &drop]);
    assert!(command.output().unwrap().status.success());
}

#[test]
fn document_databases_of_the_first_builds_go_on() {
    for database in ForeignDatabase::all("former") {
        let dump = match database.name() {
            "CouchDB" => "couchdb.json",
            "DynamoDB" => "dynamodb.json",
            _ => "firestore.json",
        };
        database.restore(&read(dump)).unwrap();
        let mut builder = TestServer::builder().records_url(&database.url());
        for (name, value) in database.credentials() {
            builder = builder.env(name, value);
        }
        goes_on(database.name(), builder);
    }
}
