//! The document store: documents by the name of a collection and an id, on any engine.

use std::{
    collections::HashMap,
    error::Error as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use isobase::{
    DocumentError, DocumentStore, FIND_LIMIT_DEFAULT, Location, OpenError, OpenOptions, Purpose,
    StoreError, engine::ErrorKind, environment,
};
use pyo3::{exceptions::PyValueError, intern, prelude::*, types::PyDict};
use serde_json::value::RawValue;

use crate::{
    arguments::Arguments,
    output::Output,
    task::{Failure, Waiter, submit},
};

/// Where a file lies when the settings name an engine and no place. Its folder is made.
const USUAL_FILE: &str = "data/isobase.db";

/// A database of documents. Documents come and go as JSON text.
#[pyclass(frozen, module = "isobase._native")]
#[derive(Debug)]
pub(crate) struct Documents(Arc<Held>);

#[derive(Debug)]
struct Held {
    store: DocumentStore,
    /// The process whose threads and connections it has.
    process: u32,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum DocumentsFailure {
    Open(OpenError),
    Document(DocumentError),
    /// A file would lie in a folder that does not exist.
    NoFolder(PathBuf),
    /// The store belongs to the parent of this process.
    Forked,
}

impl From<DocumentError> for DocumentsFailure {
    fn from(error: DocumentError) -> Self {
        Self::Document(error)
    }
}

impl Failure for DocumentsFailure {
    fn into_exception(self, py: Python<'_>) -> PyErr {
        let (kind, message) = match self {
            Self::Open(OpenError::NotCompiled { engine, .. }) => {
                let message = format!(
                    "the {engine} engine is not in this build of the package; the wheel on the package index has \
                     it, and so has one that `cargo xtask python --cloud` builds"
                );
                ("setting", message)
            }
            Self::Open(error) => (kind_of_opening(&error), with_causes(&error)),
            Self::Document(error) => (kind_of(&error), error.to_string()),
            Self::NoFolder(folder) => {
                let folder = folder.display();
                let message =
                    format!("the folder {folder} does not exist: make it, or mend the path");
                ("connection", message)
            }
            Self::Forked => {
                let message = "the store was opened by the parent of this process: open it here";
                ("forked", message.to_owned())
            }
        };
        let made = py
            .import(intern!(py, "isobase.documents.errors"))
            .and_then(|module| module.getattr(intern!(py, "_make")))
            .and_then(|make| make.call1((kind, message)));
        made.map_or_else(|error| error, PyErr::from_value)
    }
}

fn kind_of_opening(error: &OpenError) -> &'static str {
    match error {
        OpenError::InUse { .. } | OpenError::Unfinished { .. } | OpenError::Engine { .. } => {
            "connection"
        }
        _ => "setting",
    }
}

fn kind_of(error: &DocumentError) -> &'static str {
    match error {
        DocumentError::NotFound { .. } => "not_found",
        DocumentError::Conflict { .. }
        | DocumentError::NotUnique { .. }
        | DocumentError::Reference { .. } => "conflict",
        DocumentError::Forbidden { .. } => "forbidden",
        DocumentError::Store(StoreError::Engine(error)) => match error.kind {
            ErrorKind::Unavailable | ErrorKind::TimedOut => "unavailable",
            ErrorKind::OutcomeUnknown => "outcome_unknown",
            ErrorKind::InvalidArgument | ErrorKind::LimitExceeded => "invalid",
            _ => "failed",
        },
        _ => "invalid",
    }
}

/// The reason of an opening that failed is in what caused it.
fn with_causes(error: &OpenError) -> String {
    let mut message = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let reason = error.to_string();
        if !message.contains(&reason) {
            message = format!("{message}: {reason}");
        }
        cause = error.source();
    }
    message
}

/// One call, with its arguments.
#[derive(Debug)]
enum Operation {
    Get(String, String),
    Save(String, String, Box<RawValue>),
    Delete(String, String),
    ListAll(String),
    SaveMany(String, Vec<Box<RawValue>>),
    DeleteMany(String, Vec<String>),
    GetMany(String, Vec<String>),
    Find { db: String, selector: serde_json::Value, fields: Vec<String>, limit: usize },
    Close,
}

