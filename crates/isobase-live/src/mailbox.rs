//! What waits for one listener.

use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use bytes::Bytes;
use futures_util::task::AtomicWaker;

use crate::LiveOptions;

/// Room that an empty queue keeps.
const KEPT_CAPACITY: usize = 16;

/// What waits for one listener, within bounds. Filled by whoever tells changes, emptied by the
/// stream of the listener.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    waiting: Mutex<Waiting>,
    taker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    events: VecDeque<Bytes>,
    bytes: usize,
    /// Since when something has waited without a moment in which nothing did.
    behind_since: Option<Instant>,
    /// There was more than fits: everything was thrown away, and nothing comes in.
    overflowed: bool,
    /// The listener has lost its right to listen.
    ended: bool,
}

/// What a listener finds.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Event(Bytes),
    Overflowed,
    Ended,
}

impl Mailbox {
    /// Puts an event in. One alone always fits.
    pub(crate) fn put(&self, event: &Bytes, options: &LiveOptions) {
        {
            let mut waiting = self.waiting();
            if waiting.overflowed || waiting.ended {
                return;
            }
            let full = waiting.events.len() >= options.queue_events_max
                || waiting.bytes + event.len() > options.queue_bytes_max;
            if full && !waiting.events.is_empty() {
                let behind_since = waiting.behind_since;
                *waiting = Waiting { overflowed: true, behind_since, ..Waiting::default() };
            } else {
                waiting.behind_since.get_or_insert_with(Instant::now);
                waiting.bytes += event.len();
                waiting.events.push_back(event.clone());
            }
        }
        self.taker.wake();
    }

    /// Takes the next thing out.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Taken> {
        if let Some(taken) = self.take() {
            return Poll::Ready(taken);
        }
        self.taker.register(cx.waker());
        // Something may have come in between.
        self.take().map_or(Poll::Pending, Poll::Ready)
    }

    fn take(&self) -> Option<Taken> {
        let mut waiting = self.waiting();
        if waiting.ended {
            return Some(Taken::Ended);
        }
        if waiting.overflowed {
            return Some(Taken::Overflowed);
        }
        let event = waiting.events.pop_front()?;
        waiting.bytes -= event.len();
        if waiting.events.is_empty() {
            waiting.behind_since = None;
            if waiting.events.capacity() > KEPT_CAPACITY {
                waiting.events = VecDeque::new();
            }
        }
        Some(Taken::Event(event))
    }

    /// Whether nothing waits, nor was thrown away.
    pub(crate) fn is_empty(&self) -> bool {
        let waiting = self.waiting();
        waiting.events.is_empty() && !waiting.overflowed && !waiting.ended
    }

    /// How many events wait, their bytes, and since when.
    pub(crate) fn size(&self) -> (usize, usize, Option<Instant>) {
        let waiting = self.waiting();
        (waiting.events.len(), waiting.bytes, waiting.behind_since)
    }

    /// Whether something was thrown away.
    pub(crate) fn is_overflowed(&self) -> bool {
        self.waiting().overflowed
    }

    /// Whether the listener may listen no more.
    pub(crate) fn is_ended(&self) -> bool {
        self.waiting().ended
    }

    /// Throws away what waits, and takes events again.
    pub(crate) fn clear(&self) {
        let mut waiting = self.waiting();
        *waiting = Waiting { ended: waiting.ended, ..Waiting::default() };
    }

    /// The listener may listen no more; what waits is thrown away.
    pub(crate) fn end(&self) {
        *self.waiting() = Waiting { ended: true, ..Waiting::default() };
        self.taker.wake();
    }

    /// A panic elsewhere cannot leave it half changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(mailbox: &Mailbox) -> Option<Taken> {
        match mailbox.poll_take(&mut Context::from_waker(std::task::Waker::noop())) {
            Poll::Ready(taken) => Some(taken),
            Poll::Pending => None,
        }
    }

    #[test]
    fn what_does_not_fit_empties_it() {
        let options =
            LiveOptions { queue_events_max: 2, queue_bytes_max: 10, ..Default::default() };
        let mailbox = Mailbox::default();
        let event = |bytes: usize| Bytes::from(vec![b'x'; bytes]);
        mailbox.put(&event(50), &options);
        assert_eq!(taken(&mailbox), Some(Taken::Event(event(50))), "one alone always fits");
        for (events, bytes) in [(3, 1), (2, 6)] {
            (0..events).for_each(|_| mailbox.put(&event(bytes), &options));
            assert_eq!(taken(&mailbox), Some(Taken::Overflowed));
            mailbox.put(&event(1), &options);
            assert_eq!(taken(&mailbox), Some(Taken::Overflowed));
            mailbox.clear();
            assert_eq!(taken(&mailbox), None);
        }
        mailbox.put(&event(1), &options);
        mailbox.end();
        mailbox.clear();
        assert_eq!(taken(&mailbox), Some(Taken::Ended));
    }
}
