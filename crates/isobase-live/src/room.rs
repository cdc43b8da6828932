//! Where listeners are.

use std::{collections::HashMap, sync::Arc, task::Waker, time::SystemTime};

use bytes::Bytes;
use isobase_store::FeedPlace;
use isobase_types::{Change, CollectionName, DocumentId, Timestamp};
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::Notify;

use crate::{
    Interest, LiveOptions, Piece,
    event::{self, GapReason},
    mailbox::Mailbox,
    reader::Row,
};

/// A document on which somebody's right to listen stands: an account, a session, a key.
pub(crate) type Ground = (CollectionName, DocumentId);

/// Everybody who listens, by what they are told.
#[derive(Debug)]
pub(crate) struct Room {
    state: Mutex<State>,
    pub(crate) options: LiveOptions,
    /// Told when the last listener leaves.
    pub(crate) emptied: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Up to where changes were told; none while no one follows the feed.
    place: Option<FeedPlace>,
    /// The number of the next listener.
    next: u64,
    listeners: HashMap<u64, Member>,
    audiences: HashMap<CollectionName, HashMap<AudienceKey, Audience>>,
    grounds: HashMap<Ground, Vec<u64>>,
    /// No one may listen any more.
    closed: bool,
}

/// The written filter, and the key of the sight.
type AudienceKey = (Box<str>, Box<str>);

/// Those who are told the same of a collection.
#[derive(Debug)]
struct Audience {
    interest: Interest,
    members: HashMap<u64, Arc<Mailbox>>,
}

#[derive(Debug)]
struct Member {
    mailbox: Arc<Mailbox>,
    interests: Arc<[Interest]>,
    grounds: Box<[Ground]>,
}

/// A change that is being told.
#[derive(Debug)]
pub(crate) struct Happened<'c> {
    pub(crate) change: &'c Change,
    /// The document after it, if somebody may want it.
    pub(crate) row: Option<Row>,
    pub(crate) place: FeedPlace,
}

/// The texts of one change, by what is told of it: each is made once.
type Texts = [Option<Bytes>; 4];

/// A listener in the room.
#[derive(Debug)]
pub(crate) struct Seat {
    number: u64,
    room: Arc<Room>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) interests: Arc<[Interest]>,
    /// What happened up to here was told before the listener came.
    pub(crate) entered: FeedPlace,
}

impl Room {
    pub(crate) fn new(options: LiveOptions) -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), options, emptied: Notify::new() })
    }

    /// Lets a listener in, who is told what happens after the place of its seat. True if no one
    /// follows the feed yet: the caller must see to it that somebody does from that place on.
    pub(crate) fn enter(
        self: &Arc<Self>,
        place: FeedPlace,
        interests: Arc<[Interest]>,
        grounds: Vec<Ground>,
    ) -> (Seat, bool) {
        let mailbox = Arc::new(Mailbox::default());
        let mut state = self.state();
        let number = state.next;
        state.next += 1;
        for interest in &*interests {
            let audiences = state.audiences.entry(interest.topic.collection.clone()).or_default();
            let audience = audiences.entry(key(interest)).or_insert_with(|| Audience {
                interest: interest.clone(),
                members: HashMap::new(),
            });
            audience.members.insert(number, mailbox.clone());
        }
        for ground in &grounds {
            state.grounds.entry(ground.clone()).or_default().push(number);
        }
        let member = Member {
            mailbox: mailbox.clone(),
            interests: interests.clone(),
            grounds: grounds.into_boxed_slice(),
        };
        state.listeners.insert(number, member);
        if state.closed {
            mailbox.end();
        }
        let is_first = state.place.is_none();
        let entered = *state.place.get_or_insert(place);
        (Seat { number, room: self.clone(), mailbox, interests, entered }, is_first)
    }

    /// Up to where changes were told.
    pub(crate) fn place(&self) -> Option<FeedPlace> {
        self.state().place
    }

    /// What may wait for each of those who listen now.
    pub(crate) fn bounds(&self) -> LiveOptions {
        self.options.shared_by(self.state().listeners.len())
    }

    /// Whether the bodies of a collection are of use to somebody.
    pub(crate) fn is_watched(&self, collection: &CollectionName) -> bool {
        self.state().audiences.contains_key(collection)
    }

    /// Tells changes of one collection, in their order, to everybody whom they concern. Those who
    /// have something new to take are woken by the caller.
    pub(crate) fn tell(&self, run: &[Happened<'_>], wakers: &mut Vec<Waker>) {
        let Some((first, last)) = run.first().zip(run.last()) else { return };
        let now = Timestamp::from_system_time(SystemTime::now());
        let mut state = self.state();
        let options = self.options.shared_by(state.listeners.len());
        let mut texts = vec![Texts::default(); run.len()];
        let audiences = state.audiences.get(&first.change.collection);
        for Audience { interest, members } in audiences.into_iter().flat_map(HashMap::values) {
            let told = run.iter().zip(&mut texts);
            let told = told.filter_map(|(happened, texts)| happened.told(interest, texts, now));
            let events: Vec<Bytes> = told.collect();
            if events.is_empty() {
                continue;
            }
            let piece = Piece::of(&events);
            let told = members.values().filter_map(|mailbox| mailbox.put(&piece, &options));
            wakers.extend(told);
        }
        run.iter().for_each(|happened| state.end_those_who_stood_on(happened.change));
        state.place = Some(last.place);
    }

    /// Nothing that concerns anybody happened up to here.
    pub(crate) fn pass(&self, place: FeedPlace) {
        self.state().place = Some(place);
    }

    /// Tells everybody that something was left out.
    pub(crate) fn tell_gap(&self, place: FeedPlace) {
        let mut state = self.state();
        for member in state.listeners.values() {
            let topics = member.interests.iter().map(|interest| &*interest.topic);
            let gap = Piece::from(event::gap(topics, GapReason::PastGone, place));
            if let Some(waker) = member.mailbox.put(&gap, &self.options) {
                waker.wake();
            }
        }
        state.place = Some(place);
    }

    /// Ends every stream, also those that begin later.
    pub(crate) fn close(&self) {
        let mut state = self.state();
        state.closed = true;
        state.listeners.values().for_each(|member| member.mailbox.end());
    }

    /// The task that follows the feed stops when there is no listener: true if so.
    pub(crate) fn close_if_empty(&self) -> bool {
        let mut state = self.state();
        if state.listeners.is_empty() {
            state.place = None;
        }
        state.place.is_none()
    }

    /// A panic elsewhere cannot leave it half changed.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Happened<'_> {
    /// What is told of it to those who share an interest, if anything.
    fn told(&self, interest: &Interest, texts: &mut Texts, now: Timestamp) -> Option<Bytes> {
        let Self { change, row, place } = self;
        let told = interest.told(change, row.as_ref().map(|row| &*row.whole), now)?;
        let text = texts[told as usize].get_or_insert_with(|| {
            let shown = row.as_ref().map(Row::shown).unwrap_or_default();
            event::of_change(&interest.topic, told, change, shown, *place)
        });
        Some(text.clone())
    }
}

