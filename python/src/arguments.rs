//! The arguments of a call, by name.

use isobase_sql::{Record, TableName, Value};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};

use crate::from_python;

pub(crate) struct Arguments<'a, 'py>(&'a Bound<'py, PyDict>);

impl<'a, 'py> Arguments<'a, 'py> {
    pub(crate) fn new(arguments: &'a Bound<'py, PyDict>) -> Self {
        Self(arguments)
    }

    /// `None` where it is missing or Python's `None`.
    pub(crate) fn any(&self, name: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        Ok(self.0.get_item(name)?.filter(|value| !value.is_none()))
    }

    pub(crate) fn needed(&self, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.any(name)?.ok_or_else(|| PyValueError::new_err(format!("{name} is missing")))
    }

    pub(crate) fn text(&self, name: &str) -> PyResult<String> {
        self.needed(name)?.extract()
    }

    pub(crate) fn optional_text(&self, name: &str) -> PyResult<Option<String>> {
        self.any(name)?.map(|value| value.extract()).transpose()
    }

    pub(crate) fn number(&self, name: &str) -> PyResult<Option<u64>> {
        self.any(name)?.map(|value| value.extract()).transpose()
    }

    pub(crate) fn texts(&self, name: &str) -> PyResult<Vec<String>> {
        self.any(name)?.map_or_else(|| Ok(Vec::new()), |value| value.extract())
    }

    pub(crate) fn record(&self, name: &str) -> PyResult<Record> {
        self.any(name)?.map_or_else(|| Ok(Record::new()), |value| from_python::record(&value))
    }

    pub(crate) fn values(&self, name: &str) -> PyResult<Vec<Value>> {
        self.any(name)?.map_or_else(|| Ok(Vec::new()), |value| from_python::values(&value))
    }

    pub(crate) fn table(&self) -> PyResult<TableName> {
        Ok(TableName { schema: self.optional_text("schema")?, table: self.text("table")? })
    }
}
