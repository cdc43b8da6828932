//! A clock that stands still until it is told.

use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

use isobase_engine::Clock;
use isobase_types::Timestamp;

/// A clock that stands still until it is told. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<AtomicI64>);

impl Default for TestClock {
    /// The first second of 2026.
    fn default() -> Self {
        Self(Arc::new(AtomicI64::new(1_767_225_600_000_000)))
    }
}

impl TestClock {
    /// Moves on by so many microseconds.
    pub fn advance_us(&self, microseconds: i64) {
        self.0.fetch_add(microseconds, Ordering::SeqCst);
    }

    /// As an engine takes it.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp { unix_us: self.0.load(Ordering::SeqCst) }
    }
}
