//! A large file on SQLite: pages, export, start.

use std::fs;
use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use isobase_testkit::http::request_bytes;
use isobase_testkit::load::{LoadOptions, Workload};
use isobase_testkit::{TestServer, http};

use super::bench::{Bench, Task, observe};
use super::plan::Scenario;
use super::report::{Figure, Quantity, Target};
use super::subject::{Loaded, Subject};
use super::{fixtures, million, point};

/// A start that takes this long has failed.
const START_DEADLINE: Duration = Duration::from_secs(20);
const EXPORT_DEADLINE: Duration = Duration::from_secs(60);
const ANSWER_PAUSE: Duration = Duration::from_micros(200);
/// Records that are added at once to make the file large.
const PADDING: u64 = 5_000;
/// The most such rounds; a file that does not grow must not keep us.
const PADDING_ROUNDS_MAX: u32 = 60;

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let builder = TestServer::builder().data(bench.folder.join("large"));
    let mut subject = Subject::start(bench, "sqlite", builder)?;
    if bench.wants(Scenario::Million) {
        let needs = bench.plan.limit / 10;
        bench.step("large collection", needs, |bench| million::run(bench, &subject))?;
    }
    let needs = bench.plan.limit / 20;
    bench.step("large file", needs, |bench| large_file(bench, &mut subject))
}

fn large_file(bench: &mut Bench, subject: &mut Subject) -> Result<()> {
    if !bench.plan.wants_any(&[Scenario::Export, Scenario::Start]) {
        return Ok(());
    }
    let items = point::load_items(bench, subject)?;
    if bench.wants(Scenario::Start) {
        fill(bench, subject)?;
    }
    subject.server.terminate()?;
    if bench.wants(Scenario::Start) {
        let file_bytes = fs::metadata(subject.server.data().join("isobase.db"))?.len();
        starts(bench, subject, &items, file_bytes)?;
    }
    if bench.wants(Scenario::Export) {
        subject.server.start_again()?;
        export(bench, subject, &items)?;
    }
    Ok(())
}

/// Adds large records until the file is as large as planned.
fn fill(bench: &Bench, subject: &Subject) -> Result<()> {
    let file = subject.server.data().join("isobase.db");
    for _ in 0..PADDING_ROUNDS_MAX {
        if fs::metadata(&file)?.len() >= bench.plan.file_bytes {
            return Ok(());
        }
        subject.bulk_load(bench.budget, "padding", PADDING, fixtures::large_record)?;
    }
    bail!("{} does not grow", file.display());
}

/// Each start is one of a server that was stopped properly, with the file in
/// the page cache of the system.
fn starts(bench: &mut Bench, subject: &mut Subject, items: &Loaded, file_bytes: u64) -> Result<()> {
    let mut slowest = Duration::ZERO;
    for _ in 0..bench.plan.starts {
        slowest = slowest.max(first_answer(&mut subject.server, &items.path(0))?);
        subject.server.terminate()?;
    }
    let name = format!("start to first answer, slowest of {}", bench.plan.starts);
    let figure = Figure::new(subject.engine, name, Quantity::time(slowest))
        .target(true, Target::AtMost(Quantity::time(Duration::from_millis(100))))
        .note(format!("a file of {}", Quantity::bytes(file_bytes)));
    bench.report.figures.push(figure);
    Ok(())
}

/// From the start of the process to the last byte of a record.
fn first_answer(server: &mut TestServer, path: &str) -> Result<Duration> {
    let start = Instant::now();
    server.spawn()?;
    loop {
        let answer = http::request(server.address(), "GET", path, &[], b"");
        let took = start.elapsed();
        if answer.is_ok_and(|answer| answer.status == 200) {
            return Ok(took);
        }
        ensure!(took < START_DEADLINE, "no answer after the start:\n{}", server.log());
        std::thread::sleep(ANSWER_PAUSE);
    }
}

/// One export of all items, as the first thing that the process does.
fn export(bench: &mut Bench, subject: &Subject, items: &Loaded) -> Result<()> {
    let server = subject.server()?;
    let address = server.address;
    let path = format!("/records/{}", items.collection);
    let accept = [("accept", "application/x-ndjson")];
    let request = request_bytes(&address.to_string(), "GET", &path, &accept, b"");
    let duration = EXPORT_DEADLINE.min(bench.budget.left());
    let options = LoadOptions { address, connections: 1, duration, requests_max: Some(1) };
    let name = format!("export of {}", items.count);
    let workload = Workload::of("export", request);
    let shown = observe(server, &options, &workload)?;
    bench.note(&Task { server, name: &name, connections: 1, workload: &workload }, &shown);
    ensure!(shown.body_bytes > items.count * 100, "an export of {} bytes", shown.body_bytes);
    let peak = Quantity::bytes(subject.server.usage()?.resident_peak_bytes);
    let figure = Figure::new(subject.engine, format!("{name}, most memory"), peak)
        .target(true, Target::AtMost(Quantity::mebibytes(64)))
        .note(format!(
            "{} in {}",
            Quantity::bytes(shown.body_bytes),
            Quantity::time(shown.quantile(0.5))
        ));
    bench.report.figures.push(figure);
    Ok(())
}
