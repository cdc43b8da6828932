//! `isobase db`, on files of SQLite and on PostgreSQL.

use std::fs;

use isobase_testkit::{postgres_url, unique_name};

use super::command::App;

#[test]
fn migrations_are_written_run_and_compared() {
    let app = App::new();
    app.run(&["db", "migrate", "new", "Create users"]).ok();
    let file = app.path().join("migrations/0001_create_users.sql");
    fs::write(&file, "CREATE TABLE users (id integer PRIMARY KEY, email text UNIQUE);").unwrap();
    let url = ["--url", "sqlite://app.db"];
    let status = app.run(&[&["db", "migrate", "status"], &url[..]].concat()).ok();
    assert_eq!(status.trim(), "0001_create_users pending");
    let ran = app.run(&[&["db", "migrate", "up"], &url[..]].concat()).ok();
    assert_eq!(ran.trim(), "0001_create_users");
    assert_eq!(app.run(&[&["db", "migrate", "diff"], &url[..]].concat()).ok(), "");
    let filled = app.run(&[&["db", "mock", "users", "--count", "25"], &url[..]].concat()).ok();
    assert_eq!(filled.trim(), "users 25");
    fs::write(&file, "CREATE TABLE users (id integer);").unwrap();
    let changed = app.run(&[&["db", "migrate", "up"], &url[..]].concat());
    changed.fails(2, &["0001_create_users was changed after it was run"]);
}

#[test]
fn rows_are_made_up_from_a_file() {
    let app = App::new();
    app.write("s.sql", "CREATE TABLE t (id serial, n int NOT NULL);");
    let mock = ["db", "mock", "t", "--from", "s.sql", "--count", "2", "--seed", "9"];
    let rows = app.run(&mock).ok();
    assert_eq!(rows, app.run(&mock).ok());
    assert_eq!(rows.lines().count(), 2);
    assert!(rows.starts_with("{\"n\":"), "{rows}");
}

#[test]
fn schemas_and_dumps_are_postgresqls() {
    let Some(url) = postgres_url() else { return };
    let app = App::new();
    let schema = unique_name("cli_project");
    let made = app.run(&["db", "schema", "ensure", &schema, "--url", &url]).ok();
    assert!(made.contains(&format!("{schema}.content created")), "{made}");
    let verified = app.run(&["db", "schema", "verify", &schema, "--url", &url]).ok();
    assert_eq!(verified.lines().filter(|line| line.ends_with(" ok")).count(), 5);
    app.run(&["db", "schema", "verify", "nope", "--url", &url]).fails(1, &["no schema nope"]);
    app.run(&["db", "schema", "ensure", "a-b", "--url", &url]).fails(2, &["Invalid schema name"]);
    assert!(app.run(&["db", "list"]).ok().starts_with("Available database dumps:"));
    let latest = app.run(&["db", "restore", "--latest"]);
    latest.fails(1, &["Latest dumps not found"]);
    app.run(&["db", "git"]).fails(2, &["Usage"]);
}

#[test]
fn statements_are_explained() {
    let Some(url) = postgres_url() else { return };
    let app = App::new();
    let explain = ["db", "queries", "--url", &url, "--explain"];
    let sql = "SELECT n FROM generate_series(1, 20000) n WHERE n = $1::int";
    let shown = app.run(&[&explain[..], &[sql, "--value", "7", "--measure"]].concat()).ok();
    assert!(shown.contains("Function Scan on n: 1 rows"), "{shown}");
    assert!(shown.contains("odd: Function Scan on n reads 20000 rows to keep 1"), "{shown}");
    let writes = app.run(&[&explain[..], &["CREATE TABLE explained AS SELECT 1"]].concat());
    writes.fails(2, &["only statements that read are explained"]);
    app.run(&["db", "queries", "--value", "7"]).fails(2, &["--explain"]);
    let sqlite = ["db", "queries", "--url", "sqlite:a.db", "--explain", "SELECT 1"];
    app.run(&sqlite).fails(2, &["only statements of PostgreSQL are explained"]);
}