impl Operation {
    fn read(name: &str, arguments: &Bound<'_, PyDict>) -> PyResult<Self> {
        let a = Arguments::new(arguments);
        let db = || a.text("db");
        let raw = |text: String| {
            RawValue::from_string(text).map_err(|error| PyValueError::new_err(error.to_string()))
        };
        Ok(match name {
            "get" => Self::Get(db()?, a.text("id")?),
            "save" => Self::Save(db()?, a.text("id")?, raw(a.text("document")?)?),
            "delete" => Self::Delete(db()?, a.text("id")?),
            "list_all" => Self::ListAll(db()?),
            "save_many" => {
                let documents = a.texts("documents")?.into_iter().map(raw);
                Self::SaveMany(db()?, documents.collect::<PyResult<_>>()?)
            }
            "delete_many" => Self::DeleteMany(db()?, a.texts("ids")?),
            "get_many" => Self::GetMany(db()?, a.texts("ids")?),
            "find" => Self::Find {
                db: db()?,
                selector: serde_json::from_str(&a.text("selector")?)
                    .map_err(|error| PyValueError::new_err(error.to_string()))?,
                fields: a.texts("fields")?,
                limit: a
                    .number("limit")?
                    .map_or(FIND_LIMIT_DEFAULT, |n| usize::try_from(n).unwrap_or(usize::MAX)),
            },
            "close" => Self::Close,
            other => return Err(PyValueError::new_err(format!("no operation {other}"))),
        })
    }

    async fn perform(self, store: &DocumentStore) -> Result<Output, DocumentsFailure> {
        Ok(match self {
            Self::Get(db, id) => Output::Text(store.get(&db, &id).await?.as_json().to_owned()),
            Self::Save(db, id, document) => {
                Output::Text(store.save(&db, &id, &document).await?.as_json().to_owned())
            }
            Self::Delete(db, id) => Output::Truth(store.delete(&db, &id).await?),
            Self::ListAll(db) => {
                let all = store.list_all(&db).await?;
                Output::Texts(all.iter().map(|it| it.as_json().to_owned()).collect())
            }
            Self::SaveMany(db, documents) => {
                Output::Text(as_json(&store.save_many(&db, &documents).await?))
            }
            Self::DeleteMany(db, ids) => {
                Output::Text(as_json(&store.delete_many(&db, &ids).await?))
            }
            Self::GetMany(db, ids) => {
                let found = store.get_many(&db, &ids).await?.into_iter();
                Output::Pairs(
                    found.map(|(id, it)| (id, it.map(|it| it.as_json().to_owned()))).collect(),
                )
            }
            Self::Find { db, selector, fields, limit } => {
                let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
                let found = store.find(&db, &selector, &fields, limit).await?;
                Output::Texts(found.iter().map(|it| it.as_json().to_owned()).collect())
            }
            Self::Close => {
                store.close().await.map_err(DocumentError::from)?;
                Output::Nothing
            }
        })
    }
}

fn as_json<T: serde::Serialize>(outcomes: &T) -> String {
    // Outcomes have names that are texts: nothing in them can fail.
    serde_json::to_string(outcomes).unwrap_or_default()
}

#[pymethods]
impl Documents {
    /// Opens the database that settings name, by the rules of the environment's variables.
    #[staticmethod]
    #[pyo3(signature = (settings, event_loop=None, future=None))]
    fn open(
        py: Python<'_>,
        settings: HashMap<String, String>,
        event_loop: Option<Py<PyAny>>,
        future: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        let file = PathBuf::from(USUAL_FILE);
        let chosen = environment::choose(|name| settings.get(name).cloned(), file)
            .map_err(|error| DocumentsFailure::Open(error.into()).into_exception(py))?;
        if let Some(folder) = missing_folder(&chosen.location) {
            return Err(DocumentsFailure::NoFolder(folder).into_exception(py));
        }
        submit(py, Waiter::new(event_loop, future), None, async move {
            let options = OpenOptions::default();
            let opened = chosen.location.open(Purpose::Use, &options).await;
            let store = opened.map_err(DocumentsFailure::Open)?.store(&options).into();
            Ok::<_, DocumentsFailure>(Output::Documents(Self(Arc::new(Held {
                store,
                process: std::process::id(),
            }))))
        })
    }

    /// Does what `operation` names with `arguments`.
    #[pyo3(signature = (operation, arguments, event_loop=None, future=None))]
    fn call(
        &self,
        py: Python<'_>,
        operation: &str,
        arguments: &Bound<'_, PyDict>,
        event_loop: Option<Py<PyAny>>,
        future: Option<Py<PyAny>>,
    ) -> PyResult<Py<PyAny>> {
        if self.0.process != std::process::id() {
            return Err(DocumentsFailure::Forked.into_exception(py));
        }
        let held = Arc::clone(&self.0);
        let operation = Operation::read(operation, arguments)?;
        submit(py, Waiter::new(event_loop, future), None, async move {
            operation.perform(&held.store).await
        })
    }

    /// The engine.
    #[getter]
    fn engine(&self) -> &'static str {
        self.0.store.engine_name()
    }
}

/// The folder of a file that is named, if it is not there: a misspelt path would be an empty database.
fn missing_folder(location: &Location) -> Option<PathBuf> {
    let folder = location.file().filter(|file| *file != Path::new(USUAL_FILE))?.parent()?;
    let is_here = folder.as_os_str().is_empty() || folder.is_dir();
    (!is_here).then(|| folder.to_owned())
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.process != std::process::id() {
            // What is below waits for threads that only the parent has; it goes with the process.
            std::mem::forget(self.store.clone());
        }
    }
}
