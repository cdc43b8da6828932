//! Options of opening a store.

use std::time::Duration;

use isobase_store::StoreOptions;

/// How to open a store. Every field has a default that suits a small machine.
#[derive(Clone, Debug)]
pub struct OpenOptions {
    /// Bounds on requests.
    pub store: StoreOptions,
    /// The retention of data beside the documents.
    pub retention: Retention,
    /// For the SQLite engine.
    pub sqlite: SqliteOptions,
    /// For the PostgreSQL engine.
    pub postgres: PostgresOptions,
    /// For the CouchDB, DynamoDB and Firestore engines.
    pub remote: JournalOptions,
}

/// How long the engines keep what is not a document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Age at which changes leave the change feed. Default 7 days.
    pub changes: Duration,
    /// Most changes kept; older ones leave the feed early. Default 5,000,000; the memory engine
    /// keeps at most 1,000,000.
    pub changes_max: u64,
    /// Age at which idempotency keys are forgotten. Default 24 hours.
    pub idempotency: Duration,
}

/// For the SQLite engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SqliteOptions {
    /// Sync before a write is answered, so that it survives a power cut. Default true.
    pub sync_every_commit: bool,
    /// Bytes of page cache of each connection. Default 16 MiB.
    pub cache_bytes: u64,
}

/// For the PostgreSQL engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PostgresOptions {
    /// Most read connections. Default none: `pool_size` of the URL, else 8.
    pub pool_size: Option<usize>,
    /// The database is reached through PgBouncer in transaction mode, as `pgbouncer=transaction`
    /// in the URL says too. Default false.
    pub pgbouncer: bool,
}

/// For the CouchDB, DynamoDB and Firestore engines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct JournalOptions {
    /// Longest time one call waits for the database, all its repetitions together. Default 10 s.
    pub deadline: Duration,
}

impl Default for OpenOptions {
    fn default() -> Self {
        const DAY: u64 = 24 * 60 * 60;
        Self {
            store: StoreOptions::default(),
            retention: Retention {
                changes: Duration::from_secs(7 * DAY),
                changes_max: 5_000_000,
                idempotency: Duration::from_secs(DAY),
            },
            sqlite: SqliteOptions { sync_every_commit: true, cache_bytes: 16 << 20 },
            postgres: PostgresOptions { pool_size: None, pgbouncer: false },
            remote: JournalOptions { deadline: Duration::from_secs(10) },
        }
    }
}
