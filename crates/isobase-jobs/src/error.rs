//! Why a job is not begun, read or stopped.

use isobase_auth::NoRandomness;
use isobase_store::{Rejection, StoreError};

use crate::{BackupError, ImportsError};

/// Why a job is not begun, read or stopped.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// There is no such job.
    #[error("there is no job {0:?}")]
    NotFound(String),
    /// It is over.
    #[error("job {id} is over: it {state}")]
    Over {
        /// Which one.
        id: String,
        /// Its outcome.
        state: &'static str,
    },
    /// Another process does it.
    #[error("job {0} runs in another process of this database; stop it there")]
    Elsewhere(String),
    /// It cannot rest, or go on.
    #[error("job {id} {reason}")]
    CannotPause {
        /// Which one.
        id: String,
        /// Why not.
        reason: &'static str,
    },
    /// The samples of both sides are not there.
    #[error(
        "of job {0} no samples are at hand: those of the last copies are kept until the service stops"
    )]
    NoSamples(String),
    /// Enough wait already.
    #[error("{0} jobs wait or run already; let one of them end")]
    TooMany(usize),
    /// The service stops.
    #[error("the service stops")]
    Stopping,
    /// The work cannot be done as it was asked for.
    #[error("{field}: {message}")]
    Invalid {
        /// Of which member.
        field: &'static str,
        /// Why.
        message: String,
    },
    /// A request with the same key asked for something else.
    #[error("the key of the request came before with another one")]
    AskedBefore,
    /// The service is not set up for it.
    #[error("{0}")]
    Unsupported(String),
    /// The folder of backups.
    #[error(transparent)]
    Backup(#[from] BackupError),
    /// The folder of files to be imported.
    #[error(transparent)]
    Imports(#[from] ImportsError),
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database refused a write.
    #[error("the database refused the job: {0:?}")]
    Rejected(Rejection),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
    /// The stored document is none.
    #[error("job {0} cannot be read")]
    Unreadable(String),
}
