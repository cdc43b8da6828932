//! The connection layer of one SQLite file: one writer with group commit, many readers.
//!
//! It knows SQLite and nothing of documents. A [`Database`] owns the file: it holds the lock,
//! checks the file, sets every connection up and serves reads. A [`Writer`] is the only way to
//! change it: jobs of any number of tasks are committed together, and answered after the commit.
//!
//! Invariants:
//! - A reply follows the commit of its job, never precedes it.
//! - One connection writes. All others are opened read-only.
//! - After an I/O error or damage seen by the writer, nothing is written again in this process,
//!   not even a checkpoint: what is on the disk is left to the next start.
//! - A file that was deleted or replaced under the process is not written on.
//! - A file that is refused is not changed.

mod checkpoint;
mod commit;
mod connection;
mod database;
mod error;
mod file;
mod handler;
mod lock;
mod metrics;
mod moved;
mod options;
mod pool;
mod scans;
mod snapshot;
mod watched;
mod work;
mod writer;
mod writer_thread;

pub use database::{Database, schema_version};
pub use error::{Error, OpenError, Outcome, SqliteFailure, classify};
pub use handler::{JobFailure, WriteHandler, WriteJob};
pub use lock::{LockHolder, lock_holder};
pub use metrics::{Metrics, WriterState};
pub use options::{Options, Synchronous};
pub use rusqlite;
pub use snapshot::Snapshot;
pub use work::Answer;
pub use writer::{Receipt, Writer};
