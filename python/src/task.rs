//! Work that Python waits for: through a future of its event loop, or on the spot.

use std::future::Future;

use pyo3::{IntoPyObjectExt, intern, prelude::*, sync::PyOnceLock, types::PyAny};
use tokio::task::AbortHandle;

use crate::{bulk::Rest, failure, output::Output, runtime};

/// The failures of work.
pub(crate) trait Failure: Send + 'static {
    /// The exception for it.
    fn into_exception(self, py: Python<'_>) -> PyErr;
}

impl Failure for isobase_sql::Error {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        failure::of(py, self)
    }
}

/// Work under way. Cancelling it cancels the statement in the database.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Task(AbortHandle);

#[pymethods]
impl Task {
    /// No one waits for it any more.
    fn cancel(&self) {
        self.0.abort();
    }
}

/// An event loop, and the future in it that waits for an answer.
#[derive(Debug)]
pub(crate) struct Waiter {
    event_loop: Py<PyAny>,
    future: Py<PyAny>,
}

impl Waiter {
    /// `None` when Python waits on the spot.
    pub(crate) fn new(event_loop: Option<Py<PyAny>>, future: Option<Py<PyAny>>) -> Option<Self> {
        Some(Self { event_loop: event_loop?, future: future? })
    }

    /// Hands the answer to the loop, from another thread. A loop that was closed meanwhile has
    /// no one who waits.
    fn answer<E: Failure>(&self, result: Result<Output, E>) {
        // An interpreter that is ending has no one who waits either.
        let _ = runtime::attach(|py| {
            let (set, value) = match result.map(|output| output.into_python(py)) {
                Ok(Ok(value)) => (setter(py, &SET_RESULT, "_set_result"), value),
                Ok(Err(error)) => {
                    let error = error.value(py).clone().into_any();
                    (setter(py, &SET_EXCEPTION, "_set_exception"), error)
                }
                Err(error) => {
                    let error = error.into_exception(py).value(py).clone().into_any();
                    (setter(py, &SET_EXCEPTION, "_set_exception"), error)
                }
            };
            let answered = set.and_then(|set| {
                let arguments = (set, self.future.bind(py), value);
                self.event_loop.call_method1(py, intern!(py, "call_soon_threadsafe"), arguments)
            });
            drop(answered);
        });
    }
}

static SET_RESULT: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
static SET_EXCEPTION: PyOnceLock<Py<PyAny>> = PyOnceLock::new();

/// A function of `isobase._waiting`, looked up once.
fn setter<'py>(
    py: Python<'py>,
    once: &'static PyOnceLock<Py<PyAny>>,
    name: &str,
) -> PyResult<&'py Bound<'py, PyAny>> {
    let found = once.get_or_try_init(py, || {
        let module = py.import(intern!(py, "isobase._waiting"))?;
        module.getattr(name).map(Bound::unbind)
    });
    found.map(|function| function.bind(py))
}

/// Runs work: gives a [`Task`] when a loop waits for it, else its result. The rest of its arguments
/// is made while it runs, or first where nothing else can run.
pub(crate) fn submit<E: Failure>(
    py: Python<'_>,
    waiter: Option<Waiter>,
    rest: Option<Rest<'_>>,
    work: impl Future<Output = Result<Output, E>> + Send + 'static,
) -> PyResult<Py<PyAny>> {
    let handle = runtime::handle()?;
    match waiter {
        Some(waiter) if runtime::is_ending() => {
            if let Some(rest) = rest {
                rest.send()?;
            }
            waiter.answer(py.detach(|| handle.block_on(work)));
            Task(handle.spawn(async {}).abort_handle()).into_py_any(py)
        }
        Some(waiter) => {
            let task = handle.spawn(async move { waiter.answer(work.await) });
            if let Some(rest) = rest
                && let Err(error) = rest.send()
            {
                // The caller gets this error: nothing waits for an answer.
                task.abort();
                return Err(error);
            }
            Task(task.abort_handle()).into_py_any(py)
        }
        None => {
            if let Some(rest) = rest {
                rest.send()?;
            }
            let result = py.detach(|| handle.block_on(work));
            let output = result.map_err(|error| error.into_exception(py))?;
            output.into_python(py).map(Bound::unbind)
        }
    }
}
