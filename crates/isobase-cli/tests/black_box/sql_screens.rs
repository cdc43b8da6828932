//! The SQL screens' routes of the executable: who sees them, and what becomes of statements whose client
//! leaves.

use std::{
    fs,
    io::Write,
    net::TcpStream,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::TestServer;

/// A database of the owner's own; gives its URL.
pub(super) fn shop(folder: &Path) -> String {
    let path = folder.join("shop.db");
    let database = rusqlite::Connection::open(&path).unwrap();
    let script = "CREATE TABLE customers (id INTEGER PRIMARY KEY, name TEXT NOT NULL);
        CREATE TABLE orders (id INTEGER PRIMARY KEY, customer INTEGER REFERENCES customers (id),
            note TEXT, total INTEGER DEFAULT 0 CHECK (total >= 0));
        CREATE INDEX by_customer ON orders (customer);
        CREATE TABLE marks (id INTEGER PRIMARY KEY, mark TEXT);
        CREATE TRIGGER \"no<b>\" AFTER DELETE ON marks BEGIN SELECT '</script>'; END;
        INSERT INTO marks WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n LIMIT 60)
            SELECT i, 'mark ' || i FROM n;
        INSERT INTO customers VALUES (1, 'ann');
        INSERT INTO orders VALUES (1, 1, '<img src=x onerror=alert(1)>', 9007199254740993),
            (2, 1, '=1+1', 9007199254740992), (3, 1, NULL, 10);";
    database.execute_batch(script).unwrap();
    format!("sqlite://{}", path.display())
}

#[test]
fn a_client_that_leaves_stops_its_statement() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::builder().env("ISOBASE_SQL_URL", shop(folder.path())).start().unwrap();
    let endless =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n";
    let running = || server.request("GET", "/api/v1/sql", &[], b"").unwrap().text();
    let left: Vec<TcpStream> = (0..2).map(|_| send(&server, endless)).collect();
    until("both run", || running().contains("\"running\":2"));
    drop(left);
    until("both are stopped", || running().contains("\"running\":0"));
}

/// Sends a statement, and does not read what it answers.
fn send(server: &TestServer, statement: &str) -> TcpStream {
    let address = server.url().trim_start_matches("http://").to_owned();
    let mut stream = TcpStream::connect(&address).unwrap();
    let body = format!("{{\"statement\":\"{statement}\"}}");
    write!(
        stream,
        "POST /api/v1/sql/run HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    stream
}

/// Waits for something that must come.
fn until(what: &str, is: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(20);
    while !is() {
        assert!(Instant::now() < end, "{what}");
        thread::yield_now();
    }
}

#[test]
fn a_database_of_owners_is_shown_to_nobody_else() {
    let folder = tempfile::tempdir().unwrap();
    let url = shop(folder.path());
    let refused =
        TestServer::builder().env("ISOBASE_SQL_URL", &url).env("ISOBASE_OPEN", "true").start();
    let told = refused.err().map(|error| format!("{error:#}")).unwrap_or_default();
    assert!(told.contains("could read the database of sql.url"), "{told}");
    let server = TestServer::builder()
        .env("ISOBASE_SQL_URL", &url)
        .env("INTERNAL_API_KEY", "a-key-that-only-this-test-knows")
        .start()
        .unwrap();
    let told = server.request("GET", "/api/v1/sql", &[], b"").unwrap();
    assert_eq!(told.status, 401, "{}", told.text());
    let key = [("x-api-key", "a-key-that-only-this-test-knows")];
    assert_eq!(server.request("GET", "/api/v1/sql", &key, b"").unwrap().status, 200);
    let none = TestServer::builder().start().unwrap();
    assert_eq!(none.request("GET", "/api/v1/sql", &[], b"").unwrap().status, 404);
}

#[test]
fn what_is_changed_is_what_is_looked_at_and_never_the_records() {
    let folder = tempfile::tempdir().unwrap();
    let url = shop(folder.path());
    let in_folder = |name: &str| format!("sqlite://{}", folder.path().join(name).display());
    let records = in_folder("records.db");
    fs::write(folder.path().join("records.db"), "").unwrap();
    fs::hard_link(folder.path().join("records.db"), folder.path().join("other.db")).unwrap();
    let other = in_folder("other.db");
    let cases = [
        (None, url.clone(), "it goes with sql.url"),
        (Some(url.clone()), format!("{url}x"), "another database"),
        (Some(url.clone()), "postgres://a@127.0.0.1:1/shop.db".to_owned(), "another database"),
        (Some(records.clone()), records.clone(), "the database of the records"),
        (Some(other.clone()), other, "the database of the records"),
    ];
    for (looked, changed, why) in cases {
        let mut builder = TestServer::builder().records_url(&records);
        if let Some(looked) = looked {
            builder = builder.env("ISOBASE_SQL_URL", looked);
        }
        let refused = builder.env("ISOBASE_SQL_WRITE_URL", changed).start();
        let told = refused.err().map(|error| format!("{error:#}")).unwrap_or_default();
        assert!(told.contains(why), "{why}: {told}");
    }
    let server = TestServer::builder()
        .env("ISOBASE_SQL_URL", &url)
        .env("ISOBASE_SQL_WRITE_URL", &url)
        .start()
        .unwrap();
    let body = br#"{"statement":"DELETE FROM orders","database":"shop.db","expected_rows":3}"#;
    let json = [("content-type", "application/json")];
    let done = server.request("POST", "/api/v1/sql/write", &json, body).unwrap();
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(done.text().contains("\"affected\":3"), "{}", done.text());
}
