//! State of jobs and backups.

use isobase_auth::{Audit, Clock};
use isobase_jobs::{Backups, JOBS_COLLECTION, Jobs};
use isobase_store::Store;
use isobase_types::CollectionName;

use super::problems;
use crate::failure::Failure;

/// State of jobs and backups.
pub(crate) struct State {
    pub(super) jobs: Jobs,
    pub(super) audit: Audit,
    pub(super) collection: CollectionName,
}

impl State {
    pub(crate) fn new(store: &Store, jobs: Jobs) -> Self {
        let collection = CollectionName::new(JOBS_COLLECTION).expect("it is a valid name");
        Self { jobs, audit: Audit::new(store, Clock::default()), collection }
    }

    /// The folder of backups.
    pub(super) fn backups(&self) -> Result<&Backups, Failure> {
        Ok(self.jobs.backups().ok_or_else(problems::no_folder)?)
    }
}
