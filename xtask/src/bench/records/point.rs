//! Reads by id, lists and creates on SQLite, each beside its ceiling.

use std::time::Duration;

use anyhow::Result;
use isobase_testkit::TestServer;

use super::bench::{Bench, Shown, Task};
use super::ceilings::{ConstantServer, Driven};
use super::fixtures;
use super::plan::Scenario;
use super::report::{Figure, Quantity, Target};
use super::subject::{Loaded, Subject};

/// The number of connections that the targets speak of.
pub(super) const TARGET_CONNECTIONS: usize = 64;
const LIST_PATH: &str = "/records/items?limit=100";

/// The memory of a service that has nothing to do is read after this time.
const SETTLED: Duration = Duration::from_secs(1);

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    use Scenario::{Create, Get, Idle, List, Mixed};
    if !bench.plan.wants_any(&[Idle, Get, List, Create, Mixed]) {
        return Ok(());
    }
    let builder = TestServer::builder().data(bench.folder.join("sqlite"));
    let subject = Subject::start(bench, "sqlite", builder)?;
    if bench.wants(Idle) {
        bench.step("idle memory", SETTLED, |bench| idle(bench, &subject))?;
    }
    if bench.plan.wants_any(&[Get, List, Mixed]) {
        bench.step("reads", bench.plan.load(), |bench| reads(bench, &subject))?;
    }
    if bench.wants(Create) {
        for connections in bench.plan.connections.clone() {
            bench.step(&at("creates", connections), bench.plan.load() * 3, |bench| {
                creates_beside_driver(bench, &subject, connections)
            })?;
        }
    }
    Ok(())
}

/// The memory of a service that has just started.
pub(super) fn idle(bench: &mut Bench, subject: &Subject) -> Result<()> {
    std::thread::sleep(SETTLED);
    let memory = Quantity::bytes(subject.server.usage()?.resident_bytes);
    let figure = Figure::new(subject.engine, "idle memory", memory);
    bench.report.figures.push(figure.target(true, Target::AtMost(Quantity::mebibytes(25))));
    Ok(())
}

/// What is read must be there first.
fn reads(bench: &mut Bench, subject: &Subject) -> Result<()> {
    let items = load_items(bench, subject)?;
    let constant = bench.ceilings.http()?;
    for connections in bench.plan.connections.clone() {
        if bench.wants(Scenario::Get) {
            bench.step(&at("GET by id", connections), bench.plan.load() * 2, |bench| {
                get_beside_constant(bench, subject, &constant, &items, connections)
            })?;
        }
        if bench.wants(Scenario::List) {
            bench.step(&at("lists", connections), bench.plan.load() * 2, |bench| {
                list_beside_constant(bench, subject, &constant, connections)
            })?;
        }
        if bench.wants(Scenario::Mixed) {
            bench.step(&at("mixed", connections), bench.plan.load() * 2, |bench| {
                mixed(bench, subject, &items, connections)
            })?;
        }
    }
    bench.step("reads of the bare driver", bench.plan.measure * 2, bare_reads)
}

pub(super) fn load_items(bench: &mut Bench, subject: &Subject) -> Result<Loaded> {
    let count = bench.plan.items;
    subject.bulk_load(bench.budget, "items", count, fixtures::record)
}

pub(super) fn at(name: &str, connections: usize) -> String {
    let plural = if connections == 1 { "" } else { "s" };
    format!("{name} at {connections} connection{plural}")
}

fn get_beside_constant(
    bench: &mut Bench,
    subject: &Subject,
    constant: &ConstantServer,
    items: &Loaded,
    connections: usize,
) -> Result<()> {
    let bytes = subject.get(&items.path(0))?.body.len();
    let (server, ceiling) = (subject.server()?, constant.server());
    let constant = fixtures::constant(ceiling.address, bytes);
    let reads = fixtures::reads(server.address, items);
    let [ceiling, shown] = bench.in_turn([
        Task { server: ceiling, name: "constant record", connections, workload: &constant },
        Task { server, name: "GET by id", connections, workload: &reads },
    ])?;
    let targeted = connections == TARGET_CONNECTIONS;
    let compared = format!("constant answer of {bytes} bytes");
    bench.report.figures.extend([
        Figure::new(subject.engine, "GET by id, requests", Quantity::PerSecond(shown.per_second()))
            .at(connections)
            .beside(&compared, Quantity::PerSecond(ceiling.per_second()))
            .target(targeted, Target::RatioAtLeast(0.45)),
        Figure::new(subject.engine, "GET by id, server CPU", Quantity::Seconds(shown.cpu()))
            .at(connections)
            .beside(&compared, Quantity::Seconds(ceiling.cpu()))
            .target(targeted, Target::RatioAtMost(2.0)),
    ]);
    Ok(())
}

