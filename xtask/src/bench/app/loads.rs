//! One request, again and again, of two servers by turns of the caller.

use std::time::Duration;

use anyhow::{Result, ensure};
use isobase_testkit::ProcessUsage;
use isobase_testkit::load::{self, LoadOptions, Workload};

use super::Arguments;
use crate::bench::records::{Server, markdown};

/// What a load was answered.
pub(super) struct Seen {
    pub(super) what: &'static str,
    /// Answers a second.
    pub(super) rate: f64,
    /// Seconds of the server's CPU for one.
    pub(super) cpu: f64,
}

/// Sends a request for as long as the arguments say, after a fifth of that to warm up.
pub(super) fn run(
    arguments: &Arguments,
    what: &'static str,
    subject: &Server,
    connections: usize,
    bytes: Vec<u8>,
) -> Result<Seen> {
    let duration = Duration::try_from_secs_f64(arguments.seconds)?;
    let address = subject.address;
    let options = LoadOptions { address, connections, duration, requests_max: None };
    let workload = Workload::of("load", bytes);
    load::run(&LoadOptions { duration: duration / 5, ..options.clone() }, &workload)?;
    let before = ProcessUsage::of(subject.pid)?;
    let report = load::run(&options, &workload)?;
    let after = ProcessUsage::of(subject.pid)?;
    ensure!(report.errors() == 0 && report.failures == 0, "{what}: {report}");
    let answered = report.answered().max(1) as f64;
    Ok(Seen { what, rate: report.rate(), cpu: after.cpu_since(&before).as_secs_f64() / answered })
}

pub(super) fn show(seen: &[Seen]) {
    let row = |seen: &Seen| {
        let cpu = format!("{:.1} µs", seen.cpu * 1e6);
        vec![seen.what.to_owned(), format!("{:.0}", seen.rate), cpu]
    };
    let rows: Vec<Vec<String>> = seen.iter().map(row).collect();
    println!("{}", markdown(&["", "answers/s", "CPU of one"], &rows));
}
