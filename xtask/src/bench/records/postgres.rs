//! The same on PostgreSQL, with a cluster of our own that waits for the disk.

use anyhow::Result;
use isobase_testkit::{TestPostgres, TestServer};

use super::bench::Bench;
use super::million;
use super::pgbench::PointReads;
use super::plan::Scenario;
use super::point::{self, TARGET_CONNECTIONS, at};
use super::report::{Figure, Quantity, Target};
use super::subject::{Loaded, Subject};

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
    let shown = point::get(bench, subject, items, connections)?;
    let figure = |name: &str, value| Figure::new(subject.engine, name, value).at(connections);
    let requests = figure("GET by id, requests", Quantity::PerSecond(shown.per_second));
    let cpu = figure("GET by id, server CPU", Quantity::Seconds(shown.cpu));
    let requests = if connections == TARGET_CONNECTIONS {
        let bare = PointReads { postgres, items, clients: connections };
        let bare = bare.run(&bench.folder, bench.plan.measure)?;
        requests
            .beside(format!("pgbench, {connections} clients"), Quantity::PerSecond(bare))
            .target(true, Target::RatioAtLeast(0.6))
    } else {
        requests
    };
    bench.report.figures.extend([requests, cpu.note("without that of PostgreSQL")]);
    Ok(())
}

fn creates(bench: &mut Bench, subject: &Subject, connections: usize) -> Result<()> {
    let (jobs, batches) = subject.writes()?;
    let shown = point::creates(bench, subject, connections)?;
    let (jobs_after, batches_after) = subject.writes()?;
    let average = (jobs_after - jobs) / (batches_after - batches).max(1.0);
    let figure = |name: &str, value| Figure::new(subject.engine, name, value).at(connections);
    bench.report.figures.extend([
        figure("durable create, requests", Quantity::PerSecond(shown.per_second))
            .note(format!("{average:.1} in a commit")),
        figure("durable create, server CPU", Quantity::Seconds(shown.cpu))
            .note("without that of PostgreSQL"),
        figure("durable create, p99", Quantity::time(shown.p99))
            .beside("its own p50", Quantity::time(shown.p50)),
    ]);
    Ok(())
}
