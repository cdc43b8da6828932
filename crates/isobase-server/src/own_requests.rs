//! The service's own requests in the request log, when the settings say so.
//!
//! The log is bounded by rate, and the entries that wait by number. Never on the way of a request: one
//! task writes what waits. Requests of the log itself are not logged, or each would make another.

use std::{
    collections::VecDeque,
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    },
    time::{Duration, SystemTime},
};

use isobase_http::{Ending, Measure, Observer, Seen};
use isobase_requests::{NewRequest, Requests};
use isobase_types::Timestamp;
use isobase_writer::Pauses;
use parking_lot::{Mutex, MutexGuard};
use tokio::{sync::Notify, time::timeout};

/// Whose requests they are in the log.
pub(crate) const SERVICE: &str = "isobase";
/// Groups of routes that are not logged: the log itself, and what supervisors and pages ask all the
/// time.
const UNLOGGED: [&str; 2] = ["requests", "service"];
/// Most requests that wait to be written.
const WAITING_MAX: usize = 4_096;
/// Requests that are written at once.
const BATCH: usize = 500;
/// How long one waits for others.
const FLUSH_AFTER: Duration = Duration::from_secs(1);
/// Pauses after a failed write: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(500);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// How long the last ones may take when the service stops.
const END_MAX: Duration = Duration::from_secs(2);

/// Which of its own requests the service logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnRequests {
    /// None.
    Off,
    /// Those that failed: 400 and above.
    Failed,
    /// All.
    All,
}

/// How the service logs its own requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnRequestOptions {
    /// Which. Default [`OwnRequests::Off`].
    pub which: OwnRequests,
    /// Most successes of a second, and as many failures; more are counted only. Default 100.
    pub per_second_max: u32,
}

impl Default for OwnRequestOptions {
    fn default() -> Self {
        Self { which: OwnRequests::Off, per_second_max: 100 }
    }
}

/// Logs the service's own requests.
pub(crate) struct OwnLog(Arc<Inner>);

struct Inner {
    requests: Arc<Requests>,
    options: OwnRequestOptions,
    /// Written by requests, emptied by the one task that writes them.
    state: Mutex<State>,
    /// Told when something comes in, and at the end.
    arrived: Notify,
    /// Told when the last one is written after the end.
    ended: Notify,
    ending: AtomicBool,
    /// The task runs.
    started: AtomicBool,
    /// The prefix of ids of this process: they are unique, so that a repeat is harmless.
    process: u64,
    next: AtomicU64,
    logged: AtomicU64,
    /// Beyond the rate.
    left_out: AtomicU64,
    /// There was no room, or the database refused them.
    dropped: AtomicU64,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<NewRequest>,
    /// The second that is counted, and how many successes and failures there were in it.
    second: u64,
    taken: [u32; 2],
}

impl OwnLog {
    pub(crate) fn new(requests: Arc<Requests>, options: OwnRequestOptions) -> Self {
        Self(Arc::new(Inner {
            requests,
            options,
            state: Mutex::default(),
            arrived: Notify::new(),
            ended: Notify::new(),
            ending: AtomicBool::new(false),
            started: AtomicBool::new(false),
            process: RandomState::new().hash_one(SystemTime::now()),
            next: AtomicU64::new(0),
            logged: AtomicU64::new(0),
            left_out: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
        }))
    }
}

impl Observer for OwnLog {
    fn see(&self, seen: Seen<'_>) {
        let inner = &self.0;
        let failed = seen.status.as_u16() >= 400;
        let unlogged = seen.operation.is_some_and(|it| UNLOGGED.contains(&&*it.tag));
        if unlogged || (inner.options.which == OwnRequests::Failed && !failed) {
            return;
        }
        let now = SystemTime::now();
        let mut state = inner.state();
        if !state.takes(now, failed, inner.options.per_second_max) {
            inner.left_out.fetch_add(1, Relaxed);
            return;
        }
        if state.waiting.len() >= WAITING_MAX {
            state.waiting.pop_front();
            inner.dropped.fetch_add(1, Relaxed);
        }
        state.waiting.push_back(inner.report(&seen, now));
        let is_full = state.waiting.len() >= BATCH;
        drop(state);
        if !inner.started.swap(true, Relaxed) {
            tokio::spawn(write(inner.clone()));
        }
        if is_full {
            inner.arrived.notify_one();
        }
    }

