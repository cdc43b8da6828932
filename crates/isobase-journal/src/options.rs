//! Options.

use std::time::Duration;

/// How the engine over a document database behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Age at which changes leave the change feed. Default 7 days.
    pub changes_retention: Duration,
    /// Most changes kept. Default 5,000,000.
    pub changes_max: u64,
    /// Age at which idempotency keys are forgotten. Default 24 hours.
    pub idempotency_retention: Duration,
    /// Longest time one call waits for the database, all its repetitions together. Default 10 s.
    pub deadline: Duration,
}

impl Default for JournalOptions {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            changes_retention: Duration::from_secs(7 * DAY),
            changes_max: 5_000_000,
            idempotency_retention: Duration::from_secs(DAY),
            deadline: Duration::from_secs(10),
        }
    }
}
