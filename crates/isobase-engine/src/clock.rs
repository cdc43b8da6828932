//! Where time comes from.

use std::{sync::OnceLock, time::Duration, time::Instant};

use isobase_types::Timestamp;

/// A source of the present moment, so that tests can set it.
pub trait Clock: Send + Sync + 'static {
    /// The present moment. May go back, and jump.
    fn now(&self) -> Timestamp;

    /// Time that passed since some moment; never goes back. As [`Clock::now`] of a clock that
    /// no one sets.
    fn monotonic(&self) -> Duration {
        Duration::from_micros(u64::try_from(self.now().unix_us).unwrap_or_default())
    }
}

/// The clock of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_system_time(std::time::SystemTime::now())
    }

    fn monotonic(&self) -> Duration {
        static START: OnceLock<Instant> = OnceLock::new();
        START.get_or_init(Instant::now).elapsed()
    }
}
