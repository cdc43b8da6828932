//! State of imports.

use std::sync::Arc;

use isobase_auth::Permission;
use isobase_jobs::{ImportFile, Imports, ImportsError, JOBS_COLLECTION, Jobs};
use isobase_store::{RuleBook, Store};
use isobase_types::CollectionName;

use super::problems;
use crate::{Call, failure::Failure, views::Views};

/// State of imports.
pub(crate) struct State {
    pub(super) jobs: Jobs,
    pub(super) views: Views,
    /// Where jobs are.
    pub(super) collection: CollectionName,
}

impl State {
    pub(crate) fn new(store: &Store, rules: Arc<RuleBook>, jobs: Jobs) -> Self {
        let collection = CollectionName::new(JOBS_COLLECTION).expect("it is a valid name");
        Self { jobs, views: Views::new(store.clone(), rules), collection }
    }

    /// The folder of files.
    pub(super) fn imports(&self) -> Result<&Imports, Failure> {
        Ok(self.jobs.imports().ok_or_else(problems::no_folder)?)
    }

    /// The file that a call names. That of another caller is not there, unless the caller may do
    /// everything.
    pub(super) async fn file(&self, call: &Call) -> Result<ImportFile, Failure> {
        self.file_of(call, call.parameter(0)).await
    }

    /// A file for a caller.
    pub(super) async fn file_of(&self, call: &Call, id: &str) -> Result<ImportFile, Failure> {
        let file = self.imports()?.get(id).await?;
        match is_of(call, &file) {
            true => Ok(file),
            false => Err(ImportsError::NotFound(file.id).into()),
        }
    }
}

/// Whether a caller may see a file.
pub(super) fn is_of(call: &Call, file: &ImportFile) -> bool {
    file.by == call.principal.id() || call.principal.allows(Permission::Admin)
}