impl State {
    fn end_those_who_stood_on(&self, change: &Change) {
        if self.grounds.is_empty() {
            return;
        }
        let concerns = |(collection, id): &Ground| {
            *collection == change.collection && change.id.as_ref().is_none_or(|it| it == id)
        };
        let numbers: Vec<u64> = match &change.id {
            Some(id) => {
                let ground = (change.collection.clone(), id.clone());
                self.grounds.get(&ground).cloned().unwrap_or_default()
            }
            None => {
                let concerned = self.grounds.iter().filter(|(ground, _)| concerns(ground));
                concerned.flat_map(|(_, numbers)| numbers).copied().collect()
            }
        };
        for member in numbers.iter().filter_map(|number| self.listeners.get(number)) {
            member.mailbox.end();
        }
    }
}

fn key(interest: &Interest) -> AudienceKey {
    (interest.written.clone(), interest.sight.key().into())
}

impl Seat {
    /// Throws away what waits for the listener; it is told what happens after the place that is
    /// given back.
    pub(crate) fn skip(&self) -> FeedPlace {
        let state = self.room.state();
        self.mailbox.clear();
        state.place.unwrap_or(self.entered)
    }

    /// Up to where the listener was told everything; none while something waits for it.
    pub(crate) fn told_up_to(&self) -> Option<FeedPlace> {
        // What is told is told with the state locked.
        let state = self.room.state();
        self.mailbox.is_empty().then(|| state.place.unwrap_or(self.entered))
    }

    pub(crate) fn room(&self) -> &Room {
        &self.room
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut state = self.room.state();
        let Some(member) = state.listeners.remove(&self.number) else { return };
        for interest in &*member.interests {
            let collection = &interest.topic.collection;
            let Some(audiences) = state.audiences.get_mut(collection) else { continue };
            let key = key(interest);
            if let Some(audience) = audiences.get_mut(&key) {
                audience.members.remove(&self.number);
                if audience.members.is_empty() {
                    audiences.remove(&key);
                }
            }
            if audiences.is_empty() {
                state.audiences.remove(collection);
            }
        }
        for ground in &member.grounds {
            if let Some(numbers) = state.grounds.get_mut(ground) {
                numbers.retain(|number| *number != self.number);
                if numbers.is_empty() {
                    state.grounds.remove(ground);
                }
            }
        }
        if state.listeners.is_empty() {
            self.room.emptied.notify_one();
        }
    }
}
