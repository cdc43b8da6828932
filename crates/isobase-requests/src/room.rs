//! Where those are who watch the log.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use isobase_types::{Document, Filter};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::{Entry, RequestQuery, TailOptions};

/// Entries that were left out for one who watches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Why.
    pub reason: MissedReason,
    /// How many of those it asked for; `None` if they were not counted.
    pub entries: Option<u64>,
    /// The number of the first and of the last entry between which some are missing.
    pub ids: (i64, i64),
    /// When those two were; empty where they were not read.
    pub moments: Option<(String, String)>,
}

/// Why entries were left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MissedReason {
    /// The watcher took too long.
    TooSlow,
    /// More was logged while it was away than is told afterwards.
    TooFar,
    /// The entry after which it wants to go on is not of this log.
    PastGone,
}

impl MissedReason {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TooSlow => "too_slow",
            Self::TooFar => "too_far",
            Self::PastGone => "past_gone",
        }
    }
}

/// Which entries somebody wants to see.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    filter: Filter,
    /// In small letters; empty for any.
    text: String,
}

impl Wanted {
    pub(crate) fn of(query: &RequestQuery) -> Self {
        let text = query.text.as_deref().unwrap_or_default().to_lowercase();
        Self { filter: query.filter(), text }
    }

    pub(crate) fn is_met_by(&self, document: &Document, entry: &Entry) -> bool {
        self.filter.matches(&document.body, &document.id)
            && (self.text.is_empty() || entry.contains(&self.text))
    }
}

/// Everybody who watches.
#[derive(Debug, Default)]
pub(crate) struct Room {
    state: Mutex<State>,
    /// Told when the last one leaves.
    pub(crate) emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// The largest number of an entry that was told; none while no one reads the log.
    last: Option<i64>,
    /// The number of the next who comes in.
    next: u64,
    members: HashMap<u64, Arc<Mailbox>>,
}

/// One who watches. Its drop takes it out.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    room: Arc<Room>,
    pub(crate) mailbox: Arc<Mailbox>,
    /// Entries up to here were told before.
    pub(crate) entered: i64,
}

impl Room {
    /// Lets somebody in. True if no one reads the log yet: the caller must see to it that somebody
    /// does, from the entry after the seat's on.
    pub(crate) fn enter(self: &Arc<Self>, last: i64, wanted: Wanted) -> (Seat, bool) {
        let mailbox = Arc::new(Mailbox::new(wanted));
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        state.members.insert(number, mailbox.clone());
        let is_first = state.last.is_none();
        let entered = *state.last.get_or_insert(last);
        (Seat { number, room: self.clone(), mailbox, entered }, is_first)
    }

    /// Up to which entry was told.
    pub(crate) fn last(&self) -> Option<i64> {
        self.state().last
    }

    /// Tells everybody who wants it of an entry.
    pub(crate) fn tell(&self, document: &Document, entry: Entry, options: &TailOptions) {
        let entry = Arc::new(entry);
        let mut state = self.state();
        for mailbox in state.members.values() {
            if mailbox.wanted.is_met_by(document, &entry) {
                mailbox.put(&entry, document.body.len(), options);
            }
        }
        state.last = state.last.max(Some(entry.id));
    }

    /// The task that reads the log stops when there is no listener: true if so.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut state = self.state();
        if state.members.is_empty() {
            state.last = None;
        }
        state.last.is_none()
    }

    /// A panic elsewhere cannot leave it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Seat {
    /// Up to which entry everything was told; none while something waits.
    pub(crate) fn told_up_to(&self) -> Option<i64> {
        // What is told is told with the state locked.
        let state = self.room.state();
        self.mailbox.is_empty().then(|| state.last.unwrap_or(self.entered))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.room.state();
        state.members.remove(&self.number);
        if state.members.is_empty() {
            self.room.emptied.notify_one();
        }
    }
}

/// What waits for one who watches, within bounds.
#[derive(Debug)]
pub(crate) struct Mailbox {
    pub(crate) wanted: Wanted,
    waiting: Mutex<Waiting>,
    /// Told when something comes in.
    pub(crate) arrived: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<(Arc<Entry>, usize)>,
    bytes: usize,
    /// What came after these and found no room. While there is any, nothing else comes in.
    missed: Option<Missed>,
}

/// What is found in a mailbox.
#[derive(Debug)]
pub(crate) enum Taken {
    Entry(Arc<Entry>),
    Missed(Missed),
}

impl Mailbox {
    fn new(wanted: Wanted) -> Self {
        Self { wanted, waiting: Mutex::default(), arrived: Notify::new() }
    }

    /// Puts an entry in, or notes that it was left out. One alone always fits.
    fn put(&self, entry: &Arc<Entry>, bytes: usize, options: &TailOptions) {
        let mut waiting = self.waiting();
        let full = waiting.entries.len() >= options.queue_entries_max
            || waiting.bytes + bytes > options.queue_bytes_max;
        if let Some(missed) = &mut waiting.missed {
            missed.add(entry);
        } else if full && !waiting.entries.is_empty() {
            waiting.missed = Some(Missed::first(entry));
        } else {
            waiting.bytes += bytes;
            waiting.entries.push_back((entry.clone(), bytes));
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    pub(crate) fn take(&self) -> Option<Taken> {
        let mut waiting = self.waiting();
        match waiting.entries.pop_front() {
            Some((entry, bytes)) => {
                waiting.bytes -= bytes;
                Some(Taken::Entry(entry))
            }
            None => waiting.missed.take().map(Taken::Missed),
        }
    }

    fn is_empty(&self) -> bool {
        let waiting = self.waiting();
        waiting.entries.is_empty() && waiting.missed.is_none()
    }

    /// A panic elsewhere cannot leave it half changed.
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock()
    }
}

impl Missed {
    fn first(entry: &Entry) -> Self {
        Self {
            reason: MissedReason::TooSlow,
            entries: Some(1),
            ids: (entry.id, entry.id),
            moments: Some((entry.at.clone(), entry.at.clone())),
        }
    }

    /// Moments are written alike, so that their texts order as they do.
    fn add(&mut self, entry: &Entry) {
        self.entries = self.entries.map(|entries| entries + 1);
        self.ids = (self.ids.0.min(entry.id), self.ids.1.max(entry.id));
        if let Some((first, last)) = &mut self.moments {
            if entry.at < *first {
                first.clone_from(&entry.at);
            } else if entry.at > *last {
                last.clone_from(&entry.at);
            }
        }
    }
}
