//! Tools that need no database.

use std::{path::PathBuf, sync::Arc, time::Duration};

use isobase_sql::{Environment, Error, Inflection, QueryLogger, format};
use pyo3::{prelude::*, types::PyList};

use crate::{failure, from_python, output::Output};

/// Notes statements.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Logger(pub(crate) Arc<QueryLogger>);

#[pymethods]
impl Logger {
    #[new]
    fn new(slow_threshold_ms: f64) -> Self {
        Self(Arc::new(QueryLogger::new(milliseconds(slow_threshold_ms))))
    }

    fn log_query(&self, query: &str, parameters: &Bound<'_, PyAny>, time_ms: f64) -> PyResult<()> {
        let parameters = from_python::values(parameters)?;
        self.0.log_query(query, &parameters, milliseconds(time_ms));
        Ok(())
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let text = self.0.statistics().to_json().to_string();
        py.import("json")?.getattr("loads")?.call1((text,))
    }

    fn slow<'py>(
        &self,
        py: Python<'py>,
        threshold_ms: Option<f64>,
    ) -> PyResult<Bound<'py, PyList>> {
        let list = PyList::empty(py);
        for query in self.0.slow_queries(threshold_ms.map(milliseconds)) {
            let values = isobase_sql::Value::Array(query.parameters);
            let values = Output::Value(values).into_python(py)?;
            list.append((query.query, values, query.milliseconds))?;
        }
        Ok(list)
    }

    fn export_to_json(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.0.export_to_json(&path).map_err(|error| failure::of(py, error))
    }

    fn export_to_csv(&self, py: Python<'_>, path: PathBuf) -> PyResult<()> {
        self.0.export_to_csv(&path).map_err(|error| failure::of(py, error))
    }

    fn summary(&self) -> String {
        self.0.summary()
    }

    fn clear(&self) {
        self.0.clear();
    }
}

/// A time that is none, or negative, is no time.
fn milliseconds(time: f64) -> Duration {
    Duration::try_from_secs_f64(time / 1000.0).unwrap_or_default()
}

#[pyfunction]
#[pyo3(signature = (name, available, strict=false, schema=None, table=None))]
pub(crate) fn match_column(
    py: Python<'_>,
    name: &str,
    available: Vec<String>,
    strict: bool,
    schema: Option<String>,
    table: Option<String>,
) -> PyResult<String> {
    let matched = isobase_sql::match_column(name, &available, strict, &Inflection::default());
    matched.map(str::to_owned).map_err(|mut mismatch| {
        mismatch.schema = schema;
        mismatch.table = table;
        failure::of(py, Error::from(mismatch))
    })
}

#[pyfunction]
pub(crate) fn truncate_text(text: &str, max: usize) -> String {
    format::truncate_text(text, max)
}

#[pyfunction]
pub(crate) fn truncate_json(json: &str, max: usize) -> String {
    format::truncate(&parsed(json), max).to_string()
}

#[pyfunction]
pub(crate) fn variables_for_storage(json: &str) -> String {
    format::variables_for_storage(&parsed(json))
}

#[pyfunction]
pub(crate) fn response_for_storage(json: &str) -> String {
    format::response_for_storage(&parsed(json))
}

#[pyfunction]
pub(crate) fn clean_response(json: &str) -> String {
    format::clean_response(&parsed(json))
}

/// The statements of a script for PostgreSQL.
#[pyfunction]
pub(crate) fn split_script(script: &str) -> Vec<String> {
    isobase_sql::split_script(isobase_sql::Dialect::Postgres, script)
}

/// The URL that the variables of this process make.
#[pyfunction]
pub(crate) fn url_from_environment(test: bool) -> String {
    let environment = if test { Environment::Test } else { Environment::Production };
    isobase_sql::url_from_variables(environment, |name| std::env::var(name).ok())
}

fn parsed(json: &str) -> serde_json::Value {
    serde_json::from_str(json).unwrap_or(serde_json::Value::Null)
}
