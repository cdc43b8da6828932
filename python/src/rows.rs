//! Rows of the database as dicts, from the form in which they came.

use isobase_sql::{Form, RawAnswer, TakeRows};
use pyo3::{
    IntoPyObjectExt,
    exceptions::PyValueError,
    intern,
    prelude::*,
    types::{PyDict, PyList, PyString},
};

use crate::{failure, json, runtime, to_python};

/// From so many rows on the pause costs less than what it saves.
const PAUSE_ROWS: usize = 500;

/// Rows that are made while more of them come: the server works meanwhile.
#[derive(Debug, Default)]
pub(crate) struct Taken {
    list: Option<Py<PyList>>,
    failure: Option<PyErr>,
}

impl Taken {
    /// All rows, as a list: those that were taken, and the last ones.
    pub(crate) fn into_list<'py>(
        self,
        py: Python<'py>,
        last: &RawAnswer,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Some(failure) = self.failure {
            return Err(failure);
        }
        let list = self.list.map_or_else(|| PyList::empty(py), |list| list.into_bound(py));
        append(&list, last)?;
        Ok(list.into_any())
    }
}

impl TakeRows for Taken {
    fn take(&mut self, rows: RawAnswer) {
        if self.failure.is_some() {
            return;
        }
        // An interpreter that is ending wants no rows.
        let _ = runtime::attach(|py| {
            let list = self.list.get_or_insert_with(|| PyList::empty(py).unbind());
            self.failure = append(list.bind(py), &rows).err();
        });
    }
}

fn append(list: &Bound<'_, PyList>, answer: &RawAnswer) -> PyResult<()> {
    let py = list.py();
    let columns = Columns::of(py, answer);
    let _pause = if answer.len() >= PAUSE_ROWS { Pause::begin(py)? } else { None };
    for row in 0..answer.len() {
        list.append(columns.dict(py, answer, row)?)?;
    }
    Ok(())
}

/// Keeps Python from looking for garbage among rows that are being made: it would look at all of them
/// again and again, and none is garbage.
struct Pause<'py>(Bound<'py, PyModule>);

impl<'py> Pause<'py> {
    /// `None` if it does not look anyway.
    fn begin(py: Python<'py>) -> PyResult<Option<Self>> {
        let module = py.import(intern!(py, "gc"))?;
        if !module.call_method0(intern!(py, "isenabled"))?.is_truthy()? {
            return Ok(None);
        }
        module.call_method0(intern!(py, "disable"))?;
        Ok(Some(Self(module)))
    }
}

impl Drop for Pause<'_> {
    fn drop(&mut self) {
        // It cannot fail: the module has it.
        drop(self.0.call_method0(intern!(self.0.py(), "enable")));
    }
}

/// The first row, or `None`.
pub(crate) fn first<'py>(py: Python<'py>, answer: &RawAnswer) -> PyResult<Bound<'py, PyAny>> {
    if answer.is_empty() {
        return Ok(py.None().into_bound(py));
    }
    Columns::of(py, answer).dict(py, answer, 0).map(Bound::into_any)
}

/// The first value of the first row, or `None`.
pub(crate) fn first_value<'py>(py: Python<'py>, answer: &RawAnswer) -> PyResult<Bound<'py, PyAny>> {
    match answer.forms().first() {
        Some(form) if !answer.is_empty() => value(py, answer, *form, (0, 0)),
        _ => Ok(py.None().into_bound(py)),
    }
}

/// The names and forms of the columns, made once for all rows.
struct Columns<'py>(Vec<(Bound<'py, PyString>, Form)>);

impl<'py> Columns<'py> {
    fn of(py: Python<'py>, answer: &RawAnswer) -> Self {
        let names = answer.columns().iter().map(|name| PyString::intern(py, name));
        Self(names.zip(answer.forms()).collect())
    }

    fn dict(
        &self,
        py: Python<'py>,
        answer: &RawAnswer,
        row: usize,
    ) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (column, (name, form)) in self.0.iter().enumerate() {
            dict.set_item(name, value(py, answer, *form, (row, column))?)?;
        }
        Ok(dict)
    }
}

fn value<'py>(
    py: Python<'py>,
    answer: &RawAnswer,
    form: Form,
    (row, column): (usize, usize),
) -> PyResult<Bound<'py, PyAny>> {
    if form == Form::Other {
        let value = answer.value(row, column).map_err(|error| failure::of(py, error))?;
        return to_python::value(py, &value);
    }
    let Some(bytes) = answer.bytes(row, column) else { return Ok(py.None().into_bound(py)) };
    match (form, bytes) {
        (Form::Bool, [truth]) => (*truth == 1).into_bound_py_any(py),
        (Form::Int, [a, b]) => i16::from_be_bytes([*a, *b]).into_bound_py_any(py),
        (Form::Int, [a, b, c, d]) => i32::from_be_bytes([*a, *b, *c, *d]).into_bound_py_any(py),
        (Form::Int, _) => i64::from_be_bytes(fixed(bytes)?).into_bound_py_any(py),
        (Form::Float4, _) => f64::from(f32::from_be_bytes(fixed(bytes)?)).into_bound_py_any(py),
        (Form::Float8, _) => f64::from_be_bytes(fixed(bytes)?).into_bound_py_any(py),
        (Form::Text, _) => Ok(PyString::new(py, text(bytes)?).into_any()),
        (Form::Json, _) => json::value(py, text(bytes)?),
        (Form::Jsonb, [1, bytes @ ..]) => json::value(py, text(bytes)?),
        (Form::TimestampTz, _) => {
            to_python::moment_with_zone(py, i64::from_be_bytes(fixed(bytes)?))
        }
        _ => Err(unreadable()),
    }
}

fn fixed<const N: usize>(bytes: &[u8]) -> PyResult<[u8; N]> {
    bytes.try_into().map_err(|_| unreadable())
}

fn text(bytes: &[u8]) -> PyResult<&str> {
    std::str::from_utf8(bytes).map_err(|_| unreadable())
}

fn unreadable() -> PyErr {
    PyValueError::new_err("the database sent a value in a form that it does not have")
}
