//! The suite on every engine, in process and over HTTP.

mod http;
mod memory;
mod sqlite;

use std::sync::Arc;

use isobase_conformance::{Opened, StoreSubject, TestClock};
use isobase_engine::Engine;

/// An engine in this process.
fn in_process(engine: impl Engine, clock: TestClock) -> Opened {
    Opened::new(StoreSubject::new(Arc::new(engine), Some(clock)))
}
