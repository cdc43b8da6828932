//! Options.

use std::time::Duration;

use isobase_postgres::{Config, InvalidUrl};

/// How to open the engine. Start from [`PostgresOptions::new`] and change what differs.
#[derive(Clone, Debug)]
pub struct PostgresOptions {
    /// Where the database is, its schema, its pool.
    pub config: Config,
    /// Nothing is written: neither tables nor documents. For credentials that may only read.
    /// Default off.
    pub read_only: bool,
    /// How long changes stay in the change feed. Default 7 days.
    pub changes_retention: Duration,
    /// Most changes kept, whatever their age. Default 5,000,000.
    pub changes_max: u64,
    /// How long an idempotency key is remembered. Default 24 hours.
    pub idempotency_retention: Duration,
    /// How long a write waits to be taken up. Default 5 s.
    pub queue_timeout: Duration,
    /// How long a write takes in all before its outcome is given up as unknown. Default 9 s.
    pub write_timeout: Duration,
    /// How long a read may take in all. Default 8 s.
    pub read_timeout: Duration,
    /// How long the deletion of a whole collection may take, or one step of building an index.
    /// Default 60 s.
    pub long_write_timeout: Duration,
}

impl PostgresOptions {
    /// The defaults for a URL: `postgres://user:password@host:port/database?schema=isobase`.
    ///
    /// # Errors
    /// [`InvalidUrl`], which never quotes the URL.
    pub fn new(url: &str) -> Result<Self, InvalidUrl> {
        Ok(Self {
            config: Config::parse(url)?,
            read_only: false,
            changes_retention: Duration::from_secs(7 * 24 * 60 * 60),
            changes_max: 5_000_000,
            idempotency_retention: Duration::from_secs(24 * 60 * 60),
            queue_timeout: Duration::from_secs(5),
            write_timeout: Duration::from_secs(9),
            read_timeout: Duration::from_secs(8),
            long_write_timeout: Duration::from_secs(60),
        })
    }
}
