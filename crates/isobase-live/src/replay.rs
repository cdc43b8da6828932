//! Events that a listener missed while it was away.

use std::{sync::Arc, time::SystemTime};

use bytes::Bytes;
use isobase_store::{FeedPage, FeedPlace, Since, StoreError};
use isobase_types::Timestamp;
use tokio::sync::Semaphore;

use crate::{
    Interest, Piece,
    event::{self, GapReason},
    reader::{Reader, Row, is_gone},
    room::Seat,
};

/// The way of a listener from where it was to what is told now.
#[derive(Debug)]
pub(crate) struct Replay {
    reader: Reader,
    /// So many read at the same time.
    turns: Arc<Semaphore>,
    /// Up to here the changes were read.
    place: FeedPlace,
    /// What comes after waits in the mailbox.
    end: FeedPlace,
    /// What the last page that was read tells.
    ready: Vec<Bytes>,
    /// How many changes were looked through.
    seen: u32,
}

/// How it goes on.
#[derive(Debug)]
pub(crate) enum Step {
    /// With events.
    Events(Piece),
    /// With an event that says that the rest was left out, and then what waits in the mailbox.
    Gap(Bytes),
    /// With what waits in the mailbox.
    Done,
}

impl Replay {
    /// From a place to the seat's, with the first page after it.
    pub(crate) async fn new(
        reader: Reader,
        turns: Arc<Semaphore>,
        page: FeedPage,
        seat: &Seat,
    ) -> Result<Self, StoreError> {
        let (place, end) = (page.next, seat.entered);
        let mut replay = Self { reader, turns, place, end, ready: Vec::new(), seen: 0 };
        replay.take(page, &seat.interests).await?;
        Ok(replay)
    }

    /// The next thing that a listener is told.
    pub(crate) async fn step(&mut self, seat: &Seat) -> Result<Step, StoreError> {
        loop {
            if !self.ready.is_empty() {
                return Ok(Step::Events(Piece::of(&std::mem::take(&mut self.ready))));
            }
            if self.place.identity != self.end.identity {
                return Ok(left_out(seat, GapReason::PastGone));
            }
            if self.place.sequence >= self.end.sequence {
                if !seat.mailbox.is_overflowed() {
                    return Ok(Step::Done);
                }
                // More happened meanwhile than could wait: it is read, too.
                self.end = seat.skip();
                continue;
            }
            if self.seen >= seat.room().options.replay_max {
                return Ok(left_out(seat, GapReason::TooFar));
            }
            let read = {
                let _turn = self.turns.acquire().await;
                self.reader.read(Since::Place(self.place)).await
            };
            match read {
                Ok(page) => self.take(page, &seat.interests).await?,
                Err(error) if is_gone(&error) => return Ok(left_out(seat, GapReason::PastGone)),
                Err(error) => return Err(error),
            }
        }
    }

    /// Takes what concerns the listener from a page.
    async fn take(&mut self, page: FeedPage, interests: &[Interest]) -> Result<(), StoreError> {
        let is_empty = page.changes.is_empty() && !page.more;
        self.seen = self.seen.saturating_add(u32::try_from(page.changes.len()).unwrap_or(u32::MAX));
        let now = Timestamp::from_system_time(SystemTime::now());
        for change in &page.changes {
            if change.sequence > self.end.sequence {
                break;
            }
            let of = |interest: &&Interest| interest.topic.collection == change.collection;
            let Some(interest) = interests.iter().find(of) else { continue };
            let row = self.reader.row(change).await?;
            let whole = row.as_ref().map(|row| &*row.whole);
            if let Some(told) = interest.told(change, whole, now) {
                let shown = row.as_ref().map(Row::shown).unwrap_or_default();
                let place = page.place_of(change);
                let text = event::of_change(&interest.topic, told, change, shown, place);
                self.ready.push(text);
            }
        }
        // Changes after the end were passed over; a feed without anything more is at its end.
        let same = page.next.identity == self.end.identity;
        let at_end = is_empty || page.next.sequence > self.end.sequence;
        self.place = if same && at_end { self.end } else { page.next };
        Ok(())
    }
}

/// Leaves out everything up to now.
fn left_out(seat: &Seat, reason: GapReason) -> Step {
    let place = seat.skip();
    let topics = seat.interests.iter().map(|interest| &*interest.topic);
    Step::Gap(event::gap(topics, reason, place))
}
