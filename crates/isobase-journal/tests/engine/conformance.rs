//! The suite of all engines.

use std::sync::Arc;

use isobase_conformance::{CHANGES_KEPT, Opened, StoreSubject, TestClock, transfer::Database};
use isobase_engine::Engine;
use isobase_journal::{
    JournalEngine, JournalOptions,
    testing::{FakeDatabase, FakeSettings},
};

async fn open(settings: FakeSettings) -> Option<Opened> {
    let clock = TestClock::default();
    let options = JournalOptions { changes_max: CHANGES_KEPT, ..JournalOptions::default() };
    let database = FakeDatabase::new(settings);
    let engine = JournalEngine::open(database, options, clock.shared()).await.unwrap();
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let opened = Opened::new(StoreSubject::new(engine.clone(), Some(clock)));
    Some(opened.at_end(async move { engine.close().await.unwrap() }))
}

mod small_commits {
    use super::*;

    async fn open(_case: &'static str) -> Option<Opened> {
        super::open(FakeSettings::small_commits()).await
    }

    isobase_conformance::conformance_tests!(crate::conformance::small_commits::open);
}

mod large_commits {
    use super::*;

    async fn open(_case: &'static str) -> Option<Opened> {
        super::open(FakeSettings::large_commits()).await
    }

    isobase_conformance::conformance_tests!(crate::conformance::large_commits::open);
}

mod troubled {
    use super::*;

    async fn open(_case: &'static str) -> Option<Opened> {
        super::open(FakeSettings::small_commits().troubled()).await
    }

    isobase_conformance::conformance_tests!(crate::conformance::troubled::open);
}

async fn database(_case: &'static str) -> Option<Database> {
    let clock = TestClock::default();
    let database = FakeDatabase::new(FakeSettings::small_commits());
    let open = move || {
        let (database, clock) = (database.clone(), clock.shared());
        async move {
            let opened = JournalEngine::open(database, JournalOptions::default(), clock).await;
            Arc::new(opened.unwrap()) as Arc<dyn Engine>
        }
    };
    Some(Database::open(open).await)
}

isobase_conformance::transfer_tests!(crate::conformance::database);
