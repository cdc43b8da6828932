//! Classes of Python that values become, looked up once.

use pyo3::{intern, prelude::*, sync::PyOnceLock, types::PyType};

pub(crate) static DECIMAL: PyOnceLock<Py<PyType>> = PyOnceLock::new();
pub(crate) static UUID: PyOnceLock<Py<PyType>> = PyOnceLock::new();
pub(crate) static DATE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
pub(crate) static TIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
pub(crate) static DATETIME: PyOnceLock<Py<PyType>> = PyOnceLock::new();
pub(crate) static DELTA: PyOnceLock<Py<PyType>> = PyOnceLock::new();
pub(crate) static ZONE: PyOnceLock<Py<PyType>> = PyOnceLock::new();
pub(crate) static MULTIRANGE: PyOnceLock<Py<PyType>> = PyOnceLock::new();

pub(crate) fn class<'py>(
    py: Python<'py>,
    once: &PyOnceLock<Py<PyType>>,
    module: &str,
    name: &str,
) -> PyResult<Bound<'py, PyType>> {
    once.import(py, module, name).cloned()
}

/// The zone UTC.
pub(crate) fn utc(py: Python<'_>) -> PyResult<&Bound<'_, PyAny>> {
    static UTC: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let utc = UTC.get_or_try_init(py, || {
        let zone = class(py, &ZONE, "datetime", "timezone")?;
        zone.getattr(intern!(py, "utc")).map(Bound::unbind)
    });
    utc.map(|utc| utc.bind(py))
}

/// A number in digits.
pub(crate) fn decimal<'py>(py: Python<'py>, digits: &str) -> PyResult<Bound<'py, PyAny>> {
    class(py, &DECIMAL, "decimal", "Decimal")?.call1((digits,))
}
