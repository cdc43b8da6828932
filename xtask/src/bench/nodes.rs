//! `cargo xtask bench nodes`: several services on one database at the end of a long link.
//!
//! Every node has writers of its own, each with one create on its way, and its own link to the
//! database: a proxy that lets everything arrive later. All of it runs on this machine, so the
//! figures say what commits cost in round trips as long as the processors are not the bound; the
//! share of them that was busy is printed beside the rates.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, anyhow, ensure};
use clap::Args;
use isobase_testkit::{
    Fault, FaultProxy, ProcessUsage, TestServer,
    http::{self, request_bytes},
    load::{self, LoadOptions, LoadReport, Workload},
    unique_name,
};

use super::built;
use crate::{
    engines::{Engine, Engines, Extent},
    interrupt,
};

/// Collections that every node writes into in turn.
const COLLECTIONS: usize = 8;
/// Of the document, beside its name.
const TEXT_BYTES: usize = 150;
/// All nodes together are to reach so much of what one of them does.
const TOGETHER_MIN: f64 = 1.2;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Only these engines; all when none is named.
    #[arg(value_enum)]
    engines: Vec<Engine>,
    /// Numbers of nodes that are measured, one after the other.
    #[arg(long, value_delimiter = ',', default_values_t = [1, 2, 4])]
    nodes: Vec<usize>,
    /// Writers at each node, each with one request on its way.
    #[arg(long, default_value_t = 64)]
    writers: usize,
    /// Milliseconds that a byte takes to the database and back.
    #[arg(long, default_value_t = 10.0)]
    round_trip: f64,
    /// Seconds of each load, after a third of that to warm up.
    #[arg(long, default_value_t = 6.0)]
    seconds: f64,
    /// An executable that was built before, in place of one that is built now: to compare two.
    #[arg(long, value_name = "FILE")]
    pub(super) executable: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Servers must be gone afterwards, also after Ctrl-C.
    interrupt::watch()?;
    let executable = match &arguments.executable {
        Some(executable) => executable.clone(),
        None => built::executable()?,
    };
    let all = [Engine::Postgres, Engine::Couchdb, Engine::Dynamodb, Engine::Firestore];
    let wanted = if arguments.engines.is_empty() { &all[..] } else { &arguments.engines };
    let folder = tempfile::Builder::new().prefix("isobase-bench-nodes-").tempdir()?;
    println!(
        "durable creates a second, {} writers at each node, {COLLECTIONS} collections, {} ms",
        arguments.writers, arguments.round_trip
    );
    for engine in wanted {
        let server_folder = folder.path().join(engine.variable());
        fs::create_dir(&server_folder)?;
        let (mut running, failures) = Engines::start(&[*engine], Extent::Suite, &server_folder)?;
        let measured = match failures.into_iter().next() {
            Some((_, error)) => Err(error),
            None => measure(arguments, &executable, *engine, &running),
        };
        running.stop()?;
        measured.with_context(|| engine.to_string())?;
    }
    Ok(())
}

/// Measures one engine with every number of nodes, each on a database of its own.
fn measure(
    arguments: &Arguments,
    executable: &Path,
    engine: Engine,
    running: &Engines,
) -> Result<()> {
    let place = running.variables().remove(engine.variable()).context("it does not run")?;
    let mut alone = None;
    for &nodes in &arguments.nodes {
        let measured = measure_nodes(arguments, executable, engine, &place, nodes)?;
        let ratio = alone.map(|alone: f64| measured.rate / alone);
        println!("{engine}, {nodes} nodes: {measured}{}", told(ratio));
        if nodes == 1 {
            alone = Some(measured.rate);
        }
        if let Some(ratio) = ratio.filter(|ratio| nodes == 4 && *ratio < TOGETHER_MIN) {
            println!("  below the {TOGETHER_MIN} that four nodes are to reach: {ratio:.2}");
        }
    }
    Ok(())
}

fn told(ratio: Option<f64>) -> String {
    ratio.map_or_else(String::new, |ratio| format!(", {ratio:.2} x one"))
}

/// What nodes have shown together.
struct Measured {
    rate: f64,
    /// The share of the slowest and of the fastest node.
    shares: (f64, f64),
    slowest: Duration,
    p50: Duration,
    p99: Duration,
    refused: u64,
    /// Processors that the nodes kept busy, and this program.
    busy: (f64, f64),
    /// Commits of all nodes, in a second.
    commits: f64,
    /// Commits that were sent for a head that another node had moved, of one hundred that were not.
    in_vain: f64,
}

