//! One who watches the log.

use std::{collections::VecDeque, sync::Arc};

use isobase_types::Document;

use crate::{
    Entry, Missed, MissedReason, Requests, RequestsError, TailOptions,
    room::{Seat, Taken},
};

/// Entries that are read at once for somebody who comes back.
const REPLAY_PAGE: u32 = 200;

/// One who watches the log. Its drop takes it out.
#[derive(Debug)]
pub struct Watcher {
    seat: Seat,
    /// Entries that were logged while it was away are told before anything else.
    replay: Option<Replay>,
    /// The message told first.
    greeting: Option<Missed>,
    /// The number of the last entry that it was told of.
    place: i64,
}

/// A message to a watcher.
#[derive(Clone, Debug)]
pub enum Told {
    /// An entry.
    Entry(Arc<Entry>),
    /// Entries that it is not told of.
    Missed(Missed),
}

/// The entries between two numbers, read part by part.
#[derive(Debug)]
pub(crate) struct Replay {
    requests: Arc<Requests>,
    /// The number after which the next part begins.
    after: i64,
    to: i64,
    read: VecDeque<Document>,
    /// How many may still be read.
    left: u32,
}

impl Replay {
    /// Entries after one number and up to another.
    pub(crate) fn new(
        requests: Arc<Requests>,
        (after, to): (i64, i64),
        options: &TailOptions,
    ) -> Self {
        Self { requests, after, to, read: VecDeque::new(), left: options.replay_max }
    }
}

impl Watcher {
    pub(crate) fn new(
        seat: Seat,
        replay: Option<Replay>,
        greeting: Option<Missed>,
        place: i64,
    ) -> Self {
        Self { seat, replay, greeting, place }
    }

    /// The number of the last entry that it was told of, or after which it began. Anyone who comes
    /// back with it misses nothing.
    #[must_use]
    pub fn place(&self) -> i64 {
        self.place
    }

    /// Moves the place behind entries that it did not ask for, if nothing waits for it.
    pub fn pass(&mut self) {
        if self.replay.is_none()
            && self.greeting.is_none()
            && let Some(last) = self.seat.told_up_to()
        {
            self.place = self.place.max(last);
        }
    }

    /// The next message; waits for it. Its drop loses nothing.
    ///
    /// # Errors
    /// When what it missed cannot be read.
    pub async fn next(&mut self) -> Result<Told, RequestsError> {
        if let Some(missed) = self.greeting.take() {
            return Ok(Told::Missed(missed));
        }
        while self.replay.is_some() {
            if let Some(told) = self.next_missed().await? {
                return Ok(told);
            }
        }
        loop {
            match self.seat.mailbox.take() {
                Some(Taken::Entry(entry)) => {
                    self.place = entry.id;
                    return Ok(Told::Entry(entry));
                }
                Some(Taken::Missed(missed)) => {
                    self.place = missed.ids.1;
                    return Ok(Told::Missed(missed));
                }
                None => self.seat.mailbox.arrived.notified().await,
            }
        }
    }

    /// The next of what was logged while it was away; `None` if nothing of one part is wanted.
    async fn next_missed(&mut self) -> Result<Option<Told>, RequestsError> {
        let Some(replay) = &mut self.replay else { return Ok(None) };
        while let Some(document) = replay.read.pop_front() {
            let Some(entry) = Entry::read(&document) else { continue };
            self.place = entry.id;
            if self.seat.mailbox.wanted.is_met_by(&document, &entry) {
                return Ok(Some(Told::Entry(Arc::new(entry))));
            }
        }
        if replay.after >= replay.to {
            self.replay = None;
            return Ok(None);
        }
        if replay.left == 0 {
            let (reason, ids) = (MissedReason::TooFar, (replay.after + 1, replay.to));
            self.place = replay.to;
            self.replay = None;
            return Ok(Some(Told::Missed(Missed { reason, entries: None, ids, moments: None })));
        }
        let limit = REPLAY_PAGE.min(replay.left);
        let between = (replay.after, Some(replay.to));
        let read = replay.requests.after(between, limit).await?;
        replay.left -= limit;
        let last = read.last().and_then(|last| last.id.counted());
        let is_full = read.len() == limit as usize;
        replay.after = last.filter(|_| is_full).unwrap_or(replay.to);
        replay.read = read.into();
        Ok(None)
    }
}
