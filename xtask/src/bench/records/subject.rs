//! The service that is measured, and what is done to it besides.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use isobase_testkit::http::{Connection, Response};
use isobase_testkit::{TestServer, TestServerBuilder, wait_until};

use super::bench::Bench;
use super::plan::Budget;
use crate::interrupt;

/// Bytes of one bulk request.
const PART_BYTES: usize = 4 << 20;
const PART_DEADLINE: Duration = Duration::from_secs(60);
const INDEX_DEADLINE: Duration = Duration::from_secs(240);
const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");

/// A process that answers, and how it is called in tables.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench) struct Server {
    pub(in crate::bench) name: &'static str,
    pub(in crate::bench) address: SocketAddr,
    pub(in crate::bench) pid: u32,
}

/// A running service.
#[derive(Debug)]
pub(super) struct Subject {
    pub(super) engine: &'static str,
    pub(super) server: TestServer,
}

/// A collection that was loaded, the only one meanwhile: its ids have no gaps.
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) collection: &'static str,
    pub(super) first_id: u64,
    pub(super) count: u64,
    pub(super) took: Duration,
}

impl Loaded {
    /// The path of its record number `n`, from 0.
    pub(super) fn path(&self, n: u64) -> String {
        format!("/records/{}/{}", self.collection, self.first_id + n)
    }

    pub(super) fn per_second(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64().max(f64::MIN_POSITIVE)
    }
}

impl Subject {
    /// Starts the service with its settings as they are, and says where.
    pub(super) fn start(
        bench: &Bench,
        engine: &'static str,
        builder: TestServerBuilder,
    ) -> Result<Self> {
        let server = builder.executable(&bench.executable).start()?;
        eprintln!(
            "target: {engine} at {}, process {}, started by this command, data in {}",
            server.url(),
            server.pid().unwrap_or_default(),
            server.data().display()
        );
        Ok(Self { engine, server })
    }

    pub(super) fn server(&self) -> Result<Server> {
        let pid = self.server.pid().context("the service does not run")?;
        Ok(Server { name: self.engine, address: self.server.address(), pid })
    }

    /// Asks once, and expects 200.
    pub(super) fn get(&self, path: &str) -> Result<Response> {
        let answer = self.server.request("GET", path, &[], b"")?;
        ensure!(answer.status == 200, "{path}: {} {}", answer.status, answer.text());
        Ok(answer)
    }

    /// Loads `count` records by newline-delimited JSON.
    ///
    /// # Errors
    /// Also when the time is up meanwhile.
    pub(super) fn bulk_load(
        &self,
        budget: Budget,
        collection: &'static str,
        count: u64,
        record: fn(u64) -> String,
    ) -> Result<Loaded> {
        eprintln!("loading {count} records into {collection}");
        let mut connection = self.server.connect()?;
        connection.set_deadline(PART_DEADLINE);
        let mut loaded = Loaded { collection, first_id: 0, count: 0, took: Duration::ZERO };
        while loaded.count < count {
            interrupt::check()?;
            ensure!(!budget.left().is_zero(), "the time is up");
            let (lines, body) = part(loaded.count..count, record);
            // Only the service's time counts, not that of making the records.
            let start = Instant::now();
            let first = post_lines(&mut connection, collection, &body, lines)?;
            loaded.took += start.elapsed();
            if loaded.count == 0 {
                loaded.first_id = first;
            }
            loaded.count += lines;
        }
        Ok(loaded)
    }

    /// Declares an index and waits until it is built; says how long that took.
    pub(super) fn build_index(
        &self,
        budget: Budget,
        collection: &str,
        fields: &str,
    ) -> Result<Duration> {
        eprintln!("building index {fields} of {collection}");
        let start = Instant::now();
        let path = format!("/indexes/{collection}");
        let mut connection = self.server.connect()?;
        connection.set_deadline(PART_DEADLINE);
        let answer = connection.request("PUT", &format!("{path}?fields={fields}"), &[], b"")?;
        ensure!(answer.status < 300, "{path}: {} {}", answer.status, answer.text());
        wait_until("the index", INDEX_DEADLINE.min(budget.left()), || {
            interrupt::check()?;
            let indexes = self.get(&path)?.json()?;
            let indexes = indexes["indexes"].as_array().context("a list of indexes")?;
            Ok(indexes.iter().all(|index| index["state"] == "ready").then_some(()))
        })?;
        Ok(start.elapsed())
    }

    /// How many writes and commits there were so far.
    pub(super) fn writes(&self) -> Result<Writes> {
        let text = self.get("/metrics")?.text();
        let jobs = gauge(&text, "isobase_store_writer_jobs")?;
        let commits = gauge(&text, "isobase_store_writer_batches")?;
        Ok(Writes { jobs, commits })
    }
}

/// Counters of the writer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Writes {
    jobs: f64,
    commits: f64,
}

impl Writes {
    /// How many writes shared a commit, on average.
    pub(super) fn in_a_commit_since(self, earlier: Self) -> f64 {
        (self.jobs - earlier.jobs) / (self.commits - earlier.commits).max(1.0)
    }
}

/// A value of the text format of Prometheus; a counter's name may end in `_total`.
fn gauge(text: &str, name: &str) -> Result<f64> {
    let rest = text.lines().filter_map(|line| line.strip_prefix(name));
    let rest = rest.map(|rest| rest.strip_prefix("_total").unwrap_or(rest));
    let mut values = rest.filter_map(|rest| rest.strip_prefix(' '));
    let value = values.next().with_context(|| format!("there is no metric {name}"))?;
    value.parse().with_context(|| format!("{name} is {value:?}"))
}

/// Lines for one request, and how many.
fn part(numbers: std::ops::Range<u64>, record: fn(u64) -> String) -> (u64, Vec<u8>) {
    let mut body = Vec::with_capacity(PART_BYTES + (PART_BYTES >> 6));
    let mut lines = 0;
    for n in numbers {
        body.extend_from_slice(record(n).as_bytes());
        body.push(b'\n');
        lines += 1;
        if body.len() >= PART_BYTES {
            break;
        }
    }
    (lines, body)
}

/// Gives the id of the first record.
fn post_lines(
    connection: &mut Connection,
    collection: &str,
    body: &[u8],
    lines: u64,
) -> Result<u64> {
    let answer = connection.request("POST", &format!("/records/{collection}"), &[NDJSON], body)?;
    let report = answer.json()?;
    if answer.status != 200 || report["created"] != lines {
        bail!("{lines} records were not loaded: {} {}", answer.status, answer.text());
    }
    report["ids"]["first"].as_u64().context("a load answers with its first id")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::records::fixtures::record;

    #[test]
    fn finds_values_among_metrics() {
        let text = "# TYPE a_b gauge\na_b_more 1\na_b 2.5\nc_total 3\n";
        assert_eq!(gauge(text, "a_b").unwrap(), 2.5);
        assert_eq!(gauge(text, "c").unwrap(), 3.0);
        assert!(gauge(text, "a").is_err());
    }

    #[test]
    fn parts_cover_all_records() {
        let (lines, body) = part(0..30_000, record);
        assert!(lines < 30_000 && body.len() >= PART_BYTES && body.ends_with(b"}\n"));
        let (rest, body) = part(lines..30_000, record);
        assert_eq!(lines + rest, 30_000);
        assert!(body.starts_with(record(lines).as_bytes()));
    }
}
