//! What jobs and backups need.

use isobase_auth::{Audit, Clock};
use isobase_jobs::{Backups, Jobs};
use isobase_store::Store;

use super::problems;
use crate::failure::Failure;

/// What jobs and backups need.
pub(crate) struct State {
    pub(super) jobs: Jobs,
    pub(super) audit: Audit,
}

impl State {
    pub(crate) fn new(store: &Store, jobs: Jobs) -> Self {
        Self { jobs, audit: Audit::new(store, Clock::default()) }
    }

    /// The folder of backups.
    pub(super) fn backups(&self) -> Result<&Backups, Failure> {
        Ok(self.jobs.backups().ok_or_else(problems::no_folder)?)
    }
}
