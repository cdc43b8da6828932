//! Options.

use std::{path::PathBuf, time::Duration};

use isobase_sqlite::Options;

/// How to open the engine. Start from [`SqliteOptions::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct SqliteOptions {
    /// The file and its connections.
    pub file: Options,
    /// How long changes stay in the change feed. Default 7 days.
    pub changes_retention: Duration,
    /// Most changes kept, whatever their age. Default 5,000,000 (about 150 MB).
    pub changes_max: u64,
    /// How long an idempotency key is remembered. Default 24 hours.
    pub idempotency_retention: Duration,
    /// How long a write waits for a place in the queue. Default 5 s.
    pub queue_timeout: Duration,
    /// How long a listing or count may take. Default 10 s.
    pub read_timeout: Duration,
}

impl SqliteOptions {
    /// The defaults for one file.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let mut file = Options::new(path);
        file.schema_version = crate::schema::VERSION;
        Self {
            file,
            changes_retention: Duration::from_secs(7 * 24 * 60 * 60),
            changes_max: 5_000_000,
            idempotency_retention: Duration::from_secs(24 * 60 * 60),
            queue_timeout: Duration::from_secs(5),
            read_timeout: Duration::from_secs(10),
        }
    }
}
