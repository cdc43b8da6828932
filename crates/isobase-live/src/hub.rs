//! Where listeners come in.

use std::sync::Arc;

use bytes::Bytes;
use isobase_store::{FeedPage, FeedPlace, Since, Store, StoreError};
use isobase_types::{CollectionName, DocumentId, Sequence};
use tokio::sync::Semaphore;

use crate::{
    Interest, Listener, LiveOptions,
    event::{self, GapReason},
    reader::Reader,
    replay::Replay,
    room::{Room, Seat},
    tail,
};

/// Most listeners whose past is read at the same time: after a restart all come back at once.
const READING_MAX: usize = 8;

/// The live events of one process over one database. Cheap to clone; every clone is the same.
#[derive(Clone, Debug)]
pub struct Hub {
    store: Store,
    room: Arc<Room>,
    turns: Arc<Semaphore>,
}

/// The interest of a listener.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The topics, each once.
    pub interests: Vec<Interest>,
    /// After which place; none from now on.
    pub since: Option<Since>,
    /// Documents on which the right to listen stands, such as a session: with the first change of
    /// one of them the stream ends. Who still has the right comes back.
    pub grounds: Vec<(CollectionName, DocumentId)>,
}

impl Hub {
    /// No one listens yet, and nothing is read.
    #[must_use]
    pub fn new(store: &Store, options: LiveOptions) -> Self {
        let turns = Arc::new(Semaphore::new(READING_MAX));
        // Sessions and the like are no topics, and their changes end streams.
        Self { store: store.system(), room: Room::new(options), turns }
    }

    /// Begins to listen. Whatever is committed after this came back is told.
    ///
    /// # Errors
    /// When the place is none of this database, the engine fails, or it has no change feed. That
    /// changes after the place are no longer kept is no error: it is told.
    pub async fn listen(&self, subscription: Subscription) -> Result<Listener, StoreError> {
        let Subscription { interests, since, grounds } = subscription;
        let Some(since) = since.filter(|since| *since != Since::Now) else {
            let seat = self.enter(interests, grounds).await?;
            let greeting = event::connected(seat.entered);
            return Ok(Listener::new(seat, vec![greeting], None));
        };
        let mut reader = Reader::new(self.store.clone());
        let read = {
            let _turn = self.turns.acquire().await;
            reader.read(since).await
        };
        match read {
            Ok(page) => {
                let greeting = event::connected(place_of(since, page.next));
                let seat = self.enter(interests, grounds).await?;
                self.going_on(reader, page, seat, greeting).await
            }
            Err(StoreError::ChangesGone { oldest }) => {
                let seat = self.enter(interests, grounds).await?;
                let topics = seat.interests.iter().map(|interest| &*interest.topic);
                let gap = event::gap(topics, GapReason::PastGone, seat.entered);
                // Until it has seen the gap the listener stays where it is.
                let greeting = event::connected(place_of(since, oldest));
                Ok(Listener::new(seat, vec![gap, greeting], None))
            }
            Err(error) => Err(error),
        }
    }

    /// Ends every stream, also those that begin later: the process stops.
    pub fn close(&self) {
        self.room.close();
    }

    async fn going_on(
        &self,
        reader: Reader,
        page: FeedPage,
        seat: Seat,
        greeting: Bytes,
    ) -> Result<Listener, StoreError> {
        let replay = Replay::new(reader, self.turns.clone(), page, &seat).await?;
        Ok(Listener::new(seat, vec![greeting], Some(replay)))
    }

    /// Lets a listener in, and follows the feed if no one does.
    async fn enter(
        &self,
        interests: Vec<Interest>,
        grounds: Vec<(CollectionName, DocumentId)>,
    ) -> Result<Seat, StoreError> {
        let place = match self.room.place() {
            Some(place) => place,
            None => Reader::new(self.store.clone()).read(Since::Now).await?.next,
        };
        let (seat, is_first) = self.room.enter(place, interests.into(), grounds);
        if is_first {
            let reader = Reader::new(self.store.clone());
            tokio::spawn(tail::follow(self.room.clone(), reader, seat.entered));
        }
        Ok(seat)
    }
}

/// The place that a listener named, of the database that `of` is of.
fn place_of(since: Since, of: FeedPlace) -> FeedPlace {
    match since {
        Since::Start => FeedPlace { sequence: Sequence::default(), ..of },
        Since::Number(number) => FeedPlace { sequence: Sequence(number), ..of },
        Since::Place(place) => place,
        Since::Now => of,
    }
}
