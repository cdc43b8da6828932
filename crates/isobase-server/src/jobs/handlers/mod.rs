//! Handlers of the routes of jobs and backups.

pub(super) mod backups;
pub(super) mod jobs;
