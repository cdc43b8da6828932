//! What the writer counts, and whether it still runs.

use std::sync::Arc;
use std::time::Duration;

/// Whether writes are taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WriterState {
    /// Writes are taken, or will be once the writer is started.
    Running,
    /// Writes are refused for the life of the process.
    Failed {
        /// What ended writing.
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
