//! The embedded engine.

use isobase_conformance::{CHANGES_KEPT, Opened, TestClock};
use isobase_engine_sqlite::{SqliteEngine, SqliteOptions};
use tempfile::TempDir;

/// An engine over a file of its own.
fn engine() -> (SqliteEngine, TestClock, TempDir) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let clock = TestClock::default();
    let mut options = SqliteOptions::new(folder.path().join("isobase.db"));
    options.changes_max = CHANGES_KEPT;
    // Nothing here cuts the power.
    options.file.synchronous = isobase_sqlite::Synchronous::Normal;
    let engine = SqliteEngine::open(options, clock.shared()).expect("the file opens");
    (engine, clock, folder)
}

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
