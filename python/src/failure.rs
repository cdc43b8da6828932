//! Failures as the exceptions of the package.

use isobase_sql::{Error, ErrorKind};
use pyo3::{intern, prelude::*, types::PyDict};

/// The exception for a failure; one that cannot be made is the exception itself.
pub(crate) fn of(py: Python<'_>, error: Error) -> PyErr {
    match exception(py, error) {
        Ok(exception) => PyErr::from_value(exception),
        Err(error) => error,
    }
}

fn exception(py: Python<'_>, error: Error) -> PyResult<Bound<'_, PyAny>> {
    let kind = match error.kind {
        ErrorKind::Connection => "connection",
        ErrorKind::Query => "query",
        ErrorKind::TimedOut => "timeout",
        ErrorKind::OutcomeUnknown => "outcome_unknown",
        ErrorKind::Schema => "schema",
        ErrorKind::ColumnMatch => "column",
        ErrorKind::Invalid => "invalid",
        ErrorKind::Io => "io",
    };
    let details = PyDict::new(py);
    if let Some(refusal) = error.refusal.as_deref() {
        details.set_item("sqlstate", &refusal.code)?;
        details.set_item("position", refusal.position)?;
        details.set_item("hint", &refusal.hint)?;
        details.set_item("detail", &refusal.detail)?;
        details.set_item("constraint", &refusal.constraint)?;
        details.set_item("statement", &refusal.statement)?;
    }
    if let Some(column) = error.column.as_deref() {
        details.set_item("column_name", &column.name)?;
        details.set_item("available_columns", &column.available)?;
        details.set_item("schema", &column.schema)?;
        details.set_item("table", &column.table)?;
        details.set_item("suggestions", &column.suggestions)?;
    }
    let module = py.import(intern!(py, "isobase.database.errors"))?;
    module.getattr(intern!(py, "_make"))?.call1((kind, error.to_string(), details))
}
