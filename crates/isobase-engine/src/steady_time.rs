//! The time, and whether it can be trusted to delete by.

use std::{sync::Arc, time::Duration};

use isobase_types::Timestamp;
use parking_lot::{Mutex, MutexGuard};

use crate::Clock;

/// A clock that moves by this much more or less than time passes has jumped. Ours: more than any
/// correction of a clock that runs.
const JUMP: Duration = Duration::from_secs(60);

/// How long a clock must not have jumped before anything is deleted by it. Ours: an operator, or
/// the daemon that sets the clock, puts a wrong one right within that time.
const CONFIRMED_AFTER: Duration = Duration::from_secs(600);

/// The time of an engine: what it writes, and before which moment things are old.
///
/// Old data is deleted for good, and a clock may be wrong for a second. So a time counts only
/// after it has stood for a while, measured by a clock that cannot be set: a jump deletes
/// nothing, whichever way it goes.
pub struct SteadyTime {
    clock: Arc<dyn Clock>,
    seen: Mutex<Seen>,
}

/// The clock when it was last looked at.
#[derive(Clone, Copy)]
struct Seen {
    now: Timestamp,
    monotonic: Duration,
    /// Since then it has not jumped.
    steady_since: Duration,
}

impl SteadyTime {
    /// The time by a clock, which is looked at from now on.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        let (now, monotonic) = (clock.now(), clock.monotonic());
        Self { clock, seen: Mutex::new(Seen { now, monotonic, steady_since: monotonic }) }
    }

    /// The present moment, as it is written down.
    pub fn now(&self) -> Timestamp {
        let (now, monotonic) = (self.clock.now(), self.clock.monotonic());
        let mut seen = self.seen();
        let has_jumped = has_jumped(*seen, now, monotonic);
        let steady_since = if has_jumped { monotonic } else { seen.steady_since };
        *seen = Seen { now, monotonic, steady_since };
        now
    }

    /// Time that passed since some moment; never goes back, and is no time of day.
    #[must_use]
    pub fn monotonic(&self) -> Duration {
        self.clock.monotonic()
    }

    /// The moment before which something is older than a retention, as of the last look at
    /// [`SteadyTime::now`]; before all times while the clock has not stood for long enough, or for
    /// that retention where it is shorter.
    pub fn oldest(&self, retention: Duration) -> Timestamp {
        let retention_us = i64::try_from(retention.as_micros()).unwrap_or(i64::MAX);
        let Seen { now, monotonic, steady_since } = *self.seen();
        let is_steady = monotonic - steady_since >= CONFIRMED_AFTER.min(retention);
        let oldest = if is_steady { now.unix_us.saturating_sub(retention_us) } else { i64::MIN };
        Timestamp { unix_us: oldest }
    }

    /// A panic elsewhere cannot leave it half changed.
    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock()
    }
}

/// Whether the clock moved otherwise than time has passed.
fn has_jumped(seen: Seen, now: Timestamp, monotonic: Duration) -> bool {
    let passed = monotonic.saturating_sub(seen.monotonic);
    let passed_us = i64::try_from(passed.as_micros()).unwrap_or(i64::MAX);
    let jumped_us = now.unix_us.saturating_sub(seen.now.unix_us.saturating_add(passed_us));
    let has_jumped = Duration::from_micros(jumped_us.unsigned_abs()) > JUMP;
    if has_jumped {
        let seconds = jumped_us / 1_000_000;
        tracing::warn!(
            seconds,
            "the clock jumped by {seconds} s; nothing is deleted by age until it has stood for a \
             while"
        );
    }
    has_jumped
}

impl std::fmt::Debug for SteadyTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SteadyTime").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[derive(Default)]
    struct Hands {
        now_us: AtomicI64,
        passed_us: AtomicU64,
    }

    impl Hands {
        fn pass(&self, time: Duration) {
            let us = u64::try_from(time.as_micros()).unwrap();
            self.passed_us.fetch_add(us, Ordering::SeqCst);
            self.jump(us.cast_signed());
        }

        fn jump(&self, us: i64) {
            self.now_us.fetch_add(us, Ordering::SeqCst);
        }
    }

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp { unix_us: self.now_us.load(Ordering::SeqCst) }
        }

        fn monotonic(&self) -> Duration {
            Duration::from_micros(self.passed_us.load(Ordering::SeqCst))
        }
    }

    #[test]
    fn a_jump_makes_nothing_old() {
        let hands = Arc::new(Hands::default());
        let time = SteadyTime::new(hands.clone());
        let is_trusted = || {
            time.now();
            time.oldest(DAY).unix_us > i64::MIN
        };
        assert!(!is_trusted());
        hands.pass(DAY);
        assert!(is_trusted());
        assert_eq!(time.oldest(DAY), Timestamp::default());
        // Forty days forward for a second, and back.
        for days in [40, -40] {
            hands.jump(days * 86_400_000_000);
            assert!(!is_trusted());
            hands.pass(Duration::from_secs(1));
            assert!(!is_trusted());
        }
        hands.pass(CONFIRMED_AFTER);
        assert!(is_trusted());
        // A clock that is corrected a little is steady.
        hands.jump(1_000_000);
        assert!(is_trusted());
    }

    #[test]
    fn a_short_retention_waits_no_longer_than_itself() {
        let hands = Arc::new(Hands::default());
        // It counts from the start, whenever the time is asked for first.
        let time = SteadyTime::new(hands.clone());
        hands.pass(Duration::from_secs(3));
        time.now();
        let second = Duration::from_secs(1);
        assert_eq!(time.oldest(second), Timestamp { unix_us: 2_000_000 });
    }
}
