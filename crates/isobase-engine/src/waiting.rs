//! Waiting for commits.

use std::{collections::HashMap, sync::Arc};

use isobase_types::{CollectionName, Sequence};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

/// The waiters for changes in one process, and what wakes them. None of them reads anything while
/// nothing happens, however many wait.
///
/// An engine tells it of every commit of its own, and of what it learns of other processes. Places
/// follow each other without a gap: a commit that does not begin after the last one known tells
/// that another process has written between, and then everybody is woken.
#[derive(Debug, Default)]
pub struct Waiting {
    state: Mutex<State>,
    /// Told when the first waiter comes, and when it is closed.
    arrived: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The last place known.
    latest: Sequence,
    /// Those who wait for changes of any collection.
    all: Arc<Notify>,
    /// Those who wait for changes of one. An entry goes with its last waiter.
    by_collection: HashMap<CollectionName, Arc<Notify>>,
    waiters: usize,
    is_closed: bool,
}

impl Waiting {
    /// Without waiters, and with the place of the last write.
    #[must_use]
    pub fn at(latest: Sequence) -> Self {
        Self { state: Mutex::new(State { latest, ..State::default() }), ..Self::default() }
    }

    /// Waits until there is a place after `since`, and, where only one collection is asked for,
    /// perhaps until something happened in that one. May come back early; comes back at once when
    /// it is closed. Its drop ends it.
    pub async fn wait(&self, since: Sequence, collection: Option<&CollectionName>) {
        let (_waiter, notified) = {
            let mut state = self.state();
            if state.is_closed || state.latest > since {
                return;
            }
            state.waiters += 1;
            if state.waiters == 1 {
                self.arrived.notify_one();
            }
            let told = match collection {
                None => Arc::clone(&state.all),
                Some(name) => Arc::clone(state.by_collection.entry(name.clone()).or_default()),
            };
            // It hears what is told from now on, also before it is polled.
            let notified = Arc::clone(&told).notified_owned();
            (Waiter { waiting: self, collection, told }, notified)
        };
        notified.await;
    }

    /// This process committed what lies between two places, these included, in some collections.
    pub fn committed<'a>(
        &self,
        first: Sequence,
        last: Sequence,
        collections: impl IntoIterator<Item = &'a CollectionName>,
    ) {
        let mut state = self.state();
        if last <= state.latest {
            return;
        }
        let others_wrote = first.0 > state.latest.0 + 1;
        state.latest = last;
        if state.waiters == 0 {
            return;
        }
        if others_wrote {
            return state.wake_everybody();
        }
        // Where nothing is told of a commit, no one need look for it.
        let mut collections = collections.into_iter().peekable();
        if collections.peek().is_some() {
            state.all.notify_waiters();
        }
        for name in collections {
            if let Some(told) = state.by_collection.remove(name) {
                told.notify_waiters();
            }
        }
    }

    /// The last place is this one, of this process or another.
    pub fn seen(&self, latest: Sequence) {
        let mut state = self.state();
        if latest > state.latest {
            state.latest = latest;
            state.wake_everybody();
        }
    }

    /// Wakes everybody: the feed is not what it was.
    pub fn wake(&self) {
        self.state().wake_everybody();
    }

    /// Whether there is a waiter.
    #[must_use]
    pub fn is_waited(&self) -> bool {
        self.state().waiters > 0
    }

    /// Comes back when somebody waits, true, or when it is closed, false. For one task of an
    /// engine, which looks for what other processes write.
    pub async fn until_waited(&self) -> bool {
        loop {
            {
                let state = self.state();
                if state.is_closed || state.waiters > 0 {
                    return !state.is_closed;
                }
            }
            self.arrived.notified().await;
        }
    }

    /// No one waits any more.
    pub fn close(&self) {
        let mut state = self.state();
        state.is_closed = true;
        state.wake_everybody();
        self.arrived.notify_one();
    }

    /// A panic elsewhere cannot leave it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl State {
    fn wake_everybody(&mut self) {
        self.all.notify_waiters();
        for (_, told) in self.by_collection.drain() {
            told.notify_waiters();
        }
    }
}

/// A waiter; its drop removes it from the list.
struct Waiter<'a> {
    waiting: &'a Waiting,
    collection: Option<&'a CollectionName>,
    told: Arc<Notify>,
}

