//! What both services do for everybody: a row by its id, a list, and creates.

use std::path::Path;

use anyhow::{Context, Result, ensure};
use isobase_testkit::TestServer;
use isobase_testkit::http::{self, request_bytes};
use serde_json::{Value, json};

use super::loads::{self, Seen};
use super::pocketbase::PocketBase;
use super::{Arguments, ask};
use crate::bench::records::Server;

const CONNECTIONS: usize = 64;
/// Rows of the list.
const ROWS: usize = 100;

/// One service, and where its rows are.
struct Side {
    server: Server,
    rows: &'static str,
    list: &'static str,
}

/// What each is at least asked to be, as answers a second beside PocketBase's.
const TARGETS: [(&str, f64); 3] = [("reads", 12.0), ("lists", 40.0), ("creates", 12.0)];

pub(super) fn run(arguments: &Arguments, executable: &Path, peer: &PocketBase) -> Result<()> {
    let server = TestServer::builder().executable(executable).start()?;
    let pid = server.pid().context("the service does not run")?;
    let ours = Side {
        server: Server { name: "Isobase", address: server.address(), pid },
        rows: "/records/items",
        list: "/records/items?limit=100",
    };
    let theirs = Side {
        server: peer.subject(),
        rows: "/api/collections/items/records",
        list: "/api/collections/items/records?perPage=100&skipTotal=1",
    };
    let row = json!({ "name": "a row", "owner": "x".repeat(80) });
    let mine = loads_of(arguments, &ours, &row)?;
    let other = loads_of(arguments, &theirs, &row)?;
    println!("\nRows for everybody, {CONNECTIONS} connections, without a rule or a session\n");
    let seen: Vec<Seen> = mine.into_iter().zip(other).flat_map(|(a, b)| [a, b]).collect();
    loads::show(&seen);
    for (pair, (what, target)) in seen.chunks(2).zip(TARGETS) {
        println!(
            "{what} a second: {:.1} × PocketBase (target: at least {target}); CPU {:.3} ×",
            pair[0].rate / pair[1].rate,
            pair[0].cpu / pair[1].cpu
        );
    }
    Ok(())
}

/// A row again and again, a list of [`ROWS`], and creates.
fn loads_of(arguments: &Arguments, side: &Side, row: &Value) -> Result<[Seen; 3]> {
    let address = side.server.address;
    let mut first = Value::Null;
    for _ in 0..ROWS {
        first = ask(address, ("POST", side.rows), None, row)?;
    }
    let id = &first["id"];
    let one = format!("{}/{}", side.rows, id.as_str().map_or_else(|| id.to_string(), Into::into));
    let page = http::request(address, "GET", side.list, &[], b"")?.json()?;
    let listed = page["items"].as_array().map_or(0, Vec::len);
    ensure!(listed == ROWS, "{}: {listed} rows", side.list);
    let host = address.to_string();
    let load = |what, method, path: &str, body: &[u8]| {
        let headers = [("content-type", "application/json")];
        let bytes = request_bytes(&host, method, path, &headers, body);
        loads::run(arguments, what, &side.server, CONNECTIONS, bytes)
    };
    let names = match side.server.name {
        "Isobase" => ["Isobase, GET by id", "Isobase, list of 100", "Isobase, create"],
        _ => ["PocketBase, GET by id", "PocketBase, list of 100", "PocketBase, create"],
    };
    Ok([
        load(names[0], "GET", &one, b"")?,
        load(names[1], "GET", side.list, b"")?,
        load(names[2], "POST", side.rows, row.to_string().as_bytes())?,
    ])
}
