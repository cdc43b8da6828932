//! Licences of the older service: in PostgreSQL, and over HTTP while it runs.

use std::{
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use isobase_testkit::{TestServer, unique_name};
use serde_json::{Value, json};

use super::command::App;

const TABLES: &str = "CREATE TABLE licenses (id serial PRIMARY KEY, email varchar(255) NOT NULL, \
    license_key varchar(255) UNIQUE, expiry_date varchar(50) NOT NULL, created_at varchar(50), \
    status varchar(50) DEFAULT 'active', UNIQUE (email, license_key)); \
    CREATE TABLE installations (id serial PRIMARY KEY, email varchar(255), installation_id \
    varchar(255), activated_at varchar(50), last_seen varchar(50), UNIQUE (email, installation_id)); \
    INSERT INTO licenses (email, license_key, expiry_date, created_at, status) VALUES \
    ('user@example.com', 'user-example-com-20270223-48F47778', '2099-02-23T10:00:00.123456', \
    '2026-02-23 10:00:00', 'active'), \
    ('ann@example.com', 'ann-key', '2099-01-01T00:00:00Z', '2026-02-24 10:00:00', 'revoked'), \
    ('eve@example.com', 'eve-key', 'rubbish', NULL, 'active'); \
    INSERT INTO installations (email, installation_id, activated_at, last_seen) VALUES \
    ('user@example.com', 'm-1', '2026-02-23 10:00:00', '2026-02-23 11:00:00'), \
    ('gone@example.com', 'm-2', '2026-02-23 10:00:00', NULL);";

/// Runs statements in a schema of its own, as another program does.
fn run(url: &str, sql: &str) {
    let config = isobase_postgres::Config::parse(url).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let deadline = tokio::time::Instant::now() + std::time::Duration::from_secs(60);
        let connection = isobase_postgres::Connection::open(&config, deadline).await.unwrap();
        connection.batch(sql).await.unwrap();
    });
}

fn report(app: &App, arguments: &[&str]) -> Value {
    let arguments = [&["license", "import"], arguments, &["--json"]].concat();
    serde_json::from_str(app.run(&arguments).ok().lines().next().unwrap()).unwrap()
}

#[test]
fn its_postgresql_database_is_imported_once() {
    let Some(server) = isobase_testkit::postgres_url() else { return };
    let schema = unique_name("originals");
    let separator = if server.contains('?') { '&' } else { '?' };
    run(&server, &format!("CREATE SCHEMA {schema}; SET search_path = {schema}; {TABLES}"));
    let url = format!("{server}{separator}options=-csearch_path%3D{schema}");
    // As the older service writes it.
    let url = url.replacen("postgres://", "postgresql+asyncpg://", 1);
    let app = App::new();
    let dry = report(&app, &[&url, "--dry-run"]);
    assert_eq!(
        dry["licenses"],
        json!({ "read": 3, "created": 3, "updated": 0, "unchanged": 0, "failed": 0 })
    );
    assert_eq!(app.run(&["license", "list"]).ok(), "");
    let first = report(&app, &[&url]);
    assert_eq!(
        (&first["licenses"]["created"], &first["installations"]["created"]),
        (&json!(3), &json!(2))
    );
    let again = report(&app, &[&url]);
    assert_eq!(
        (&again["licenses"]["unchanged"], &again["installations"]["unchanged"]),
        (&json!(3), &json!(2))
    );
    let shown = app.run(&["license", "show", "user-example-com-20270223-48F47778"]).ok();
    assert!(shown.contains("m-1"), "{shown}");
    run(&server, &format!("DROP TABLE {schema}.licenses"));
    app.run(&["license", "import", &url]).fails(2, &["no table licenses", "search_path"]);
    let wrong = "postgres://me:hush@127.0.0.1:1/d";
    let said = app.run(&["license", "import", wrong]);
    assert!(!said.err.contains("hush"), "{said:?}");
    said.fails(1, &["127.0.0.1:1"]);
    run(&server, &format!("DROP SCHEMA {schema} CASCADE"));
}

