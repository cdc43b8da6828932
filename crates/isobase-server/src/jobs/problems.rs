//! Errors of jobs and backups, as problems.

use std::time::Duration;

use isobase_auth::AuditError;
use isobase_http::{Problem, ProblemItem};
use isobase_jobs::{BackupError, JobsError};

use crate::{codes, failure::IntoProblem};

/// When somebody may ask again who found too many jobs, or a service that stops.
const LATER: Duration = Duration::from_secs(5);

impl IntoProblem for JobsError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound(_) | Self::NoSamples(_) => Problem::new(codes::JOB_NOT_FOUND, detail),
            Self::Over { .. } | Self::Elsewhere(_) | Self::CannotPause { .. } => {
                Problem::new(codes::JOB_STATE, detail)
            }
            Self::TooMany(_) => Problem::new(codes::TOO_MANY_JOBS, detail).with_retry_after(LATER),
            Self::Stopping => Problem::new(codes::NOT_READY, detail).with_retry_after(LATER),
            Self::Invalid { field, message } => {
                let item = ProblemItem::at(format!("/{field}"), message);
                Problem::new(codes::INVALID_BODY, detail).with_item(item)
            }
            Self::AskedBefore => Problem::new(codes::IDEMPOTENCY_MISMATCH, detail),
            Self::Unsupported(_) => Problem::new(codes::UNSUPPORTED, detail),
            Self::Backup(error) => error.into_problem(),
            Self::Imports(error) => error.into_problem(),
            Self::Store(error) => error.into_problem(),
            Self::Rejected(rejection) => rejection.into_problem(),
            Self::Random(_) | Self::Unreadable(_) => Problem::internal(detail),
        }
    }
}

impl IntoProblem for BackupError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound(_) | Self::InvalidName(_) => {
                Problem::new(codes::BACKUP_NOT_FOUND, detail)
            }
            Self::Folder { .. } | Self::Ops(_) | Self::NotWhole { .. } => Problem::internal(detail),
        }
    }
}

impl IntoProblem for AuditError {
    fn into_problem(self) -> Problem {
        match self {
            Self::Store(error) => error.into_problem(),
            Self::Random(error) => Problem::internal(error.to_string()),
        }
    }
}

/// Backups are nowhere else.
pub(super) fn no_remote() -> Problem {
    Problem::new(
        codes::UNSUPPORTED,
        "backups have no other place: the setting backups.remote names one",
    )
}

/// The service has no folder for backups.
pub(super) fn no_folder() -> Problem {
    Problem::new(codes::UNSUPPORTED, "there is no folder of backups")
}
