//! The suite on every engine, in process and over HTTP.

mod accounts;
mod couchdb;
mod dynamodb;
mod firestore;
mod http;
mod json_patch;
mod json_schema;
mod memory;
mod page;
mod postgres;
mod sqlite;

use std::{sync::Arc, time::Duration};

use isobase_conformance::{Abilities, CHANGES_KEPT, Opened, StoreSubject, TestClock};
use isobase_engine::Engine;
use isobase_journal::JournalOptions;

/// A server for tests on a busy machine takes its time, and some sort whole collections.
const DEADLINE: Duration = Duration::from_secs(60);

/// How an engine over a document database is opened.
fn remote() -> JournalOptions {
    JournalOptions { changes_max: CHANGES_KEPT, deadline: DEADLINE, ..JournalOptions::default() }
}

/// An engine in this process, closed when the case is over.
fn in_process(engine: impl Engine, clock: TestClock) -> Opened {
    let abilities = Abilities::of(&engine);
    in_process_with(engine, clock, abilities)
}

/// The same on a server with faults.
fn in_process_with(engine: impl Engine, clock: TestClock, abilities: Abilities) -> Opened {
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let subject = StoreSubject::new(engine.clone(), Some(clock)).with_abilities(abilities);
    let opened = Opened::new(subject);
    opened.at_end(async move { engine.close().await.expect("the engine closes") })
}
