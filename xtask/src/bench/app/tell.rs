//! One change, told to many streams.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, Result};
use isobase_testkit::http::request_bytes;
use isobase_testkit::load::{self, LoadOptions, Workload};
use isobase_testkit::{ProcessUsage, TestServer};
use serde_json::json;

use super::pocketbase::PocketBase;
use super::streams::{Dialect, MARK, Streams};
use super::{Arguments, app, ask};
use crate::bench::records::{Ceilings, Server, markdown};
use crate::interrupt;

/// Changes before those that are measured.
const WARM_UP: u32 = 3;
const WRITERS: usize = 64;

/// What was seen of one subject.
struct Seen {
    name: &'static str,
    /// Until the last stream was told: the median of all changes.
    last: Duration,
    cpu_per_event: f64,
    memory: u64,
    creates: Option<(f64, f64)>,
}

pub(super) fn run(
    arguments: &Arguments,
    executable: &Path,
    bare: &Path,
    peer: &PocketBase,
) -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut seen = Vec::new();
    {
        let ceilings = Ceilings::new(bare.to_owned(), folder.path());
        let http = ceilings.http()?;
        let subject = http.server();
        let event = |number: u32| {
            format!(
                "event: item_created\ndata: {{\"id\":{number},\"name\":\"{MARK}{number}\"}}\n\
                 id: AQEjRWeJq83vAAAAAAAAAAAAAAAAAAAADQ\n\n"
            )
        };
        let tell = |number: u32| {
            let body = event(number);
            let address = subject.address;
            let told =
                isobase_testkit::http::request(address, "POST", "/tell", &[], body.as_bytes());
            told.map(|_| ())
        };
        seen.push(measure(arguments, &subject, Dialect::Path("/stream"), tell, None)?);
    }
    {
        let limit = arguments.streams + 500;
        let server = TestServer::builder()
            .executable(executable)
            .arg(app(folder.path(), "")?)
            .arg("--set")
            .arg(format!("limits.connections_max={limit}"))
            .start()?;
        let pid = server.pid().context("the service does not run")?;
        let subject = Server { name: "Isobase", address: server.address(), pid };
        eprintln!("target: Isobase at {}, started by this command", server.url());
        let path = "/api/items";
        let dialect = Dialect::Path("/api/events?topics=items");
        let tell = |number| create(&subject, path, number);
        seen.push(measure(arguments, &subject, dialect, tell, Some(path))?);
    }
    let subject = peer.subject();
    let path = "/api/collections/items/records";
    let tell = |number| create(&subject, path, number);
    seen.push(measure(arguments, &subject, Dialect::PocketBase("items/*"), tell, Some(path))?);
    report(arguments, &seen);
    Ok(())
}

fn create(subject: &Server, path: &str, number: u32) -> Result<()> {
    let row = json!({ "name": format!("{MARK}{number}"), "owner": "nobody" });
    ask(subject.address, ("POST", path), None, &row).map(|_| ())
}

fn measure(
    arguments: &Arguments,
    subject: &Server,
    dialect: Dialect,
    tell: impl Fn(u32) -> Result<()>,
    creates_at: Option<&str>,
) -> Result<Seen> {
    let rate = |path: &str| creates(arguments, subject, path);
    let alone = creates_at.map(rate).transpose()?;
    let before = ProcessUsage::of(subject.pid)?;
    let streams = Streams::open(subject.address, dialect, arguments.streams)?;
    let idle = ProcessUsage::of(subject.pid)?;
    for number in 0..WARM_UP {
        streams.tell(|| tell(number))?;
    }
    let started = ProcessUsage::of(subject.pid)?;
    let mut took = Vec::new();
    for number in 0..arguments.changes {
        interrupt::check()?;
        took.push(streams.tell(|| tell(number))?);
    }
    let ended = ProcessUsage::of(subject.pid)?;
    took.sort();
    let with_streams = creates_at.map(rate).transpose()?;
    let events = f64::from(arguments.streams) * f64::from(arguments.changes);
    Ok(Seen {
        name: subject.name,
        last: took[took.len() / 2],
        cpu_per_event: ended.cpu_since(&started).as_secs_f64() / events,
        memory: idle.resident_bytes.saturating_sub(before.resident_bytes),
        creates: alone.zip(with_streams),
    })
}

/// Creates a second, without a mark: no one waits for their events.
fn creates(arguments: &Arguments, subject: &Server, path: &str) -> Result<f64> {
    let row = json!({ "name": "unmarked", "owner": "nobody" }).to_string();
    let json = [("content-type", "application/json")];
    let host = subject.address.to_string();
    let bytes = request_bytes(&host, "POST", path, &json, row.as_bytes());
    let options = LoadOptions {
        address: subject.address,
        connections: WRITERS,
        duration: Duration::try_from_secs_f64(arguments.seconds)?,
        requests_max: None,
    };
    Ok(load::run(&options, &Workload::of("create", bytes))?.rate())
}

fn report(arguments: &Arguments, seen: &[Seen]) {
    let headers = [
        "",
        "last stream told after",
        "CPU per event",
        "memory per stream",
        "creates/s alone",
        "creates/s with streams",
    ];
    let rows: Vec<Vec<String>> = seen
        .iter()
        .map(|seen| {
            let rate =
                |rate: Option<f64>| rate.map_or_else(String::new, |rate| format!("{rate:.0}"));
            vec![
                seen.name.to_owned(),
                format!("{:.1} ms", seen.last.as_secs_f64() * 1e3),
                format!("{:.2} µs", seen.cpu_per_event * 1e6),
                format!("{} B", seen.memory / u64::from(arguments.streams)),
                rate(seen.creates.map(|(alone, _)| alone)),
                rate(seen.creates.map(|(_, with)| with)),
            ]
        })
        .collect();
    let (streams, changes) = (arguments.streams, arguments.changes);
    println!("\n{changes} changes, each told to {streams} streams of one topic\n");
    println!("{}", markdown(&headers, &rows));
    let [bare, ours, theirs] = seen else { return };
    let last = ours.last.as_secs_f64() / bare.last.as_secs_f64();
    println!("last stream told: {last:.2} × the bare server (target: at most 3)");
    let cpu = ours.cpu_per_event / theirs.cpu_per_event;
    println!("CPU per event: {cpu:.3} × PocketBase (target: at most 0.1)");
    let memory = ours.memory as f64 / bare.memory.max(1) as f64;
    println!("memory of idle streams: {memory:.2} × the bare server (target: at most 1.3)");
    if let Some((alone, with)) = ours.creates {
        println!("creates with streams: {:.2} × without (target: at least 0.8)", with / alone);
    }
}
