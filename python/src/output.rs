//! The results of calls.

use isobase_sql::{RawAnswer, Row, Value};
use pyo3::{
    IntoPyObjectExt,
    prelude::*,
    types::{PyDict, PyList, PyString},
};

use crate::{
    json,
    rows::{self, Taken},
    to_python,
};

/// The result of a call.
#[derive(Debug)]
pub(crate) enum Output {
    Nothing,
    Truth(bool),
    Count(u64),
    Text(String),
    Texts(Vec<String>),
    Value(Value),
    Row(Option<Row>),
    Rows(Vec<Row>),
    /// The first value of the first row.
    RawValue(RawAnswer),
    /// The first row.
    RawRow(RawAnswer),
    /// Those that were taken while they came, and the last ones.
    RawRows(Taken, RawAnswer),
    Json(String),
    #[cfg(feature = "documents")]
    Pairs(Vec<(String, Option<String>)>),
    #[cfg(feature = "documents")]
    Documents(crate::documents::Documents),
    Transaction(isobase_sql::Transaction),
}

impl Output {
    pub(crate) fn into_python(self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        match self {
            Self::Nothing => Ok(py.None().into_bound(py)),
            Self::Truth(truth) => truth.into_bound_py_any(py),
            Self::Count(count) => count.into_bound_py_any(py),
            Self::Text(text) => text.into_bound_py_any(py),
            Self::Texts(texts) => texts.into_bound_py_any(py),
            Self::Value(value) => to_python::value(py, &value),
            Self::Row(None) => Ok(py.None().into_bound(py)),
            Self::Row(Some(row)) => {
                let names = names(py, &row);
                self::row(py, &names, &row)
            }
            Self::Rows(rows) => {
                let names = rows.first().map(|row| names(py, row)).unwrap_or_default();
                let list = PyList::empty(py);
                for row in &rows {
                    list.append(self::row(py, &names, row)?)?;
                }
                Ok(list.into_any())
            }
            Self::RawValue(answer) => rows::first_value(py, &answer),
            Self::RawRow(answer) => rows::first(py, &answer),
            Self::RawRows(taken, answer) => taken.into_list(py, &answer),
            Self::Json(text) => json::value(py, &text),
            #[cfg(feature = "documents")]
            Self::Pairs(pairs) => pairs.into_bound_py_any(py),
            #[cfg(feature = "documents")]
            Self::Documents(documents) => documents.into_bound_py_any(py),
            Self::Transaction(transaction) => {
                crate::session::Transaction::new(transaction).into_bound_py_any(py)
            }
        }
    }
}

/// The names of the columns, made once for all rows.
fn names<'py>(py: Python<'py>, row: &Row) -> Vec<Bound<'py, PyString>> {
    row.columns().iter().map(|name| PyString::intern(py, name)).collect()
}

fn row<'py>(
    py: Python<'py>,
    names: &[Bound<'py, PyString>],
    row: &Row,
) -> PyResult<Bound<'py, PyAny>> {
    let dict = PyDict::new(py);
    for (name, value) in names.iter().zip(row.values()) {
        dict.set_item(name, to_python::value(py, value)?)?;
    }
    Ok(dict.into_any())
}
