//! Dumps.

use std::path::PathBuf;

use isobase_sql::{DatabaseSync, DumpOptions, DumpParts, Environment, Error, Programs, TableName};
use pyo3::prelude::*;

use crate::{failure, runtime};

/// The dumps of a folder.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Sync(DatabaseSync);

#[pymethods]
impl Sync {
    #[new]
    #[pyo3(signature = (folder, production, test, built_in=None))]
    fn new(folder: PathBuf, production: String, test: String, built_in: Option<bool>) -> Self {
        let programs = match built_in {
            Some(true) => Programs::BuiltIn,
            Some(false) => Programs::Postgres,
            None => Programs::Either,
        };
        let sync = DatabaseSync::new(&folder, production, test, std::env::var_os("PATH"));
        Self(sync.with_programs(programs))
    }

    #[getter]
    fn folder(&self) -> PathBuf {
        self.0.folder().to_owned()
    }

    fn dump(
        &self,
        py: Python<'_>,
        test: bool,
        timestamp: bool,
        schemas: Vec<String>,
    ) -> PyResult<PathBuf> {
        let options = DumpOptions { schemas, ..DumpOptions::default() };
        wait(py, self.0.dump_database(environment(test), timestamp, &options))
    }

    fn dump_into(
        &self,
        py: Python<'_>,
        test: bool,
        file: PathBuf,
        schemas: Vec<String>,
        parts: &str,
    ) -> PyResult<()> {
        let parts = match parts {
            "structure" => DumpParts::Structure,
            "rows" => DumpParts::Rows,
            _ => DumpParts::All,
        };
        let options = DumpOptions { schemas, parts, skip_others: false };
        wait(py, self.0.dump_into(environment(test), &options, &file))
    }

    fn restore(
        &self,
        py: Python<'_>,
        file: PathBuf,
        test: bool,
        confirm: Option<String>,
    ) -> PyResult<u64> {
        wait(py, self.0.restore_database(&file, environment(test), confirm.as_deref()))
    }

    fn restore_latest(&self, py: Python<'_>, confirm: Option<String>) -> PyResult<u64> {
        wait(py, self.0.restore_from_latest(confirm.as_deref()))
    }

    fn sync_from(
        &self,
        py: Python<'_>,
        target: Option<String>,
        confirm: Option<String>,
    ) -> PyResult<u64> {
        wait(py, self.0.sync_from_dumps(target.as_deref(), confirm.as_deref()))
    }

    fn available(&self, py: Python<'_>) -> PyResult<(Vec<String>, Vec<String>)> {
        let dumps = self.0.available_dumps().map_err(|error| failure::of(py, error))?;
        Ok((dumps.production, dumps.test))
    }

    fn commit(&self, py: Python<'_>, message: Option<String>) -> PyResult<bool> {
        wait(py, self.0.commit_dumps(message.as_deref()))
    }

    fn push(&self, py: Python<'_>, remote: String, branch: Option<String>) -> PyResult<()> {
        wait(py, self.0.push(&remote, branch.as_deref()))
    }

    fn refresh(&self, py: Python<'_>, tables: Vec<(String, String)>) -> PyResult<u64> {
        wait(py, self.0.refresh_test_db(&names(tables)))
    }

    fn sync_tables(&self, py: Python<'_>, tables: Vec<(String, String)>) -> PyResult<u64> {
        wait(py, self.0.sync_tables(&names(tables)))
    }
}

fn names(tables: Vec<(String, String)>) -> Vec<TableName> {
    tables.into_iter().map(|(schema, table)| TableName::new(schema, table)).collect()
}

fn environment(test: bool) -> Environment {
    if test { Environment::Test } else { Environment::Production }
}

fn wait<T: Send>(
    py: Python<'_>,
    work: impl Future<Output = Result<T, Error>> + Send,
) -> PyResult<T> {
    let handle = runtime::handle()?;
    let result = py.detach(|| handle.block_on(work));
    result.map_err(|error| failure::of(py, error))
}
