//! No faster than the caller allows.

use std::{
    num::NonZeroU32,
    time::{Duration, Instant},
};

/// Parts a second when there is a bound: the load is even, and a slow one does not look stuck.
const PARTS_PER_SECOND: u32 = 10;

/// Spreads documents evenly over time.
#[derive(Debug)]
pub(crate) struct Pace {
    per_second: Option<NonZeroU32>,
    started: Instant,
    passed: u64,
}

impl Pace {
    pub(crate) fn new(per_second: Option<NonZeroU32>) -> Self {
        Self { per_second, started: Instant::now(), passed: 0 }
    }

    /// Most documents that may be passed on at once.
    pub(crate) fn part_max(&self) -> usize {
        self.per_second.map_or(usize::MAX, |rate| (rate.get() / PARTS_PER_SECOND).max(1) as usize)
    }

    /// How long to wait before so many documents are passed on.
    pub(crate) fn delay(&mut self, documents: usize) -> Duration {
        let Some(rate) = self.per_second else { return Duration::ZERO };
        // What was passed on so far is allowed after this time.
        let due = Duration::from_secs_f64(self.passed as f64 / f64::from(rate.get()));
        self.passed += documents as u64;
        due.saturating_sub(self.started.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documents_are_spread_over_time() {
        let mut pace = Pace::new(NonZeroU32::new(100));
        assert_eq!(pace.part_max(), 10);
        assert_eq!(pace.delay(10), Duration::ZERO);
        let delay = pace.delay(10);
        assert!(delay > Duration::from_millis(50) && delay <= Duration::from_millis(100));
        assert_eq!(Pace::new(None).delay(1_000_000), Duration::ZERO);
    }
}