/// The admin site sends the file of the older service, and then its rows.
#[test]
fn its_file_is_read_where_it_is_sent() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("licenses.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    // As a service writes it that has a log beside its file.
    database.pragma_update(None, "journal_mode", "wal").unwrap();
    let tables = TABLES.replace("serial PRIMARY KEY", "INTEGER PRIMARY KEY");
    database.execute_batch(&tables).unwrap();
    drop(database);
    let server = TestServer::start().unwrap();
    let send = |body: &[u8]| {
        let headers = [("content-type", "application/octet-stream")];
        server.request("POST", "/api/v1/db/license/read", &headers, body).unwrap()
    };
    let said = send(&std::fs::read(&path).unwrap());
    assert_eq!(said.status, 200, "{}", said.text());
    let rows = said.json().unwrap();
    assert_eq!(rows["licenses"][0]["license_key"], "user-example-com-20270223-48F47778");
    let body = rows.to_string();
    let headers = [("content-type", "application/json")];
    let imported =
        server.request("POST", "/api/v1/db/license/import", &headers, body.as_bytes()).unwrap();
    let report = imported.json().unwrap();
    assert_eq!(
        (&report["licenses"]["created"], &report["installations"]["created"]),
        (&json!(3), &json!(2)),
        "{report}"
    );
    for wrong in [b"SQLite format 3\0 and no more".as_slice(), b"", b"email,license_key"] {
        let said = send(wrong);
        assert_eq!((said.status, &said.json().unwrap()["code"]), (422, &json!("invalid_body")));
    }
}

/// The routes of the older service that an import asks, with its bodies and its faults.
struct Original {
    address: String,
    /// One expiry is not to its liking.
    broken: Arc<AtomicBool>,
}

impl Original {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let broken = Arc::new(AtomicBool::new(false));
        let fails = broken.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                let Some(Ok(first)) = lines.next() else { continue };
                while lines.next().is_some_and(|line| line.is_ok_and(|line| !line.is_empty())) {}
                let target = first.split(' ').nth(1).unwrap();
                let (status, kind, body) = Self::answer(target, fails.load(Ordering::SeqCst));
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                );
            }
        });
        Self { address, broken }
    }

    fn answer(target: &str, broken: bool) -> (&'static str, &'static str, String) {
        let json = "application/json";
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        match path {
            "/api/v1/db/license" => {
                ("405 Method Not Allowed", json, r#"{"detail":"Method Not Allowed"}"#.to_owned())
            }
            "/api/v1/db/license/list" if broken => {
                ("500 Internal Server Error", "text/plain", "Internal Server Error".to_owned())
            }
            "/api/v1/db/license/list" => {
                let row = |id: i64, email: &str, key: &str, status: &str| {
                    json!({ "id": id, "email": email, "license_key": key, "days": 365,
                        "expiry_date": "2099-02-23T10:00:00.123456",
                        "created_at": "2026-02-23 10:00:00", "status": status })
                };
                let licenses = [
                    row(2, "ann@example.com", "ann-key", "revoked"),
                    row(1, "user@example.com", "user-key", "active"),
                ];
                ("200 OK", json, json!({ "licenses": licenses, "count": 2 }).to_string())
            }
            "/api/v1/db/installations" => {
                let mine = query == "email=user%40example.com";
                let row = json!({ "id": 1, "email": "user@example.com", "installation_id": "m-1",
                    "activated_at": "2026-02-23 10:00:00", "last_seen": "2026-02-23 11:00:00" });
                let rows = if mine { vec![row] } else { Vec::new() };
                let count = rows.len();
                ("200 OK", json, json!({ "installations": rows, "count": count }).to_string())
            }
            _ => ("404 Not Found", json, r#"{"detail":"Not Found"}"#.to_owned()),
        }
    }
}

#[test]
fn a_running_original_is_imported_once() {
    let original = Original::start();
    let app = App::new();
    let address = original.address.as_str();
    let dry = report(&app, &[address, "--dry-run"]);
    assert_eq!(
        (&dry["licenses"]["created"], &dry["installations"]["created"]),
        (&json!(2), &json!(1))
    );
    assert_eq!(app.run(&["license", "list"]).ok(), "");
    let said = app.run(&["license", "import", address]);
    assert!(
        said.err.contains("2 licenses and 1 installations are here as they are there"),
        "{said:?}"
    );
    assert!(said.err.contains("cannot be seen over HTTP"), "{said:?}");
    said.ok();
    let again = report(&app, &[address]);
    assert_eq!(
        (&again["licenses"]["unchanged"], &again["licenses"]["created"]),
        (&json!(2), &json!(0))
    );
    original.broken.store(true, Ordering::SeqCst);
    app.run(&["license", "import", address])
        .fails(1, &["cannot list its licenses", "import from its database"]);
}

#[test]
fn the_source_is_that_of_the_settings_when_none_is_named() {
    let app = App::new();
    super::licences::original(&app.path().join("old.db"));
    let variables = [("LICENSE_DB_PATH", "old.db")];
    let said = app.run_with(&["license", "import", "--dry-run"], &variables).ok();
    assert!(said.contains("3 read"), "{said}");
    app.run(&["license", "import"]).fails(1, &["there is no file data/licenses.db"]);
    app.run(&["license", "import", "memory://x"]).fails(2, &["is no license service"]);
    let closed = TestServer::builder().env("INTERNAL_API_KEY", "a key").start().unwrap();
    app.run(&["license", "import", &closed.url()]).fails(1, &["a key", "--source-key"]);
}
