//! The memory engine.

use isobase_conformance::{CHANGES_KEPT, Opened, TestClock};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};

pub(crate) fn engine() -> (MemoryEngine, TestClock) {
    let clock = TestClock::default();
    let options = MemoryOptions { changes_max: CHANGES_KEPT as usize, ..Default::default() };
    (MemoryEngine::new(clock.shared(), options), clock)
}

mod in_process {
    use super::*;

    async fn open(_case: &'static str) -> Option<Opened> {
        let (engine, clock) = engine();
        Some(crate::in_process(engine, clock))
    }

    isobase_conformance::conformance_tests!(crate::memory::in_process::open);
}

async fn database(_case: &'static str) -> Option<isobase_conformance::transfer::Database> {
    let (engine, _clock) = engine();
    Some(isobase_conformance::transfer::Database::in_memory(engine))
}

isobase_conformance::transfer_tests!(crate::memory::database);

mod over_http {
    use super::*;

    async fn open(_case: &'static str) -> Option<Opened> {
        let (engine, clock) = engine();
        Some(crate::http::serve(engine, clock).await)
    }

    isobase_conformance::conformance_tests!(crate::memory::over_http::open);
}