impl Drop for Waiter<'_> {
    fn drop(&mut self) {
        let mut state = self.waiting.state();
        state.waiters -= 1;
        let Some(name) = self.collection else { return };
        // Ours and that of the list: our notification was dropped before us. The entry goes with
        // the last of its waiters.
        let is_ours = |told: &Arc<Notify>| Arc::ptr_eq(told, &self.told);
        if Arc::strong_count(&self.told) <= 2 && state.by_collection.get(name).is_some_and(is_ours)
        {
            state.by_collection.remove(name);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{
        future::Future,
        pin::pin,
        task::{Context, Poll, Waker},
    };

    use super::*;

    fn name(text: &str) -> CollectionName {
        CollectionName::new(text).unwrap()
    }

    fn is_ready(future: std::pin::Pin<&mut impl Future>) -> bool {
        matches!(future.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(_))
    }

    #[test]
    fn a_commit_wakes_those_who_wait_for_its_collections() {
        let waiting = Waiting::at(Sequence(3));
        let (a, b) = (name("a"), name("b"));
        assert!(is_ready(pin!(waiting.wait(Sequence(2), Some(&a)))));
        let mut any = pin!(waiting.wait(Sequence(3), None));
        let mut of_a = pin!(waiting.wait(Sequence(3), Some(&a)));
        let mut of_b = pin!(waiting.wait(Sequence(3), Some(&b)));
        assert!(!is_ready(any.as_mut()) && !is_ready(of_a.as_mut()) && !is_ready(of_b.as_mut()));
        waiting.committed(Sequence(4), Sequence(5), [&a]);
        assert!(is_ready(any) && is_ready(of_a) && !is_ready(of_b.as_mut()));
        // Nothing is lost by not being woken: a caller that asks for that place goes on at once.
        assert!(is_ready(pin!(waiting.wait(Sequence(4), Some(&b)))));
        waiting.committed(Sequence(6), Sequence(6), [&b]);
        assert!(is_ready(of_b));
        assert!(!waiting.is_waited());
    }

    #[test]
    fn what_others_wrote_wakes_everybody() {
        let waiting = Waiting::at(Sequence(3));
        let (a, b) = (name("a"), name("b"));
        let mut of_b = pin!(waiting.wait(Sequence(3), Some(&b)));
        assert!(!is_ready(of_b.as_mut()));
        // The places between are another process's, of whatever collections.
        waiting.committed(Sequence(6), Sequence(6), [&a]);
        assert!(is_ready(of_b));
        let mut of_b = pin!(waiting.wait(Sequence(6), Some(&b)));
        assert!(!is_ready(of_b.as_mut()));
        waiting.seen(Sequence(6));
        assert!(!is_ready(of_b.as_mut()));
        waiting.seen(Sequence(7));
        assert!(is_ready(of_b));
    }

    #[test]
    fn those_who_leave_are_forgotten() {
        let waiting = Waiting::default();
        let a = name("a");
        {
            let mut first = Box::pin(waiting.wait(Sequence(0), Some(&a)));
            let mut second = Box::pin(waiting.wait(Sequence(0), Some(&a)));
            assert!(!is_ready(first.as_mut()) && !is_ready(second.as_mut()));
            drop(first);
            waiting.committed(Sequence(1), Sequence(1), [&a]);
            assert!(is_ready(second.as_mut()));
            let mut third = Box::pin(waiting.wait(Sequence(1), Some(&a)));
            assert!(!is_ready(third.as_mut()) && waiting.is_waited());
        }
        assert!(!waiting.is_waited());
        assert!(waiting.state().by_collection.is_empty());
    }

    #[test]
    fn closing_ends_every_wait() {
        let waiting = Waiting::default();
        let mut waiter = pin!(waiting.wait(Sequence(0), None));
        let mut looking = pin!(waiting.until_waited());
        assert!(!is_ready(looking.as_mut()));
        assert!(!is_ready(waiter.as_mut()));
        assert!(is_ready(looking));
        waiting.close();
        assert!(is_ready(waiter) && is_ready(pin!(waiting.wait(Sequence(0), None))));
        assert_eq!(
            pin!(waiting.until_waited()).poll(&mut Context::from_waker(Waker::noop())),
            Poll::Ready(false)
        );
    }
}
