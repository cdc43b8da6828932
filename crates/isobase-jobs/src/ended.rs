//! How a work ended that did not succeed.

use isobase_ops::OpsError;
use serde_json::Value;

use crate::{BackupError, backups::told};

/// How a work ended that did not succeed.
pub(crate) enum Ended {
    /// It was told to stop.
    Stopped,
    /// It could not be done.
    Failed(String),
    /// So it ended, and this it did before.
    After(Box<Self>, Value),
}

impl Ended {
    /// The same, with what was done before.
    pub(crate) fn with(self, report: Value) -> Self {
        Self::After(Box::new(self), report)
    }
}

impl From<OpsError> for Ended {
    fn from(error: OpsError) -> Self {
        match error {
            OpsError::Stopped { .. } => Self::Stopped,
            error => Self::Failed(told(&error)),
        }
    }
}

impl From<BackupError> for Ended {
    fn from(error: BackupError) -> Self {
        match error {
            BackupError::Ops(error) => error.into(),
            error => Self::Failed(error.to_string()),
        }
    }
}
