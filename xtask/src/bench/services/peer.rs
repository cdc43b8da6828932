//! PocketBase's log of its own requests beside ours, by the CPU time of a row.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use isobase_testkit::{
    ProcessUsage,
    http::request_bytes,
    load::{self, LoadOptions, Workload},
    wait_until,
};

use super::{
    Plan, Subject,
    ratios::{Ratios, Target},
    requests::{BATCH, Rows},
};
use crate::bench::app::pocketbase::PocketBase;

/// Batches whose CPU time is measured.
const TIMED: u64 = 20;
/// It writes its log at the latest three seconds after a request.
const WRITTEN_WITHIN: Duration = Duration::from_secs(30);
/// Days that it keeps its log by itself.
const DAYS: u32 = 5;

/// PocketBase takes no rows from others, so what its log costs is the CPU time of the same requests with
/// it and without.
pub(super) fn measure(
    subject: &Subject,
    plan: Plan,
    first: u64,
    ratios: &mut Ratios,
) -> Result<()> {
    let before = subject.cpu()?;
    for turn in 0..TIMED {
        Rows { first: first + turn * BATCH, of: first }.ingest(subject)?;
    }
    let ours = (subject.cpu()? - before).as_secs_f64() / (TIMED * BATCH) as f64;
    let folder = tempfile::Builder::new().prefix("isobase-bench-").tempdir()?;
    let peer = PocketBase::start(folder.path())?;
    peer.keep_log(DAYS)?;
    let with = cpu_of_request(&peer, plan, true)?;
    peer.keep_log(0)?;
    let without = cpu_of_request(&peer, plan, false)?;
    let theirs = with - without;
    ensure!(theirs > 0.0 || plan.is_short(), "its log costs nothing that can be measured");
    ratios.rate(
        "rows for a second of CPU time / those of PocketBase's log",
        (1.0 / ours.max(f64::MIN_POSITIVE), 1.0 / theirs.max(1e-9)),
        Target::AtLeast(3.0),
    );
    Ok(())
}

/// Seconds of CPU time of one request, and of its row in the log where there is one.
fn cpu_of_request(peer: &PocketBase, plan: Plan, is_logged: bool) -> Result<f64> {
    let server = peer.subject();
    let path = format!("/api/collections/items/records/{}", peer.open_row);
    let bearer = format!("Bearer {}", peer.token);
    let headers = [("authorization", &*bearer)];
    let bytes = request_bytes(&server.address.to_string(), "GET", &path, &headers, b"");
    let options = LoadOptions {
        address: server.address,
        connections: plan.connections,
        duration: plan.duration,
        requests_max: None,
    };
    let logged_before = peer.logged()?;
    let before = ProcessUsage::of(server.pid)?;
    let report = load::run(&options, &Workload::of("read", bytes))?;
    ensure!(report.errors() == 0 && report.failures == 0, "{report}");
    let answered = report.answered();
    if is_logged {
        wait_until("PocketBase's log", WRITTEN_WITHIN, || {
            Ok((peer.logged()? >= logged_before + answered).then_some(()))
        })
        .context("it does not log every request")?;
    }
    let after = ProcessUsage::of(server.pid)?;
    Ok(after.cpu_since(&before).as_secs_f64() / answered.max(1) as f64)
}
