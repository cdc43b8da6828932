//! The same on PostgreSQL, with a cluster of our own that waits for the disk.

use anyhow::Result;
use isobase_testkit::{TestPostgres, TestServer};

use super::bench::{Bench, Shown, Task};
use super::pgbench::PointReads;
use super::plan::Scenario;
use super::point::{self, TARGET_CONNECTIONS, at};
use super::report::{Figure, Quantity, Target};
use super::subject::{Loaded, Subject};
use super::{fixtures, million};

pub(super) fn run(bench: &mut Bench) -> Result<()> {
    let folder = bench.folder.join("postgres");
    let postgres = TestPostgres::builder().folder(folder).start()?;
    let version = postgres.binaries().version()?;
    eprintln!("PostgreSQL {version} on port {}, started by this command", postgres.port());
    let builder = TestServer::builder().data(bench.folder.join("postgres-service"));
    let subject = Subject::start(bench, "postgres", builder.records_url(&postgres.url()))?;
    if bench.wants(Scenario::Idle) {
        bench.step("idle memory", bench.plan.load(), |bench| point::idle(bench, &subject))?;
    }
    if bench.wants(Scenario::Get) {
        bench.step("reads on PostgreSQL", bench.plan.load(), |bench| {
            reads(bench, &subject, &postgres)
        })?;
    }
    if bench.wants(Scenario::Create) {
        for connections in bench.plan.connections.clone() {
            let name = at("creates on PostgreSQL", connections);
            bench.step(&name, bench.plan.load(), |bench| creates(bench, &subject, connections))?;
        }
    }
    if bench.wants(Scenario::Million) {
        let needs = bench.plan.limit / 10;
        bench
            .step("large collection on PostgreSQL", needs, |bench| million::run(bench, &subject))?;
    }
    Ok(())
}

fn reads(bench: &mut Bench, subject: &Subject, postgres: &TestPostgres) -> Result<()> {
    let items = point::load_items(bench, subject)?;
    // What a running server does by itself in time; both sides gain by it.
    postgres.psql("VACUUM ANALYZE")?;
    for connections in bench.plan.connections.clone() {
        let name = at("GET by id on PostgreSQL", connections);
        bench.step(&name, bench.plan.load() * 2, |bench| {
            get_beside_pgbench(bench, subject, postgres, &items, connections)
        })?;
    }
    Ok(())
}

fn get_beside_pgbench(
    bench: &mut Bench,
    subject: &Subject,
    postgres: &TestPostgres,
    items: &Loaded,
    connections: usize,
) -> Result<()> {
    let server = subject.server()?;
    let workload = fixtures::reads(server.address, items);
    let task = Task { server, name: "GET by id", connections, workload: &workload };
    let targeted = connections == TARGET_CONNECTIONS;
    let (mut shown, mut bare) = (Shown::default(), 0.0);
    for _ in 0..bench.plan.rounds {
        if targeted {
            let reads = PointReads { postgres, items, clients: connections };
            let per_second = reads.run(&bench.folder, bench.plan.measure)?;
            bare += per_second / f64::from(bench.plan.rounds);
        }
        shown.add(bench.round(&task)?);
    }
    bench.note(&task, &shown);
    let figure = |name: &str, value| Figure::new(subject.engine, name, value).at(connections);
    let mut requests = figure("GET by id, requests", Quantity::PerSecond(shown.per_second()));
    if targeted {
        requests = requests
            .beside(format!("pgbench, {connections} clients"), Quantity::PerSecond(bare))
            .target(true, Target::RatioAtLeast(0.6));
    }
    let cpu = figure("GET by id, server CPU", Quantity::Seconds(shown.cpu()));
    bench.report.figures.extend([requests, cpu.note("without that of PostgreSQL")]);
    Ok(())
}

fn creates(bench: &mut Bench, subject: &Subject, connections: usize) -> Result<()> {
    let server = subject.server()?;
    let workload = fixtures::creates(server.address, "created");
    let before = subject.writes()?;
    let task = Task { server, name: "durable create", connections, workload: &workload };
    let [shown] = bench.in_turn([task])?;
    let average = subject.writes()?.in_a_commit_since(before);
    let figure = |name: &str, value| Figure::new(subject.engine, name, value).at(connections);
    bench.report.figures.extend([
        figure("durable create, requests", Quantity::PerSecond(shown.per_second()))
            .note(format!("{average:.1} in a commit")),
        figure("durable create, server CPU", Quantity::Seconds(shown.cpu()))
            .note("without that of PostgreSQL"),
        figure("durable create, p99", Quantity::time(shown.quantile(0.99)))
            .beside("its own p50", Quantity::time(shown.quantile(0.5))),
    ]);
    Ok(())
}
