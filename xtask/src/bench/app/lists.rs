//! A page of a large collection, and creates, under rules that read the document.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use isobase_testkit::TestServer;
use isobase_testkit::http::{Connection, request_bytes};
use serde_json::{Value, json};

use super::loads::{self, Seen};
use super::pocketbase::PocketBase;
use super::streams::{Dialect, Streams};
use super::{Arguments, app, ask};
use crate::bench::records::Server;
use crate::interrupt;

const READERS: usize = 8;
const WRITERS: usize = 64;
/// Rows of each owner, of which a page shows the first 20.
const ROWS_OF_ONE: u32 = 1_000;
/// Rows of one request.
const PART: u32 = 20_000;
const KEY: &str = "the-key-of-the-benchmark";
const PART_DEADLINE: Duration = Duration::from_secs(120);

const COLLECTIONS: &str = r#"
[collections.plain]
fields.owner = "integer"
fields.name = "string"
fields.n = "integer"
indexes = ["owner,-n"]
rules.list = true

[collections.ruled]
fields.owner = "integer"
fields.name = "string"
fields.n = "integer"
indexes = ["owner,-n"]
rules.list = "owner = @user.id"

[collections.written]
event = "written"
fields.owner = "integer"
fields.name = "string"
fields.n = "integer"
rules.create = "owner = @user.id & n[gte]=0"
rules.list = true
"#;

/// Inserts rows into PocketBase's own file: through its API a million takes a quarter of an hour.
const INSERT: &str = r#"
import sqlite3, sys
path, rows, of_one, owner = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
db = sqlite3.connect(path, timeout=60)
owners = max(rows // of_one, 1)
values = (("r%014d" % n, owner if n % owners == 0 else "o%014d" % (n % owners), "a row", n) for n in range(rows))
db.executemany("insert into many (id, owner, name, n) values (?, ?, ?, ?)", values)
db.commit()
db.execute("pragma wal_checkpoint(truncate)")
"#;

pub(super) fn run(arguments: &Arguments, executable: &Path, peer: &PocketBase) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let app = app(folder.path(), COLLECTIONS)?;
    let server = TestServer::builder().executable(executable).env("INTERNAL_API_KEY", KEY);
    let server = server.arg(app).start()?;
    let pid = server.pid().context("the service does not run")?;
    let ours = Server { name: "Isobase", address: server.address(), pid };
    let who = json!({ "username": "bench", "password": "a password of the benchmark" });
    let account = ask(ours.address, ("POST", "/api/register"), None, &who)?;
    let session = ask(ours.address, ("POST", "/api/sessions"), None, &who)?;
    let token = session["token"].as_str().context("a session has a token")?;
    pages(arguments, &ours, &account["id"], token, peer)?;
    creates(arguments, &ours, &account["id"], token, peer)
}

/// The same page by a rule and by a filter.
fn pages(
    arguments: &Arguments,
    ours: &Server,
    owner: &Value,
    token: &str,
    peer: &PocketBase,
) -> Result<()> {
    let rows = arguments.rows;
    for collection in ["plain", "ruled"] {
        fill(ours.address, collection, rows, owner)?;
    }
    peer.collection(&json!({
        "name": "many", "type": "base", "listRule": "owner = @request.auth.id",
        "fields": [
            { "name": "owner", "type": "text" }, { "name": "name", "type": "text" },
            { "name": "n", "type": "number" },
        ],
        "indexes": ["CREATE INDEX many_owner ON many (owner, n)"],
    }))?;
    eprintln!("inserting {rows} rows into the file of PocketBase");
    let mut insert = Command::new("python3");
    insert.args(["-c", INSERT]).arg(peer.database());
    interrupt::run(insert.args([&rows.to_string(), &ROWS_OF_ONE.to_string(), &peer.user]))?;
    let theirs = peer.subject();
    let by_filter = format!("/api/plain?owner={owner}&sort=-n&limit=20");
    let by_rule = "/api/ruled?sort=-n&limit=20";
    let their_path = "/api/collections/many/records?sort=-n&perPage=20&skipTotal=1";
    // Both are read once before: what is cached is cached.
    let seen = [
        read(arguments, "Isobase, the filter", ours, token, &by_filter)?,
        read(arguments, "Isobase, the rule", ours, token, by_rule)?,
        read(arguments, "PocketBase, the rule", &theirs, &peer.token, their_path)?,
    ];
    println!("\n20 out of {rows} rows, newest first, {READERS} connections\n");
    loads::show(&seen);
    println!(
        "CPU by the rule: {:.2} × by the filter (target: at most 1.5)",
        seen[1].cpu / seen[0].cpu
    );
    println!(
        "pages a second: {:.1} × PocketBase (target: at least 10)",
        seen[1].rate / seen[2].rate
    );
    println!("CPU of a page: {:.3} × PocketBase", seen[1].cpu / seen[2].cpu);
    Ok(())
}

