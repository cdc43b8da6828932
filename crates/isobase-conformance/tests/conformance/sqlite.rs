//! The embedded engine.

use std::sync::Arc;

use isobase_conformance::{CHANGES_KEPT, Opened, TestClock, transfer::Database};
use isobase_engine::Engine;
use isobase_engine_sqlite::{SqliteEngine, SqliteOptions};
use tempfile::TempDir;

/// An engine over a file of its own.
pub(crate) fn engine() -> (SqliteEngine, TestClock, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = TestClock::default();
    let engine = SqliteEngine::open(options(&folder), clock.shared()).expect("the file opens");
    (engine, clock, folder)
}

fn options(folder: &TempDir) -> SqliteOptions {
    let mut options = SqliteOptions::new(folder.path().join("isobase.db"));
    options.changes_max = CHANGES_KEPT;
    // Nothing here cuts the power.
    options.file.synchronous = isobase_sqlite::Synchronous::Normal;
    options
}

async fn database(_case: &'static str) -> Option<Database> {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let options = options(&folder);
    let open = move || {
        let engine = SqliteEngine::open(options.clone(), TestClock::default().shared());
        std::future::ready(Arc::new(engine.expect("the file opens")) as Arc<dyn Engine>)
    };
    Some(Database::open(open).await.keep(folder))
}

isobase_conformance::transfer_tests!(crate::sqlite::database);

mod in_process {
    use super::*;

    async fn open(_case: &'static str) -> Option<Opened> {
        let (engine, clock, folder) = engine();
        Some(crate::in_process(engine, clock).keep(folder))
    }

    isobase_conformance::conformance_tests!(crate::sqlite::in_process::open);
}

mod over_http {
    use super::*;

    async fn open(_case: &'static str) -> Option<Opened> {
        let (engine, clock, folder) = engine();
        Some(crate::http::serve(engine, clock).await.keep(folder))
    }

    isobase_conformance::conformance_tests!(crate::sqlite::over_http::open);
}
