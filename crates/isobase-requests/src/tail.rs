//! The log as it grows.

use std::{
    collections::{HashSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use isobase_types::Document;
use isobase_writer::Pauses;
use tokio::{
    select,
    time::{Instant, sleep},
};

use crate::{
    Entry, Missed, MissedReason, RequestQuery, Requests, RequestsError, TailOptions,
    room::{Room, Wanted},
    watcher::{Replay, Watcher},
};

/// Entries that are read at once.
const PAGE: u32 = 500;
/// Shortest time between two reads: many reports of a moment are one read.
const BREATH: Duration = Duration::from_millis(100);
/// Pauses after a failed read: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Most entries that are remembered where pages are not of one moment.
const REMEMBERED_MAX: usize = 5_000;
/// How many of the newest are remembered at the beginning there.
const REMEMBERED_FIRST: u32 = 200;

/// The log as it grows, on this process and all others over the same database. One task reads it
/// while somebody watches, however many they are. Cheap to clone; every clone is the same.
///
/// The log is not in the change feed. But its numbers come from one counter in the order of
/// commits, so what is new is what has a larger number than all before.
#[derive(Clone, Debug)]
pub struct Tail {
    requests: Arc<Requests>,
    room: Arc<Room>,
    options: TailOptions,
}

impl Tail {
    /// No one watches yet, and nothing is read. A log has one.
    #[must_use]
    pub fn new(requests: Arc<Requests>, options: TailOptions) -> Self {
        Self { requests, room: Arc::default(), options }
    }

    /// Begins to watch: after the entry with a number, or from now on. Whatever is logged after
    /// this came back is told.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn watch(
        &self,
        query: &RequestQuery,
        since: Option<i64>,
    ) -> Result<Watcher, RequestsError> {
        let wanted = Wanted::of(query);
        let newest = match self.room.last() {
            Some(last) => last,
            None => self.requests.newest(1).await?.first().and_then(number).unwrap_or_default(),
        };
        let (seat, is_first) = self.room.enter(newest, wanted);
        let entered = seat.entered;
        if is_first {
            tokio::spawn(self.clone().follow(entered));
        }
        let Some(since) = since else { return Ok(Watcher::new(seat, None, None, entered)) };
        if since <= entered {
            let replay = Replay::new(self.requests.clone(), (since, entered), &self.options);
            return Ok(Watcher::new(seat, Some(replay), None, since));
        }
        // Another process may have told what this one has not read yet.
        let newest = self.requests.newest(1).await?.first().and_then(number).unwrap_or_default();
        let gone = (since > newest).then_some(Missed {
            reason: MissedReason::PastGone,
            entries: None,
            ids: (0, entered),
            moments: None,
        });
        Ok(Watcher::new(seat, None, gone, entered))
    }

    /// Reads what is new until no one watches.
    async fn follow(self, last: i64) {
        let mut reading = Reading::new(last);
        let (mut pauses, mut is_failing) = (Pauses::new(PAUSE_FIRST, PAUSE_MAX), false);
        loop {
            let wait = match reading.step(&self).await {
                Ok(()) => {
                    is_failing = false;
                    pauses.restart();
                    self.options.every
                }
                Err(error) => {
                    if !std::mem::replace(&mut is_failing, true) {
                        tracing::warn!(%error, "the live request log waits: it cannot be read: {error}");
                    }
                    pauses.next_pause()
                }
            };
            if self.room.close_if_empty() {
                return;
            }
            let next = Instant::now() + BREATH;
            select! {
                () = sleep(wait) => {}
                () = self.requests.ingested().notified(), if !is_failing => {
                    tokio::time::sleep_until(next).await;
                }
                () = self.room.emptied.notified() => {}
            }
        }
    }
}

/// Up to where the log was read.
struct Reading {
    /// Everything up to this number was told, or came before.
    settled: i64,
    /// What was told after it, with the moment of that, where pages are not of one moment.
    recent: VecDeque<(i64, Instant)>,
    known: HashSet<i64>,
    begun: bool,
}

impl Reading {
    fn new(last: i64) -> Self {
        Self { settled: last, recent: VecDeque::new(), known: HashSet::new(), begun: false }
    }

    async fn step(&mut self, tail: &Tail) -> Result<(), RequestsError> {
        let one_moment = tail.requests.lists_one_moment();
        if !one_moment && !self.begun {
            self.begin(tail).await?;
        }
        let mut after = self.settled;
        loop {
            let read = tail.requests.after((after, None), PAGE).await?;
            let is_last = read.len() < PAGE as usize;
            for document in read {
                let Some(id) = number(&document) else { continue };
                after = id;
                if self.known.contains(&id) {
                    continue;
                }
                if let Some(entry) = Entry::read(&document) {
                    tail.room.tell(&document, entry, &tail.options);
                }
                match one_moment {
                    true => self.settled = id,
                    false => self.remember(id),
                }
            }
            if is_last {
                self.settle(tail.options.settle);
                return Ok(());
            }
            tokio::task::yield_now().await;
        }
    }

    /// Where pages are not of one moment an entry with a smaller number may be seen later: so those
    /// before are known by their numbers.
    async fn begin(&mut self, tail: &Tail) -> Result<(), RequestsError> {
        let newest = tail.requests.newest(REMEMBERED_FIRST).await?;
        let mut ids: Vec<i64> = newest.iter().filter_map(number).collect();
        ids.retain(|id| *id <= self.settled);
        ids.sort_unstable();
        let first = ids.first().map_or(self.settled, |first| first - 1);
        ids.into_iter().for_each(|id| self.remember(id));
        (self.settled, self.begun) = (first, true);
        Ok(())
    }

    fn remember(&mut self, id: i64) {
        self.recent.push_back((id, Instant::now()));
        self.known.insert(id);
    }

    /// Forgets what was told long ago.
    fn settle(&mut self, after: Duration) {
        while let Some((id, at)) = self.recent.front().copied()
            && (at.elapsed() >= after || self.recent.len() > REMEMBERED_MAX)
        {
            self.recent.pop_front();
            self.known.remove(&id);
            self.settled = self.settled.max(id);
        }
        // What was told out of order before the place is not read again.
        while let Some((id, _)) = self.recent.front().copied()
            && id <= self.settled
        {
            self.recent.pop_front();
            self.known.remove(&id);
        }
    }
}

fn number(document: &Document) -> Option<i64> {
    document.id.counted()
}
