//! The meaning of SQLite's failures to callers.

use std::path::Path;

use isobase_engine::{EngineError, ErrorKind};
use isobase_sqlite::{Error, JobFailure, OpenError, SqliteFailure};

/// The outcome of a job of the writer.
pub(crate) type Outcome<T> = Result<T, JobFailure<EngineError>>;

/// The failure of a read or write.
pub(crate) fn engine_error(error: Error) -> EngineError {
    let kind = match &error {
        Error::Busy | Error::Closed => ErrorKind::Unavailable,
        Error::TimedOut => ErrorKind::TimedOut,
        Error::DiskFull => ErrorKind::OutOfSpace,
        Error::WriterFailed { outcome: isobase_sqlite::Outcome::Unknown, .. } => {
            ErrorKind::OutcomeUnknown
        }
        Error::WriterFailed { outcome: isobase_sqlite::Outcome::NotStored, .. } => {
            ErrorKind::Unavailable
        }
        Error::WriterStarted | Error::Reopen(_) | Error::Panicked => ErrorKind::Unexpected,
        Error::Sqlite(_) => match error.sqlite_failure() {
            Some(SqliteFailure::Corrupted) => ErrorKind::Corrupted,
            Some(SqliteFailure::Busy) => ErrorKind::Unavailable,
            _ => ErrorKind::Unexpected,
        },
    };
    EngineError::with_source(kind, error.to_string(), error)
}

/// The failure to read what a file holds when it is opened.
pub(crate) fn load_error(path: &Path, error: Error) -> EngineError {
    match error.sqlite_failure() {
        Some(SqliteFailure::Corrupted) => {
            open_error(OpenError::Damaged { path: path.to_owned(), reason: error.to_string() })
        }
        _ => engine_error(error),
    }
}

/// The failure to open a file.
pub(crate) fn open_error(error: OpenError) -> EngineError {
    let kind = match &error {
        OpenError::Locked { .. } => ErrorKind::Unavailable,
        OpenError::NotADatabase { .. }
        | OpenError::Foreign { .. }
        | OpenError::ForeignTables { .. }
        | OpenError::NewerSchema { .. }
        | OpenError::StrayLog { .. } => ErrorKind::InvalidArgument,
        OpenError::Damaged { .. } => ErrorKind::Corrupted,
        _ => ErrorKind::Unexpected,
    };
    EngineError::with_source(kind, error.to_string(), error)
}