fn list_beside_constant(
    bench: &mut Bench,
    subject: &Subject,
    constant: &ConstantServer,
    connections: usize,
) -> Result<()> {
    let bytes = subject.get(LIST_PATH)?.body.len();
    let (server, ceiling) = (subject.server()?, constant.server());
    let constant = fixtures::constant(ceiling.address, bytes);
    let lists = fixtures::gets(server.address, "list", [LIST_PATH]);
    let [ceiling, shown] = bench.in_turn([
        Task { server: ceiling, name: "constant list", connections, workload: &constant },
        Task { server, name: "list of 100", connections, workload: &lists },
    ])?;
    let targeted = connections == TARGET_CONNECTIONS;
    let compared = format!("constant answer of {bytes} bytes");
    let requests = Quantity::PerSecond(shown.per_second());
    bench.report.figures.extend([
        Figure::new(subject.engine, "list of 100, requests", requests)
            .at(connections)
            .beside(&compared, Quantity::PerSecond(ceiling.per_second())),
        Figure::new(subject.engine, "list of 100, server CPU", Quantity::Seconds(shown.cpu()))
            .at(connections)
            .beside(&compared, Quantity::Seconds(ceiling.cpu()))
            .target(targeted, Target::AtMost(Quantity::Seconds(60e-6))),
    ]);
    Ok(())
}

/// Reads with creates beside them, against the same reads alone.
fn mixed(bench: &mut Bench, subject: &Subject, items: &Loaded, connections: usize) -> Result<()> {
    let server = subject.server()?;
    let reads = fixtures::reads(server.address, items);
    let workload = fixtures::mixed(server.address, items, "mixed");
    let [alone, shown] = bench.in_turn([
        Task { server, name: "reads alone, beside mixed", connections, workload: &reads },
        Task { server, name: "mixed 80/20", connections, workload: &workload },
    ])?;
    let p99 = Quantity::time(shown.p99_of("read"));
    let requests = Quantity::PerSecond(shown.per_second());
    bench.report.figures.extend([
        Figure::new(subject.engine, "mixed 80/20, p99 of reads", p99)
            .at(connections)
            .beside("p99 of reads alone", Quantity::time(alone.quantile(0.99)))
            .target(connections == TARGET_CONNECTIONS, Target::RatioAtMost(3.0)),
        Figure::new(subject.engine, "mixed 80/20, requests", requests)
            .at(connections)
            .beside("reads alone", Quantity::PerSecond(alone.per_second())),
    ]);
    Ok(())
}

/// Creates, in turn with the same commits by the bare driver: with as many
/// records as there are connections, and with as many as the service put together.
fn creates_beside_driver(bench: &mut Bench, subject: &Subject, connections: usize) -> Result<()> {
    let server = subject.server()?;
    let workload = fixtures::creates(server.address, "created");
    let task = Task { server, name: "durable create", connections, workload: &workload };
    let (batch, time) = (connections as u64, bench.plan.measure);
    let (mut shown, mut bare, mut bare_observed) =
        (Shown::default(), Driven::default(), Driven::default());
    let writes = subject.writes()?;
    let mut observed = None;
    for _ in 0..bench.plan.rounds {
        bare.add(&bench.ceilings.commit(batch, time)?);
        shown.add(bench.round(&task)?);
        // What the first round put together is what the driver does in all of them.
        let average = subject.writes()?.in_a_commit_since(writes).round().max(1.0) as u64;
        let average = *observed.get_or_insert(average);
        if average != batch {
            bare_observed.add(&bench.ceilings.commit(average, time)?);
        }
    }
    let average = subject.writes()?.in_a_commit_since(writes);
    bench.note(&task, &shown);
    bench.note_driven(&commits_of(batch), &bare);

    let figure = |name: &str, value| Figure::new(subject.engine, name, value).at(connections);
    let requests = figure("durable create, requests", Quantity::PerSecond(shown.per_second()));
    let targeted = connections == TARGET_CONNECTIONS;
    bench.report.figures.push(
        requests
            .clone()
            .beside(format!("bare {}", commits_of(batch)), Quantity::PerSecond(bare.per_second()))
            .target(targeted, Target::RatioAtLeast(0.4))
            .note(format!("{average:.1} in a commit")),
    );
    if let Some(observed) = observed.filter(|observed| *observed != batch) {
        bench.note_driven(&commits_of(observed), &bare_observed);
        let ceiling = Quantity::PerSecond(bare_observed.per_second());
        let figure = requests.beside(format!("bare {}", commits_of(observed)), ceiling);
        bench.report.figures.push(figure);
    }
    bench.report.figures.extend([
        figure("durable create, server CPU", Quantity::Seconds(shown.cpu()))
            .beside("bare driver", Quantity::Seconds(bare.cpu()))
            .target(targeted, Target::AtMost(Quantity::Seconds(30e-6))),
        figure("durable create, p99", Quantity::time(shown.quantile(0.99)))
            .beside("its own p50", Quantity::time(shown.quantile(0.5)))
            .target(targeted, Target::RatioAtMost(10.0)),
    ]);
    if connections == 1 {
        let p50 = figure("durable create, p50", Quantity::time(shown.quantile(0.5)));
        let p50 = p50.beside("p50 of a bare commit", Quantity::time(bare.p50));
        bench.report.figures.push(p50);
    }
    Ok(())
}

fn commits_of(batch: u64) -> String {
    format!("commits of {batch}")
}

/// What the reads cost without a service around them.
fn bare_reads(bench: &mut Bench) -> Result<()> {
    let (rows, time) = (bench.plan.items, bench.plan.measure);
    if bench.wants(Scenario::Get) {
        let driven = bench.ceilings.read(rows, time)?;
        bench.note_driven("read by key", &driven);
    }
    if bench.wants(Scenario::List) {
        let driven = bench.ceilings.list(rows, 100, time)?;
        bench.note_driven("list of 100", &driven);
    }
    Ok(())
}
