//! The native half of the Python package `isobase`.
//!
//! Python calls one method per kind of session, [`session::Connector::call`] and
//! [`session::Transaction::call`]: with an event loop the answer comes through a future of that
//! loop, without one the call waits. Everything else in the package is Python.

mod arguments;
mod bulk;
mod classes;
#[cfg(feature = "documents")]
mod documents;
mod failure;
mod from_python;
mod json;
mod mock;
mod operation;
mod output;
mod rows;
mod runtime;
mod session;
mod sync;
mod task;
mod to_python;
mod tools;

use pyo3::prelude::*;

#[pymodule]
mod _native {
    use pyo3::prelude::*;

    #[cfg(feature = "documents")]
    #[pymodule_export]
    use super::documents::Documents;
    #[pymodule_export]
    use super::mock::{Generator, Registry};
    #[pymodule_export]
    use super::runtime::leave_python;
    #[pymodule_export]
    use super::session::{Connector, Transaction};
    #[pymodule_export]
    use super::sync::Sync;
    #[pymodule_export]
    use super::task::Task;
    #[pymodule_export]
    use super::tools::{
        Logger, clean_response, match_column, response_for_storage, split_script, truncate_json,
        truncate_text, url_from_environment, variables_for_storage,
    };

    #[pymodule_init]
    fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
        let end = module.getattr("leave_python")?;
        module.py().import("atexit")?.call_method1("register", (end,)).map(drop)
    }
}
