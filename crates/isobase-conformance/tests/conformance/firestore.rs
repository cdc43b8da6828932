//! The Firestore engine, in a project of its own for each case, on each emulator.

use isobase_conformance::TestClock;
use isobase_engine_firestore::{Environment, FirestoreDatabase, FirestoreOptions};
use isobase_journal::JournalEngine;
use isobase_testkit::{firestore_hosts, unique_name};

#[expect(clippy::print_stderr, reason = "a case that does not run must say so")]
fn not_run(case: &str, emulator: &str) {
    eprintln!("NOT RUN: {case}: there is no Firestore emulator '{emulator}'");
}

/// An engine over an empty project of an emulator; none without that emulator.
pub(crate) async fn engine(
    case: &str,
    emulator: &str,
) -> Option<(JournalEngine<FirestoreDatabase>, TestClock)> {
    let project = unique_name("p").replace('_', "-");
    let Some(engine) = open(emulator, &project).await else {
        not_run(case, emulator);
        return None;
    };
    Some(engine)
}

/// An engine over a project.
async fn open(
    emulator: &str,
    project: &str,
) -> Option<(JournalEngine<FirestoreDatabase>, TestClock)> {
    let host = firestore_hosts().into_iter().find(|host| host.name == emulator)?.host;
    let url = format!("firestore://{project}?emulator={host}");
    let options = FirestoreOptions::new(&url).expect("the URL of the emulator");
    let remote = crate::remote();
    let clock = TestClock::default();
    let environment = Environment::default();
    let engine = isobase_engine_firestore::open(options, &environment, remote, clock.shared());
    Some((engine.await.expect("the emulator is there"), clock))
}

mod mock {
    use std::sync::Arc;

    use isobase_conformance::transfer::Database;
    use isobase_engine::Engine;
    use isobase_testkit::{firestore_hosts, unique_name};

    async fn database(case: &'static str) -> Option<Database> {
        if firestore_hosts().iter().all(|host| host.name != "mock") {
            super::not_run(case, "mock");
            return None;
        }
        let project = unique_name("p").replace('_', "-");
        let open = move || {
            let project = project.clone();
            async move {
                let (engine, _) = super::open("mock", &project).await.expect("it is there");
                Arc::new(engine) as Arc<dyn Engine>
            }
        };
        Some(Database::open(open).await)
    }

    isobase_conformance::transfer_tests!(crate::firestore::mock::database);

    mod in_process {
        use isobase_conformance::{Abilities, Opened};

        async fn open(case: &'static str) -> Option<Opened> {
            let (engine, clock) = crate::firestore::engine(case, "mock").await?;
            let abilities = Abilities::of(&engine).sampled(4);
            Some(crate::in_process_with(engine, clock, abilities))
        }

        isobase_conformance::conformance_tests!(crate::firestore::mock::in_process::open);
    }

    mod over_http {
        use isobase_conformance::{Abilities, Opened};

        async fn open(case: &'static str) -> Option<Opened> {
            let (engine, clock) = crate::firestore::engine(case, "mock").await?;
            let abilities = Abilities::of(&engine).sampled(8);
            Some(crate::http::serve_with(engine, clock, abilities).await)
        }

        isobase_conformance::conformance_tests!(crate::firestore::mock::over_http::open);
    }
}

/// Google's own emulator, which few machines have: what holds for one must hold for the other.
mod google {
    use isobase_conformance::{Abilities, Opened};

    async fn open(case: &'static str) -> Option<Opened> {
        let (engine, clock) = crate::firestore::engine(case, "google").await?;
        let abilities = Abilities::of(&engine).sampled(8);
        Some(crate::in_process_with(engine, clock, abilities))
    }

    isobase_conformance::conformance_tests!(crate::firestore::google::open);
}