impl std::fmt::Display for Measured {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { rate, shares, p50, p99, slowest, busy, refused, commits, in_vain } = self;
        write!(
            f,
            "{rate:.0}/s, shares {:.2} to {:.2}, p50 {p50:.0?} p99 {p99:.0?} max {slowest:.0?}, \
             processors {:.2} nodes {:.2} load and links; {commits:.1} commits/s of {:.1} creates, \
             {in_vain:.0} % in vain",
            shares.0,
            shares.1,
            busy.0,
            busy.1,
            rate / commits
        )?;
        if *refused > 0 {
            write!(f, ", {refused} refused")?;
        }
        Ok(())
    }
}

fn measure_nodes(
    arguments: &Arguments,
    executable: &Path,
    engine: Engine,
    place: &str,
    nodes: usize,
) -> Result<Measured> {
    let name = unique_name("nodes");
    let delay = Duration::try_from_secs_f64(arguments.round_trip / 2_000.0)?;
    let mut running = Vec::with_capacity(nodes);
    for _ in 0..nodes {
        running.push(Node::start(executable, engine, place, &name, delay)?);
    }
    prepare(&running[0])?;
    let addresses: Vec<SocketAddr> = running.iter().map(|node| node.server.address()).collect();
    let duration = Duration::try_from_secs_f64(arguments.seconds)?;
    load_all(&addresses, arguments.writers, duration / 3)?;
    let usage = |node: &Node| node.server.usage();
    let before: Vec<ProcessUsage> = running.iter().map(usage).collect::<Result<_>>()?;
    let committed = commits_of(&running)?;
    let begun = Instant::now();
    let own_before = ProcessUsage::of(std::process::id())?;
    let reports = load_all(&addresses, arguments.writers, duration)?;
    let elapsed = begun.elapsed().as_secs_f64();
    let own = ProcessUsage::of(std::process::id())?.cpu_since(&own_before).as_secs_f64();
    let committed = commits_of(&running)?.since(committed);
    let after: Vec<ProcessUsage> = running.iter().map(usage).collect::<Result<_>>()?;
    let busy: f64 = after.iter().zip(&before).map(|(a, b)| a.cpu_since(b).as_secs_f64()).sum();
    let measured = sum_up(&reports, (busy / elapsed, own / elapsed));
    let Commits { carried_out, in_vain } = committed;
    let in_vain = 100.0 * in_vain / carried_out.max(1.0);
    Ok(Measured { commits: carried_out / elapsed, in_vain, ..measured })
}

/// Commits so far.
#[derive(Clone, Copy, Default)]
struct Commits {
    carried_out: f64,
    /// PostgreSQL, where a node waits for the lock, has none.
    in_vain: f64,
}

impl Commits {
    fn since(self, earlier: Self) -> Self {
        Self {
            carried_out: self.carried_out - earlier.carried_out,
            in_vain: self.in_vain - earlier.in_vain,
        }
    }
}

/// What all nodes have committed.
fn commits_of(nodes: &[Node]) -> Result<Commits> {
    let mut all = Commits::default();
    for node in nodes {
        let text = http::request(node.server.address(), "GET", "/metrics", &[], b"")?.text();
        let value = |name: &str| -> Option<f64> {
            let of = format!("isobase_store_writer_{name}_total ");
            text.lines().find_map(|line| line.strip_prefix(of.as_str()))?.parse().ok()
        };
        let carried_out = value("commits").or_else(|| value("batches"));
        all.carried_out += carried_out.context("a node does not tell of its commits")?;
        all.in_vain += value("heads_moved").unwrap_or_default();
    }
    Ok(all)
}

fn sum_up(reports: &[LoadReport], busy: (f64, f64)) -> Measured {
    let created = |report: &LoadReport| {
        let created = report.statuses.get(&201).copied().unwrap_or_default();
        created as f64 / report.elapsed.as_secs_f64()
    };
    let rates: Vec<f64> = reports.iter().map(created).collect();
    let rate: f64 = rates.iter().sum();
    let least = rates.iter().copied().fold(f64::INFINITY, f64::min);
    let most = rates.iter().copied().fold(0.0, f64::max);
    let mut latency = reports[0].latency();
    reports.iter().skip(1).for_each(|report| latency.merge(&report.latency()));
    Measured {
        rate,
        shares: (least / rate, most / rate),
        slowest: latency.max(),
        p50: latency.quantile(0.5),
        p99: latency.quantile(0.99),
        refused: reports.iter().map(LoadReport::errors).sum(),
        busy,
        commits: 0.0,
        in_vain: 0.0,
    }
}