/// Creates under a rule that reads two fields, while somebody listens.
fn creates(
    arguments: &Arguments,
    ours: &Server,
    owner: &Value,
    token: &str,
    peer: &PocketBase,
) -> Result<()> {
    peer.collection(&json!({
        "name": "written", "type": "base", "listRule": "", "viewRule": "",
        "createRule": "@request.body.owner = @request.auth.id && @request.body.n >= 0",
        "fields": [
            { "name": "owner", "type": "text" }, { "name": "name", "type": "text" },
            { "name": "n", "type": "number" },
        ],
    }))?;
    let theirs = peer.subject();
    let path = "/api/written";
    let row = json!({ "owner": owner, "name": "a row", "n": 1 });
    let stranger = json!({ "owner": -1, "name": "a row", "n": 1 });
    let refused = isobase_testkit::http::request(
        ours.address,
        "POST",
        path,
        &[("authorization", &format!("Bearer {token}"))],
        stranger.to_string().as_bytes(),
    )?;
    ensure!(refused.status == 403, "the rule lets everybody write: {}", refused.text());
    let topic = Dialect::Path("/api/events?topics=written");
    let streams = Streams::open(ours.address, topic, 1)?;
    let mine = write(arguments, "Isobase", ours, token, path, &row)?;
    drop(streams);
    let streams = Streams::open(theirs.address, Dialect::PocketBase("written/*"), 1)?;
    let row = json!({ "owner": peer.user, "name": "a row", "n": 1 });
    let path = "/api/collections/written/records";
    let other = write(arguments, "PocketBase", &theirs, &peer.token, path, &row)?;
    drop(streams);
    println!("\nCreates under a rule that reads two fields, {WRITERS} connections, one stream\n");
    let seen = [mine, other];
    loads::show(&seen);
    println!(
        "creates a second: {:.1} × PocketBase (target: at least 6)",
        seen[0].rate / seen[1].rate
    );
    println!("CPU of a create: {:.3} × PocketBase", seen[0].cpu / seen[1].cpu);
    Ok(())
}

/// Loads rows, of which each owner has as many.
fn fill(address: SocketAddr, collection: &str, rows: u32, owner: &Value) -> Result<()> {
    eprintln!("loading {rows} rows into {collection}");
    let owners = (rows / ROWS_OF_ONE).max(1);
    let mut connection = Connection::open(address)?;
    connection.set_deadline(PART_DEADLINE);
    let headers = [("content-type", "application/x-ndjson"), ("x-api-key", KEY)];
    let path = format!("/records/{collection}");
    let mut from = 0;
    while from < rows {
        interrupt::check()?;
        let to = (from + PART).min(rows);
        let line = |n: u32| match n % owners {
            0 => format!("{{\"owner\":{owner},\"name\":\"a row\",\"n\":{n}}}\n"),
            other => format!("{{\"owner\":{},\"name\":\"a row\",\"n\":{n}}}\n", -i64::from(other)),
        };
        let lines: String = (from..to).map(line).collect();
        let answer = connection.request("POST", &path, &headers, lines.as_bytes())?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text());
        from = to;
    }
    Ok(())
}

fn read(
    arguments: &Arguments,
    what: &'static str,
    subject: &Server,
    token: &str,
    path: &str,
) -> Result<Seen> {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer)];
    let page = isobase_testkit::http::request(subject.address, "GET", path, &headers, b"")?;
    let rows = page.json()?["items"].as_array().map_or(0, Vec::len);
    ensure!(rows == 20, "{what}: {rows} rows: {} {}", page.status, page.text());
    let bytes = request_bytes(&subject.address.to_string(), "GET", path, &headers, b"");
    loads::run(arguments, what, subject, READERS, bytes)
}

fn write(
    arguments: &Arguments,
    what: &'static str,
    subject: &Server,
    token: &str,
    path: &str,
    row: &Value,
) -> Result<Seen> {
    let bearer = format!("Bearer {token}");
    let headers = [("authorization", &*bearer), ("content-type", "application/json")];
    let body = row.to_string();
    let host = subject.address.to_string();
    let bytes = request_bytes(&host, "POST", path, &headers, body.as_bytes());
    loads::run(arguments, what, subject, WRITERS, bytes)
}
