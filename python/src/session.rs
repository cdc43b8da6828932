//! Where statements run, as Python holds it.

use std::{sync::Arc, time::Duration};

use isobase_sql::{DbConnector, Error, ErrorKind, Inflection, Settings, UnknownKeys};
use pyo3::{exceptions::PyValueError, prelude::*, types::PyDict};
use tokio::sync::RwLock;

use crate::{
    failure,
    operation::{Operation, perform, run_script, set_up},
    output::Output,
    runtime,
    task::{Waiter, submit},
    tools::Logger,
};

/// A pool of connections.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Connector(pub(crate) DbConnector);

/// A transaction, until it is ended.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Transaction(Arc<RwLock<Option<isobase_sql::Transaction>>>);

#[pymethods]
impl Connector {
    #[new]
    #[pyo3(signature = (url, *, max_size=20, acquire_timeout=10.0, statement_timeout=60.0,
        unknown_keys="refuse", strict_columns=false, inflection=true, plurals=None))]
    #[expect(clippy::too_many_arguments, reason = "keywords of Python")]
    fn new(
        py: Python<'_>,
        url: &str,
        max_size: usize,
        acquire_timeout: f64,
        statement_timeout: f64,
        unknown_keys: &str,
        strict_columns: bool,
        inflection: bool,
        plurals: Option<Vec<(String, String)>>,
    ) -> PyResult<Self> {
        let seconds = |seconds: f64| {
            Duration::try_from_secs_f64(seconds)
                .map_err(|error| PyValueError::new_err(format!("a timeout: {error}")))
        };
        let settings = Settings {
            pool_size_max: max_size.max(1),
            acquire_timeout: seconds(acquire_timeout)?,
            statement_timeout: seconds(statement_timeout)?,
            inflection: match inflection {
                true => Inflection::On(plurals.unwrap_or_default()),
                false => Inflection::Off,
            },
            strict_columns,
            unknown_keys: match unknown_keys {
                "refuse" => UnknownKeys::Refuse,
                "drop" => UnknownKeys::Drop,
                other => {
                    let message = format!("unknown_keys is 'refuse' or 'drop', not '{other}'");
                    return Err(PyValueError::new_err(message));
                }
            },
        };
        DbConnector::new(url, settings).map(Self).map_err(|error| failure::of(py, error))
    }

    /// Does what `operation` names with `arguments`; see `operation.rs`.
    #[pyo3(signature = (operation, arguments, event_loop=None, future=None))]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &Bound<'_, PyDict>,
        event_loop: Option<Py<PyAny>>,
        future: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let db = self.0.clone();
        let (operation, rest) = Operation::read(operation, arguments)?;
        submit(py, Waiter::new(event_loop, future), rest, async move {
            match operation {
                Operation::Begin => db.begin().await.map(Output::Transaction),
                Operation::Script(script) => {
                    db.run_script(&script).await.map(|count| Output::Count(count as u64))
                }
                Operation::Setup { what, name, kind } => set_up(&db, &what, &name, &kind).await,
                operation => perform(&db, operation).await,
            }
        })
    }

    /// Has statements noted.
    fn set_logger(&self, logger: Option<&Logger>) {
        self.0.set_query_logger(logger.map(|logger| Arc::clone(&logger.0)));
    }

    /// Closes all connections.
    fn close(&self) {
        self.0.close();
    }

    /// Where the database is, without its password.
    #[getter]
    fn address(&self) -> &str {
        self.0.address()
    }
}

impl Transaction {
    pub(crate) fn new(transaction: isobase_sql::Transaction) -> Self {
        Self(Arc::new(RwLock::new(Some(transaction))))
    }
}

#[pymethods]
impl Transaction {
    /// As [`Connector::call`]; beside it `commit`, `rollback` and the savepoints.
    #[pyo3(signature = (operation, arguments, event_loop=None, future=None))]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &Bound<'_, PyDict>,
        event_loop: Option<Py<PyAny>>,
        future: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let held = Arc::clone(&self.0);
        let (operation, rest) = Operation::read(operation, arguments)?;
        if matches!(operation, Operation::Commit | Operation::Rollback) {
            // Begun is begun: a task that is cancelled while it waits leaves no transaction open.
            let end = runtime::handle()?.spawn(end(held, matches!(operation, Operation::Commit)));
            return submit(py, Waiter::new(event_loop, future), None, async move {
                end.await.unwrap_or_else(|error| {
                    Err(Error::new(ErrorKind::Query, format!("the transaction ended: {error}")))
                })
            });
        }
        submit(py, Waiter::new(event_loop, future), rest, async move {
            let held = held.read().await;
            let transaction = held.as_ref().ok_or_else(ended)?;
            let nothing = |()| Output::Nothing;
            match operation {
                Operation::Savepoint(name) => transaction.savepoint(&name).await.map(nothing),
                Operation::RollbackTo(name) => transaction.rollback_to(&name).await.map(nothing),
                Operation::Release(name) => transaction.release(&name).await.map(nothing),
                Operation::Script(script) => run_script(transaction, &script).await,
                operation => perform(transaction, operation).await,
            }
        })
    }
}

async fn end(
    held: Arc<RwLock<Option<isobase_sql::Transaction>>>,
    commits: bool,
) -> Result<Output, Error> {
    let transaction = held.write().await.take().ok_or_else(ended)?;
    match commits {
        true => transaction.commit().await?,
        false => transaction.rollback().await?,
    }
    Ok(Output::Nothing)
}

fn ended() -> Error {
    Error::new(ErrorKind::Query, "the transaction has ended")
}
