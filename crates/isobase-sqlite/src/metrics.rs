//! Counters of the writer, and whether it still runs.

use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::error::{Error, Outcome};

/// Whether writes are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterState {
    /// Writes are taken, or will be once the writer is started.
    Running,
    /// Writes are refused for the life of the process.
    Failed {
        /// The reason why writing ended.
        reason: Arc<str>,
    },
}

/// A snapshot of the counters since the file was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Metrics {
    /// Jobs that wait for the writer now.
    pub queue_jobs: u64,
    /// Transactions committed.
    pub batches: u64,
    /// Jobs answered after a commit, refused ones included.
    pub jobs: u64,
    /// Jobs in the last committed transaction.
    pub last_batch_jobs: u64,
    /// Transactions rolled back.
    pub rollbacks: u64,
    /// Time of the last COMMIT, the sync included.
    pub last_commit: Duration,
    /// Time of all COMMITs together.
    pub commits: Duration,
    /// Checkpoints tried.
    pub checkpoints: u64,
    /// Pages in the write-ahead log after the last commit.
    pub log_pages: u64,
    /// Long reads that wait for a thread now.
    pub scans_waiting: u64,
}

impl Metrics {
    /// Jobs per committed transaction; 0 before the first.
    #[must_use]
    pub fn average_batch_jobs(&self) -> f64 {
        if self.batches == 0 { 0.0 } else { self.jobs as f64 / self.batches as f64 }
    }
}

/// Facts that the writer thread tells everybody else. Only that thread writes, but for `queue_jobs`.
#[derive(Debug, Default)]
pub(crate) struct WriterStatus {
    /// Set once, when writing ends for good.
    failure: OnceLock<Arc<str>>,
    /// Jobs pushed and not yet taken into a batch; written by submitters and the writer.
    pub(crate) queue_jobs: AtomicU64,
    batches: AtomicU64,
    jobs: AtomicU64,
    last_batch_jobs: AtomicU64,
    pub(crate) rollbacks: AtomicU64,
    last_commit_ns: AtomicU64,
    commits_ns: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
    /// Written by the log hook inside COMMIT and after checkpoints.
    pub(crate) log_pages: AtomicU64,
}

impl WriterStatus {
    pub(crate) fn fail(&self, reason: &Arc<str>) {
        // A second failure adds nothing: writing had ended with the first.
        let _ = self.failure.set(Arc::clone(reason));
    }

    pub(crate) fn state(&self) -> WriterState {
        match self.failure.get() {
            None => WriterState::Running,
            Some(reason) => WriterState::Failed { reason: Arc::clone(reason) },
        }
    }

    /// The error for writes that were never tried, once writing has ended.
    pub(crate) fn failure(&self) -> Option<Error> {
        let reason = Arc::clone(self.failure.get()?);
        Some(Error::WriterFailed { reason, outcome: Outcome::NotStored })
    }

    pub(crate) fn count_batch(&self, jobs: usize, commit: Duration) {
        let ns = u64::try_from(commit.as_nanos()).unwrap_or(u64::MAX);
        // A caller that sees anything of this commit sees that it is counted.
        self.batches.fetch_add(1, Release);
        self.jobs.fetch_add(jobs as u64, Relaxed);
        self.last_batch_jobs.store(jobs as u64, Relaxed);
        self.last_commit_ns.store(ns, Relaxed);
        self.commits_ns.fetch_add(ns, Relaxed);
    }

    /// Transactions committed.
    pub(crate) fn commits(&self) -> u64 {
        self.batches.load(Acquire)
    }

    pub(crate) fn snapshot(&self, scans_waiting: u64) -> Metrics {
        Metrics {
            queue_jobs: self.queue_jobs.load(Relaxed),
            batches: self.batches.load(Relaxed),
            jobs: self.jobs.load(Relaxed),
            last_batch_jobs: self.last_batch_jobs.load(Relaxed),
            rollbacks: self.rollbacks.load(Relaxed),
            last_commit: Duration::from_nanos(self.last_commit_ns.load(Relaxed)),
            commits: Duration::from_nanos(self.commits_ns.load(Relaxed)),
            checkpoints: self.checkpoints.load(Relaxed),
            log_pages: self.log_pages.load(Relaxed),
            scans_waiting,
        }
    }
}
