//! How fast listeners are told.

use std::{
    task::Waker,
    time::{Duration, Instant},
};

use tokio::task::yield_now;

/// Listeners that are woken before everything else in the process has its turn: each costs a write
/// to its connection of a few microseconds. Where they are fewer, the workers of the runtime fall
/// asleep and are woken again for each handful, and on a busy machine that takes its time.
const WOKEN_TOGETHER: usize = 512;

/// To tell so many costs nothing that could be seen.
const FEW: usize = 128;

/// How many times as long as telling took is left to others, when changes come faster than they
/// can be told.
const REST: u32 = 4;
const REST_MAX: Duration = Duration::from_secs(2);

/// The feed is looked at during a rest, so that a stream whose right has ended soon ends.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Wakes those who have something to take.
///
/// To tell one change to ten thousand connections takes hundreds of milliseconds of processor time.
/// Writers that are faster would leave none to themselves: then what they change is gathered, and
/// telling takes at most a fifth of the time.
#[derive(Debug)]
pub(crate) struct Pace {
    /// Those who wait to be woken.
    wakers: Vec<Waker>,
    /// Changes since the last time they were woken.
    changes: usize,
    /// Until then they wait.
    resting_until: Instant,
}

impl Pace {
    pub(crate) fn new() -> Self {
        Self { wakers: Vec::new(), changes: 0, resting_until: Instant::now() }
    }

    /// Where those go to whom so many changes are told.
    pub(crate) fn told(&mut self, changes: usize) -> &mut Vec<Waker> {
        self.changes += changes;
        &mut self.wakers
    }

    /// Wakes everybody, a few at a time, unless it is too early.
    pub(crate) async fn wake(&mut self) {
        let began = Instant::now();
        if began < self.resting_until {
            return yield_now().await;
        }
        if self.wakers.is_empty() {
            self.changes = 0;
            return;
        }
        let few = self.wakers.len() <= FEW;
        loop {
            let left = self.wakers.len().saturating_sub(WOKEN_TOGETHER);
            self.wakers.drain(left..).for_each(Waker::wake);
            yield_now().await;
            if self.wakers.is_empty() {
                break;
            }
        }
        // One change at a time is told at once, however many listen.
        if self.changes > 1 && !few {
            let took = began.elapsed();
            self.resting_until = began + took + (took * REST).min(REST_MAX);
        }
        self.changes = 0;
    }

    /// How long to wait before the feed is looked at again.
    pub(crate) fn rest(&self) -> Option<Duration> {
        let rest = self.resting_until.checked_duration_since(Instant::now())?;
        (!rest.is_zero()).then(|| rest.min(LOOK_EVERY))
    }
}
