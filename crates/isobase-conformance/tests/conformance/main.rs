//! The suite on every engine, in process and over HTTP.

mod couchdb;
mod dynamodb;
mod firestore;
mod http;
mod memory;
mod page;
mod postgres;
mod sqlite;

use std::sync::Arc;

use isobase_conformance::{Opened, StoreSubject, TestClock};
use isobase_engine::Engine;

/// An engine in this process, closed when the case is over.
fn in_process(engine: impl Engine, clock: TestClock) -> Opened {
    let engine: Arc<dyn Engine> = Arc::new(engine);
    let opened = Opened::new(StoreSubject::new(engine.clone(), Some(clock)));
    opened.at_end(async move { engine.close().await.expect("the engine closes") })
}
