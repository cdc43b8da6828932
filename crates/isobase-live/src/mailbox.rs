//! The mailbox of one listener.

use std::{
    collections::VecDeque,
    task::{Context, Poll, Waker},
    time::Instant,
};

use futures_util::task::AtomicWaker;
use parking_lot::{Mutex, MutexGuard};

use crate::{LiveOptions, Piece};

/// Room that an empty queue keeps.
const KEPT_CAPACITY: usize = 16;

/// The events that wait for one listener, within bounds. Filled by the task that tells changes, emptied by the
/// stream of the listener.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    waiting: Mutex<Waiting>,
    taker: AtomicWaker,
}

#[derive(Debug, Default)]
struct Waiting {
    pieces: VecDeque<Piece>,
    /// Of all pieces.
    events: usize,
    bytes: usize,
    /// Since when something has waited without a moment in which nothing did.
    behind_since: Option<Instant>,
    /// There was more than fits: everything was thrown away, and nothing comes in.
    overflowed: bool,
    /// The listener has lost its right to listen.
    ended: bool,
}

/// The findings of a listener.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken {
    Piece(Piece),
    Overflowed,
    Ended,
}

impl Mailbox {
    /// Puts events in. One alone always fits. Returns the listener's waker if it waits: the caller
    /// wakes it when it is time.
    pub(crate) fn put(&self, piece: &Piece, options: &LiveOptions) -> Option<Waker> {
        {
            let mut waiting = self.waiting();
            if waiting.overflowed || waiting.ended {
                return None;
            }
            let (events, bytes) = (piece.events, piece.text.len());
            let full = waiting.events + events > options.queue_events_max
                || waiting.bytes + bytes > options.queue_bytes_max;
            if full && waiting.events + events > 1 {
                let behind_since = waiting.behind_since;
                *waiting = Waiting { overflowed: true, behind_since, ..Waiting::default() };
            } else {
                waiting.behind_since.get_or_insert_with(Instant::now);
                waiting.events += events;
                waiting.bytes += bytes;
                waiting.pieces.push_back(piece.clone());
            }
        }
        self.taker.take()
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
        let piece = waiting.pieces.pop_front()?;
        waiting.events -= piece.events;
        waiting.bytes -= piece.text.len();
        if waiting.pieces.is_empty() {
            waiting.behind_since = None;
            if waiting.pieces.capacity() > KEPT_CAPACITY {
                waiting.pieces = VecDeque::new();
            }
        }
        Some(Taken::Piece(piece))
    }

    /// Whether nothing waits, nor was thrown away.
    pub(crate) fn is_empty(&self) -> bool {
        let waiting = self.waiting();
        waiting.pieces.is_empty() && !waiting.overflowed && !waiting.ended
    }

    /// How many events wait, their bytes, and since when.
    pub(crate) fn size(&self) -> (usize, usize, Option<Instant>) {
        let waiting = self.waiting();
        (waiting.events, waiting.bytes, waiting.behind_since)
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
        self.waiting.lock()
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

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
        let piece = |events: &[usize]| {
            let event = |bytes: &usize| Bytes::from(vec![b'x'; *bytes]);
            Piece::of(&events.iter().map(event).collect::<Vec<_>>())
        };
        let put = |events: &[usize]| mailbox.put(&piece(events), &options);
        put(&[50]);
        assert_eq!(taken(&mailbox), Some(Taken::Piece(piece(&[50]))), "one alone always fits");
        for bytes in [&[1, 1, 1][..], &[6, 6]] {
            for bytes in bytes {
                put(&[*bytes]);
            }
            assert_eq!(taken(&mailbox), Some(Taken::Overflowed));
            put(&[1]);
            assert_eq!(taken(&mailbox), Some(Taken::Overflowed));
            mailbox.clear();
            put(bytes);
            assert_eq!(taken(&mailbox), Some(Taken::Overflowed), "also when they come together");
            mailbox.clear();
            assert_eq!(taken(&mailbox), None);
        }
        put(&[2, 3]);
        assert_eq!(taken(&mailbox), Some(Taken::Piece(piece(&[2, 3]))), "together");
        put(&[4]);
        put(&[1]);
        for bytes in [4, 1] {
            assert_eq!(taken(&mailbox), Some(Taken::Piece(piece(&[bytes]))));
        }
        assert_eq!(taken(&mailbox), None);
        put(&[1]);
        mailbox.end();
        mailbox.clear();
        assert_eq!(taken(&mailbox), Some(Taken::Ended));
    }
}
