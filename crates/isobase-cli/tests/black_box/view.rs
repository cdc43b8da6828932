//! The view that other programs read: the same columns on SQLite and PostgreSQL, and a condition on
//! the collection that reads nothing else.

use std::process::Command;

use isobase_testkit::{PostgresBinaries, TestServer, postgres_url, unique_name};
use rusqlite::Connection;

const COLUMNS: &str = "collection, id, revision, created_at, updated_at, document";
const OF_ORDERS: &str = "FROM documents WHERE collection = 'orders'";

fn write(server: &TestServer) {
    let json = [("content-type", "application/json")];
    for path in ["/records/orders", "/records/orders", "/records/users"] {
        assert_eq!(server.request("POST", path, &json, b"{\"n\":1.50}").unwrap().status, 201);
    }
    let named = server.request("PUT", "/records/orders/a?upsert=true", &json, b"{}").unwrap();
    assert_eq!(named.status, 201);
}

#[test]
fn other_programs_read_a_file_by_its_view() {
    let mut server = TestServer::start().unwrap();
    write(&server);
    server.terminate().unwrap();
    let file = server.data().join("isobase.db");
    let database = Connection::open(&file).unwrap();
    let texts = |sql: &str| -> Vec<String> {
        let mut statement = database.prepare(sql).unwrap();
        let rows = statement.query_map([], |row| row.get::<_, String>(0)).unwrap();
        rows.map(Result::unwrap).collect()
    };
    database.prepare(&format!("SELECT {COLUMNS} FROM documents")).unwrap();
    assert_eq!(texts(&format!("SELECT id {OF_ORDERS} ORDER BY id")), ["1", "2", "a"]);
    assert_eq!(texts(&format!("SELECT document {OF_ORDERS} AND id = '1'")), ["{\"n\":1.50}"]);
    let mut explain =
        database.prepare(&format!("EXPLAIN QUERY PLAN SELECT 1 {OF_ORDERS}")).unwrap();
    let steps = explain.query_map([], |row| row.get::<_, String>("detail")).unwrap();
    let plan: Vec<String> = steps.map(Result::unwrap).collect();
    drop(explain);
    assert!(
        plan.iter().any(|step| step.contains("SEARCH r USING INTEGER PRIMARY KEY")),
        "{plan:?}"
    );
    assert!(!plan.iter().any(|step| step.contains("SCAN")), "{plan:?}");

    // A build before this one made it otherwise.
    let former = "DROP VIEW documents; CREATE VIEW documents AS SELECT body FROM records";
    database.execute_batch(former).unwrap();
    drop(database);
    server.start_again().unwrap();
    server.terminate().unwrap();
    let database = Connection::open(&file).unwrap();
    database.prepare(&format!("SELECT {COLUMNS} FROM documents")).unwrap();
}

#[test]
fn other_programs_read_a_schema_by_its_view() {
    let Some(url) = postgres_url() else { return };
    let schema = unique_name("view");
    let server = TestServer::builder().records_url(&format!("{url}?schema={schema}"));
    let server = server.start().unwrap();
    write(&server);
    let psql = |sql: &str| {
        let mut command = Command::new(PostgresBinaries::find().unwrap().program("psql"));
        command.args(["--no-psqlrc", "--quiet", "--tuples-only", "--no-align"]);
        // A table of four rows is read whole unless that is forbidden.
        let sql = format!("SET search_path = \"{schema}\"; SET enable_seqscan = off; {sql}");
        command.args(["--set", "ON_ERROR_STOP=1", "--dbname", &url, "--command", &sql]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    psql(&format!("SELECT {COLUMNS} FROM documents"));
    assert_eq!(psql(&format!("SELECT id {OF_ORDERS} ORDER BY id")), "1\n2\na\n");
    assert_eq!(psql(&format!("SELECT document {OF_ORDERS} AND id = '1'")), "{\"n\":1.50}\n");
    let plan = psql(&format!("EXPLAIN SELECT 1 {OF_ORDERS}"));
    assert!(plan.contains("records_pkey") && plan.contains("Index Cond: (collection ="), "{plan}");
    psql(&format!("DROP SCHEMA \"{schema}\" CASCADE"));
}
