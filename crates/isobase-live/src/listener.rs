//! One stream of events.

use std::{
    future::poll_fn,
    pin::Pin,
    task::{Context, Poll, ready},
};

use bytes::Bytes;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::{
    Gauge, Piece,
    event::{self, GapReason},
    mailbox::Taken,
    replay::{Replay, Step},
    room::Seat,
};

/// One who listens. Its drop takes it out.
#[derive(Debug)]
pub struct Listener {
    seat: Seat,
    /// The messages told first, the last one first.
    greetings: Vec<Bytes>,
    /// The missed entries are told before anything else.
    replay: Option<Box<Replay>>,
    /// When it was last told something.
    spoken_at: Instant,
    /// Fires when a ping may be due. Not moved by events, of which there are many.
    timer: Pin<Box<Sleep>>,
}

/// The interest of a listener.
enum Next {
    Taken(Taken),
    Quiet,
}

impl Listener {
    pub(crate) fn new(seat: Seat, greetings: Vec<Bytes>, replay: Option<Replay>) -> Self {
        let spoken_at = Instant::now();
        let timer = Box::pin(sleep_until(spoken_at + seat.room().options.ping));
        Self { seat, greetings, replay: replay.map(Box::new), spoken_at, timer }
    }

    /// How far behind it is, whenever it is asked.
    #[must_use]
    pub fn gauge(&self) -> Gauge {
        Gauge::new(self.seat.mailbox.clone())
    }

    /// The next events. `None` if there will be no more: the right to listen is gone or has
    /// changed, or the feed cannot be read. A listener that comes back with the id of its last
    /// event then misses nothing.
    ///
    /// Its drop loses nothing.
    pub async fn next(&mut self) -> Option<Piece> {
        if self.seat.mailbox.is_ended() {
            return None;
        }
        let piece = match self.greetings.pop() {
            Some(greeting) => Some(greeting.into()),
            None if self.replay.is_some() => match Box::pin(self.next_missed()).await {
                Ok(Some(piece)) => Some(piece),
                Ok(None) => self.next_waiting().await,
                Err(()) => None,
            },
            None => self.next_waiting().await,
        };
        self.spoken_at = Instant::now();
        piece
    }

    /// The next of what was missed; `None` if that is all.
    async fn next_missed(&mut self) -> Result<Option<Piece>, ()> {
        let Some(replay) = &mut self.replay else { return Ok(None) };
        match replay.step(&self.seat).await {
            Ok(Step::Events(piece)) => return Ok(Some(piece)),
            Ok(Step::Gap(event)) => {
                self.replay = None;
                return Ok(Some(event.into()));
            }
            Ok(Step::Done) => self.replay = None,
            Err(error) => {
                tracing::warn!(%error, "a listener is cut off: what it missed cannot be read: {error}");
                return Err(());
            }
        }
        Ok(None)
    }

    /// The next of what is told now.
    async fn next_waiting(&mut self) -> Option<Piece> {
        loop {
            match poll_fn(|cx| self.poll_next(cx)).await {
                Next::Taken(Taken::Piece(piece)) => return Some(piece),
                Next::Taken(Taken::Ended) => return None,
                Next::Taken(Taken::Overflowed) => {
                    let topics = self.seat.interests.iter().map(|interest| &*interest.topic);
                    let gap = event::gap(topics, GapReason::TooSlow, self.seat.skip());
                    return Some(gap.into());
                }
                Next::Quiet => {
                    if let Some(place) = self.seat.told_up_to() {
                        return Some(event::ping(place).into());
                    }
                }
            }
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Next> {
        if let Poll::Ready(taken) = self.seat.mailbox.poll_take(cx) {
            return Poll::Ready(Next::Taken(taken));
        }
        loop {
            ready!(self.timer.as_mut().poll(cx));
            let (now, due) = (Instant::now(), self.spoken_at + self.seat.room().options.ping);
            let quiet = due <= now;
            self.timer.as_mut().reset(if quiet {
                now + self.seat.room().options.ping
            } else {
                due
            });
            if quiet {
                return Poll::Ready(Next::Quiet);
            }
        }
    }
}
