//! The prefix of every fault test.

use std::{
    env,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

use isobase_testkit::{TestServer, http, require_all, wait_until};

/// A service whose database has just been killed is ready again within this time.
pub(super) const READY_MAX: Duration = Duration::from_secs(2);
/// A service that can be ready is, on a machine that also does other things.
pub(super) const PATIENCE: Duration = Duration::from_secs(30);

/// Held by a fault test while it runs: two at once would fail by time, not by fault. The test
/// runner sees to it as well, where it can.
static ALONE: Mutex<()> = Mutex::new(());

/// Says what is about to be hit, and waits until no other fault test of this process runs.
pub(super) fn begin(target: &str) -> MutexGuard<'static, ()> {
    let alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    eprintln!("target: {target}, started by this test, on loopback");
    alone
}

/// Numbers in no order that come again with the same seed (SplitMix64).
pub(super) struct Random(u64);

impl Random {
    /// Takes the seed from `ISOBASE_SEED`, else from the clock, and prints it.
    pub(super) fn new() -> Self {
        let given = env::var("ISOBASE_SEED").ok().and_then(|text| text.parse().ok());
        let seed = given.unwrap_or_else(|| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
            u64::from(now.subsec_nanos()) ^ u64::from(std::process::id())
        });
        eprintln!("run it again with ISOBASE_SEED={seed}");
        Self(seed)
    }

    /// A number below the bound.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Leaves the test out, or fails it where every test must run.
pub(super) fn leave_out(reason: &str) {
    assert!(!require_all(), "this test cannot be left out here: {reason}");
    eprintln!("LEFT OUT: {reason}");
}

/// The status of a `GET`.
pub(super) fn status(server: &TestServer, path: &str) -> u16 {
    server.request("GET", path, &[], b"").unwrap().status
}

/// Waits until `/readyz` answers with a status.
pub(super) fn wait_until_readyz(server: &TestServer, status: u16, deadline: Duration) {
    let address = server.address();
    wait_until(&format!("readyz {status}"), deadline, || {
        let answer = http::request(address, "GET", "/readyz", &[], b"");
        Ok(answer.is_ok_and(|answer| answer.status == status).then_some(()))
    })
    .unwrap_or_else(|error| panic!("{error:#}; the server printed:\n{}", server.log()));
}

/// Starts a server that has ended again, and gives the time until it was ready.
pub(super) fn start_until_ready(server: &mut TestServer) -> Duration {
    let begin = Instant::now();
    server.spawn().unwrap();
    wait_until_readyz(server, 200, PATIENCE);
    begin.elapsed()
}
