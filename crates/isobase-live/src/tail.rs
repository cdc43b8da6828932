//! The one task that follows the feed.

use std::{sync::Arc, time::Duration};

use isobase_store::{FeedPage, FeedPlace, Since, StoreError};
use isobase_writer::Pauses;
use tokio::{select, time::sleep};

use crate::{
    LiveOptions,
    pace::Pace,
    reader::{Reader, is_gone},
    room::{Happened, Room},
};

/// Pauses after a failed read: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Changes that are told together have at most this part of what may wait for a listener.
const RUN_PART: usize = 4;

/// What an event has beside its row, about.
const EVENT_OVERHEAD: usize = 96;

/// Tells those in the room what happens after a place, until no one is there.
pub(crate) async fn follow(room: Arc<Room>, mut reader: Reader, mut place: FeedPlace) {
    let (mut pauses, mut pace) = (Pauses::new(PAUSE_FIRST, PAUSE_MAX), Pace::new());
    let mut is_failing = false;
    loop {
        match step(&room, &mut reader, &mut pace, place).await {
            Ok(next) => {
                if std::mem::take(&mut is_failing) {
                    tracing::info!("the change feed can be read again");
                    pauses.restart();
                }
                place = next;
            }
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "live events wait: the change feed cannot be read: {error}");
                }
                select! {
                    () = pauses.wait() => {}
                    () = room.emptied.notified() => {}
                }
            }
        }
        if room.close_if_empty() {
            return;
        }
    }
}

/// Waits for changes after a place and tells them; gives the place after them.
async fn step(
    room: &Room,
    reader: &mut Reader,
    pace: &mut Pace,
    place: FeedPlace,
) -> Result<FeedPlace, StoreError> {
    let page = match reader.read(Since::Place(place)).await {
        Ok(page) => page,
        Err(error) if is_gone(&error) => {
            let now = reader.read(Since::Now).await?.next;
            tracing::info!("live events go on without what happened between: {error}");
            room.tell_gap(now);
            return Ok(now);
        }
        Err(error) => return Err(error),
    };
    let (next, is_last) = (page.next, !page.more);
    tell(room, reader, pace, &page).await?;
    if is_last {
        let changed = async {
            match pace.rest() {
                Some(rest) => {
                    sleep(rest).await;
                    Ok(())
                }
                None => reader.store.wait_for_change(next, None).await,
            }
        };
        select! {
            waited = changed => waited?,
            () = room.emptied.notified() => {}
        }
    }
    Ok(next)
}

/// Tells a page. Changes of one collection that follow each other are told together; of several
/// they are not, because listeners of several collections have places in the feed, too.
async fn tell(
    room: &Room,
    reader: &Reader,
    pace: &mut Pace,
    page: &FeedPage,
) -> Result<(), StoreError> {
    let LiveOptions { queue_events_max: events_max, queue_bytes_max: bytes_max, .. } =
        room.bounds();
    // After a failure in the middle of a page what was told already is not told again.
    let told = room.place();
    let (mut run, mut bytes) = (Vec::<Happened<'_>>::new(), 0);
    for change in &page.changes {
        let place = page.place_of(change);
        if told.is_some_and(|told| place.sequence <= told.sequence) {
            continue;
        }
        let row = match room.is_watched(&change.collection) {
            true => reader.row(change).await?,
            false => None,
        };
        let size = EVENT_OVERHEAD + row.as_ref().map_or(0, |row| row.whole.len());
        let is_other = run.last().is_some_and(|last| last.change.collection != change.collection);
        if is_other || run.len() >= events_max / RUN_PART || bytes + size > bytes_max / RUN_PART {
            room.tell(&run, pace.told(run.len()));
            pace.wake().await;
            run.clear();
            bytes = 0;
        }
        bytes += size;
        run.push(Happened { change, row, place });
    }
    room.tell(&run, pace.told(run.len()));
    room.pass(page.next);
    pace.wake().await;
    Ok(())
}