/// One service and its link.
struct Node {
    server: TestServer,
    _link: FaultProxy,
}

impl Node {
    fn start(
        executable: &Path,
        engine: Engine,
        place: &str,
        name: &str,
        delay: Duration,
    ) -> Result<Self> {
        let (address, url) = located(engine, place, name)?;
        let link = FaultProxy::start(address)?;
        let url = url.replace(LINK, &link.address().to_string());
        link.set(Fault::Delay(delay))?;
        let builder = TestServer::builder().executable(executable).records_url(&url);
        let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        let keys = if engine == Engine::Dynamodb { &keys[..] } else { &[] };
        let builder = keys.iter().fold(builder, |builder, (name, key)| builder.env(*name, *key));
        Ok(Self { server: builder.start()?, _link: link })
    }
}

/// Stands for the address of the link in a URL.
const LINK: &str = "LINK";

/// Where the server of an engine listens, and the URL of a database there over a link.
fn located(engine: Engine, place: &str, name: &str) -> Result<(SocketAddr, String)> {
    let host = |text: &str| -> Result<SocketAddr> {
        text.trim_end_matches('/').parse().with_context(|| format!("{text} is no address"))
    };
    let stripped = |prefix: &str| place.strip_prefix(prefix).unwrap_or(place);
    Ok(match engine {
        Engine::Postgres | Engine::PostgresVersions => {
            let (login, rest) = place.split_once('@').context("the URL has a user")?;
            let (address, database) = rest.split_once('/').context("the URL has a database")?;
            (host(address)?, format!("{login}@{LINK}/{database}?schema={name}"))
        }
        Engine::Couchdb => (host(stripped("http://"))?, format!("couchdb://{LINK}/{name}_")),
        Engine::Dynamodb => (
            host(stripped("http://"))?,
            format!("dynamodb://us-east-1/{name}_?endpoint=http://{LINK}"),
        ),
        Engine::Firestore => {
            let first = place.split(',').next().unwrap_or(place);
            let (_, address) = first.split_once('=').context("the host has a name")?;
            (host(address)?, format!("firestore://{name}?emulator={LINK}"))
        }
    })
}

/// Makes the collections, so that no load waits for a table.
fn prepare(node: &Node) -> Result<()> {
    for collection in 0..COLLECTIONS {
        let path = format!("/records/c{collection}");
        let headers = [("content-type", "application/json")];
        let answer = http::request(node.server.address(), "POST", &path, &headers, b"{}")?;
        ensure!(answer.status == 201, "{path}: {} {}", answer.status, answer.text());
    }
    Ok(())
}

/// All nodes under load at once.
fn load_all(
    addresses: &[SocketAddr],
    writers: usize,
    duration: Duration,
) -> Result<Vec<LoadReport>> {
    let one = |address: SocketAddr| {
        let mut workload = Workload::default();
        for collection in 0..COLLECTIONS {
            let body = format!(r#"{{"name":"a","text":"{}"}}"#, "x".repeat(TEXT_BYTES));
            let path = format!("/records/c{collection}");
            let headers = [("content-type", "application/json")];
            let (host, body) = (address.to_string(), body.as_bytes());
            workload.push("create", request_bytes(&host, "POST", &path, &headers, body));
        }
        let options = LoadOptions { address, connections: writers, duration, requests_max: None };
        load::run(&options, &workload)
    };
    thread::scope(|scope| {
        let loads: Vec<_> = addresses.iter().map(|at| scope.spawn(move || one(*at))).collect();
        loads.into_iter().map(|load| load.join().map_err(|_| anyhow!("a load panicked"))?).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_reached_over_the_link() {
        let of = |engine, place| located(engine, place, "n").unwrap().1;
        assert_eq!(
            of(Engine::Postgres, "postgres://postgres@127.0.0.1:1/postgres"),
            "postgres://postgres@LINK/postgres?schema=n"
        );
        assert_eq!(of(Engine::Couchdb, "http://127.0.0.1:1"), "couchdb://LINK/n_");
        assert_eq!(
            of(Engine::Dynamodb, "http://127.0.0.1:1"),
            "dynamodb://us-east-1/n_?endpoint=http://LINK"
        );
        let (address, url) =
            located(Engine::Firestore, "mock=127.0.0.1:1,g=127.0.0.1:2", "n").unwrap();
        assert_eq!((address.port(), url.as_str()), (1, "firestore://n?emulator=LINK"));
    }
}
