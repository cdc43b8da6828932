//! Errors of opening, reading and writing, and what SQLite's codes mean to us.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use rusqlite::{ErrorCode, ffi};

/// Why a file was not opened. Every variant names the file; nothing was changed in it.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process (or this one) has the file open.
    #[error("database {} is in use{}; stop that process or choose another file", path.display(), holder(*pid, address.as_deref()))]
    Locked {
        /// The database file.
        path: PathBuf,
        /// The process that holds the lock, when it could be read.
        pid: Option<u32>,
        /// Where that process serves, when it has said so.
        address: Option<String>,
    },
    /// The file is not a SQLite database.
    #[error("file {} is not a SQLite database; choose another path", path.display())]
    NotADatabase {
        /// The file.
        path: PathBuf,
    },
    /// The file is a SQLite database, and its pages are not what they should be.
    #[error("database {} is damaged ({reason}); restore it from a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// SQLite's message.
        reason: String,
    },
    /// The file belongs to another program.
    #[error(
        "database {} belongs to another program (application id {application_id:#010x}, expected {expected:#010x}); choose another path",
        path.display(),
        expected = crate::options::APPLICATION_ID
    )]
    Foreign {
        /// The file.
        path: PathBuf,
        /// The application id found.
        application_id: u32,
    },
    /// The file has no application id and tables that we did not make.
    #[error("database {} belongs to another program: it has tables that are not ours; choose another path", path.display())]
    ForeignTables {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a newer version of this program.
    #[error("database {} has schema version {found}, this program knows versions up to {supported}; use a newer program", path.display())]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// The version found.
        found: i32,
        /// The newest version known.
        supported: i32,
    },
    /// The main file is missing or empty, but its write-ahead log is there and holds data.
    #[error("database {} is missing or empty but {} is there; put the database file back, or move the log away", path.display(), log.display())]
    StrayLog {
        /// The database file.
        path: PathBuf,
        /// The write-ahead log.
        log: PathBuf,
    },
    /// The linked SQLite is too old to be safe.
    #[error("SQLite {found} is too old for {}: at least {required} is needed", path.display())]
    OldSqlite {
        /// The database file.
        path: PathBuf,
        /// The version number found.
        found: i32,
        /// The lowest version number allowed.
        required: i32,
    },
    /// A setting did not take effect on a connection.
    #[error("database {}: setting {pragma} is {found}, expected {expected}", path.display())]
    Setting {
        /// The database file.
        path: PathBuf,
        /// The name of the setting.
        pragma: &'static str,
        /// The value read back.
        found: String,
        /// The settings.
        expected: String,
    },
    /// The file system failed.
    #[error("cannot {action} {}: {source}", path.display())]
    Io {
        /// The attempt.
        action: &'static str,
        /// On which file or folder.
        path: PathBuf,
        /// The system's error.
        source: io::Error,
    },
    /// SQLite failed.
    #[error("cannot {action} database {}: {source}", path.display())]
    Sqlite {
        /// The attempt.
        action: &'static str,
        /// The database file.
        path: PathBuf,
        /// SQLite's error.
        source: rusqlite::Error,
    },
}

impl OpenError {
    /// Whether the file is none of ours, so that nothing of ours may be beside it.
    pub(crate) fn is_foreign(&self) -> bool {
        matches!(
            self,
            Self::NotADatabase { .. } | Self::Foreign { .. } | Self::ForeignTables { .. }
        )
    }
}

fn holder(pid: Option<u32>, address: Option<&str>) -> String {
    match (pid, address) {
        (Some(pid), Some(address)) => format!(" by process {pid}, serving {address}"),
        (Some(pid), None) => format!(" by process {pid}"),
        (None, _) => " by another process".to_owned(),
    }
}

/// Whether a write that was answered with an error may be in the file all the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It is certainly not stored.
    NotStored,
    /// The commit itself failed: the next start may find it stored or not.
    Unknown,
}

/// Why a read or a write got no answer of its own.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// The queue stayed full, or another process held the file, until the deadline. Not stored.
    #[error("the database is busy; try again")]
    Busy,
    /// The read did not end before its deadline.
    #[error("the read did not end in time")]
    TimedOut,
    /// There is no space left. Not stored; writing resumes by itself when there is space again.
    #[error("the disk is full")]
    DiskFull,
    /// Writing has ended for the life of this process; reads go on.
    #[error("writing has stopped: {reason}")]
    WriterFailed {
        /// The reason of its end.
        reason: Arc<str>,
        /// Whether this write may be stored all the same.
        outcome: Outcome,
    },
    /// The database was closed. Not stored.
    #[error("the database is closed")]
    Closed,
    /// The writer was started before: a file has exactly one.
    #[error("the writer of this database was already started")]
    WriterStarted,
    /// The file, which is open, could not be opened once more.
    #[error("another connection cannot be opened: {0}")]
    Reopen(Arc<OpenError>),
    /// The closure of a read panicked.
    #[error("a read panicked")]
    Panicked,
    /// SQLite failed. For a write: not stored.
    #[error("SQLite: {0}")]
    Sqlite(Arc<rusqlite::Error>),
}

impl Error {
    /// The kind of failure that SQLite reported, when it was SQLite's.
    #[must_use]
    pub fn sqlite_failure(&self) -> Option<SqliteFailure> {
        match self {
            Self::Sqlite(error) => Some(classify(error)),
            _ => None,
        }
    }
}

impl From<rusqlite::Error> for Error {
    fn from(error: rusqlite::Error) -> Self {
        match classify(&error) {
            SqliteFailure::DiskFull => Self::DiskFull,
            SqliteFailure::Busy => Self::Busy,
            _ => Self::Sqlite(Arc::new(error)),
        }
    }
}

/// The meaning of a SQLite error to us. Source: <https://sqlite.org/rescode.html>.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SqliteFailure {
    /// No space for a write (`SQLITE_FULL`). The transaction is certainly not stored.
    DiskFull,
    /// The system failed to read, write or sync (`SQLITE_IOERR`).
    Io,
    /// The file is damaged (`SQLITE_CORRUPT`, `SQLITE_NOTADB`).
    Corrupted,
    /// Another connection holds a lock (`SQLITE_BUSY`, `SQLITE_LOCKED`).
    Busy,
    /// The statement was interrupted.
    Interrupted,
    /// A constraint was violated.
    Constraint,
    /// Anything else.
    Other,
}

impl SqliteFailure {
    /// Whether writing must end for the life of the process. After a failed sync no one knows
    /// what is on the disk, and a second sync may report success for data that was lost.
    #[must_use]
    pub fn ends_writing(self) -> bool {
        matches!(self, Self::Io | Self::Corrupted)
    }
}

/// Sorts a SQLite error into the classes that are handled differently.
#[must_use]
pub fn classify(error: &rusqlite::Error) -> SqliteFailure {
    let Some(failure) = error.sqlite_error() else {
        return SqliteFailure::Other;
    };
    match failure.code {
        ErrorCode::DiskFull => SqliteFailure::DiskFull,
        // No memory for a read or a mapping: nothing reached the disk, and nothing was lost on it.
        ErrorCode::SystemIoFailure if failure.extended_code == ffi::SQLITE_IOERR_NOMEM => {
            SqliteFailure::Other
        }
        ErrorCode::SystemIoFailure => SqliteFailure::Io,
        ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase => SqliteFailure::Corrupted,
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => SqliteFailure::Busy,
        ErrorCode::OperationInterrupted => SqliteFailure::Interrupted,
        ErrorCode::ConstraintViolation => SqliteFailure::Constraint,
        _ => SqliteFailure::Other,
    }
}