    fn measures(&self) -> Vec<Measure> {
        let inner = &self.0;
        let measure =
            |name, help, count: &AtomicU64| Measure::new(name, help, count.load(Relaxed) as f64);
        vec![
            measure(
                "isobase_own_requests_logged_total",
                "Requests of the service itself that went into the request log.",
                &inner.logged,
            ),
            measure(
                "isobase_own_requests_left_out_total",
                "Requests that the settings leave out of the request log.",
                &inner.left_out,
            ),
            measure(
                "isobase_own_requests_dropped_total",
                "Requests that the request log lost because it could not keep up.",
                &inner.dropped,
            ),
        ]
    }

    fn end(&self) -> Ending<'_> {
        Box::pin(async {
            let inner = &self.0;
            let ended = inner.ended.notified();
            inner.ending.store(true, Relaxed);
            if inner.started.load(Relaxed) {
                inner.arrived.notify_one();
                let _ = timeout(END_MAX, ended).await;
            }
            let left = std::mem::take(&mut inner.state().waiting);
            inner.dropped.fetch_add(left.len() as u64, Relaxed);
        })
    }
}

impl Inner {
    fn report(&self, seen: &Seen<'_>, now: SystemTime) -> NewRequest {
        let number = self.next.fetch_add(1, Relaxed);
        NewRequest {
            service: SERVICE.to_owned(),
            endpoint: seen.path.to_owned(),
            method: seen.method.as_str().chars().take(20).collect(),
            request_id: Some(format!("{:016x}-{number}", self.process)),
            at: Some(Timestamp::from_system_time(now)),
            user_identifier: seen.caller.clone(),
            status_code: Some(seen.status.as_u16()),
            duration_ms: Some(seen.took.as_micros() as f64 / 1_000.0),
            correlation_id: seen.request_id.map(str::to_owned),
            ..NewRequest::default()
        }
    }

    /// A panic elsewhere cannot leave it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    fn is_ending(&self) -> bool {
        self.ending.load(Relaxed)
    }
}

impl State {
    /// Whether one more of this kind is within the rate.
    fn takes(&mut self, now: SystemTime, failed: bool, per_second_max: u32) -> bool {
        let second = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        if second != self.second {
            (self.second, self.taken) = (second, [0; 2]);
        }
        let taken = &mut self.taken[usize::from(failed)];
        *taken = taken.saturating_add(1);
        *taken <= per_second_max
    }

    fn batch(&mut self) -> Vec<NewRequest> {
        let count = self.waiting.len().min(BATCH);
        self.waiting.drain(..count).collect()
    }

    /// Puts back what could not be written; says how many had to go.
    fn put_back(&mut self, batch: Vec<NewRequest>) -> u64 {
        let room = WAITING_MAX.saturating_sub(self.waiting.len());
        let gone = batch.len().saturating_sub(room);
        for report in batch.into_iter().skip(gone).rev() {
            self.waiting.push_front(report);
        }
        gone as u64
    }
}

/// Writes what waits, until the service has ended and nothing does.
async fn write(inner: Arc<Inner>) {
    let (mut pauses, mut is_failing) = (Pauses::new(PAUSE_FIRST, PAUSE_MAX), false);
    loop {
        if !inner.is_ending() {
            let _ = timeout(FLUSH_AFTER, inner.arrived.notified()).await;
        }
        let batch = inner.state().batch();
        if batch.is_empty() {
            if inner.is_ending() {
                inner.ended.notify_one();
                return;
            }
            continue;
        }
        match inner.requests.ingest(&batch).await {
            Ok(_) => {
                inner.logged.fetch_add(batch.len() as u64, Relaxed);
                pauses.restart();
                is_failing = false;
            }
            Err(error) => {
                if !is_failing {
                    is_failing = true;
                    tracing::warn!(%error, "own requests wait: the log cannot be written: {error}");
                }
                let gone = inner.state().put_back(batch);
                inner.dropped.fetch_add(gone, Relaxed);
                if inner.is_ending() {
                    inner.ended.notify_one();
                    return;
                }
                pauses.wait().await;
            }
        }
    }
}
