//! A clock that stands still until it is told.

use std::{
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use isobase_engine::Clock;
use isobase_types::Timestamp;

/// A clock that stands still until it is told. Clones show the same time.
#[derive(Clone, Debug)]
pub struct TestClock(Arc<Hands>);

#[derive(Debug)]
struct Hands {
    now_us: AtomicI64,
    passed_us: AtomicI64,
}

impl Default for TestClock {
    /// The first second of 2026.
    fn default() -> Self {
        let now_us = AtomicI64::new(1_767_225_600_000_000);
        Self(Arc::new(Hands { now_us, passed_us: AtomicI64::new(0) }))
    }
}

impl TestClock {
    /// Moves on by so many microseconds.
    ///
    /// # Panics
    /// When it is to go back, as time does not: that is a jump.
    pub fn advance_us(&self, microseconds: i64) {
        assert!(microseconds >= 0, "time does not go back by {microseconds} us");
        self.0.passed_us.fetch_add(microseconds, Ordering::SeqCst);
        self.jump_us(microseconds);
    }

    /// Is set forward or back by so many microseconds, in no time.
    pub fn jump_us(&self, microseconds: i64) {
        self.0.now_us.fetch_add(microseconds, Ordering::SeqCst);
    }

    /// As an engine takes it.
    #[must_use]
    pub fn shared(&self) -> Arc<dyn Clock> {
        Arc::new(self.clone())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        Timestamp { unix_us: self.0.now_us.load(Ordering::SeqCst) }
    }

    fn monotonic(&self) -> Duration {
        Duration::from_micros(self.0.passed_us.load(Ordering::SeqCst).unsigned_abs())
    }
}
