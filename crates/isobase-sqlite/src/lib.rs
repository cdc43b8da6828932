//! The connection layer of one SQLite file: one writer with group commit, many readers.
//!
//! It knows SQLite and nothing of documents. A [`Database`] owns the file: it holds the lock,
//! checks the file, sets every connection up and serves reads. A [`Writer`] is the only way to
//! change it: jobs of any number of tasks are committed together, and answered after the commit.

mod database;
mod error;
mod handler;
mod lock;
mod metrics;
mod options;
mod writer;

pub use database::{Database, schema_version};
pub use error::{Error, OpenError, Outcome, SqliteFailure, classify};
pub use handler::{JobFailure, WriteHandler};
pub use lock::{LockHolder, lock_holder};
pub use metrics::{Metrics, WriterState};
pub use options::{Options, Synchronous};
pub use rusqlite;
pub use writer::{Receipt, Writer};
