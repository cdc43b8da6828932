//! The one task that follows the feed.

use std::{sync::Arc, time::Duration};

use isobase_store::{FeedPage, FeedPlace, Since, StoreError};
use tokio::{select, task::yield_now, time::sleep};

use crate::{
    reader::{Reader, is_gone},
    room::Room,
};

/// Pauses after a failed read: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(100);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// Tells those in the room what happens after a place, until nobody is there.
pub(crate) async fn follow(room: Arc<Room>, mut reader: Reader, mut place: FeedPlace) {
    let mut pause = PAUSE_FIRST;
    loop {
        match step(&room, &mut reader, place).await {
            Ok(next) => {
                if pause != PAUSE_FIRST {
                    tracing::info!("the change feed can be read again");
                }
                (place, pause) = (next, PAUSE_FIRST);
            }
            Err(error) => {
                if pause == PAUSE_FIRST {
                    tracing::warn!(%error, "live events wait: the change feed cannot be read: {error}");
                }
                select! {
                    () = sleep(pause) => {}
                    () = room.emptied.notified() => {}
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        if room.close_if_empty() {
            return;
        }
    }
}

/// Waits for changes after a place and tells them; gives the place after them.
async fn step(room: &Room, reader: &mut Reader, place: FeedPlace) -> Result<FeedPlace, StoreError> {
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
    tell(room, reader, &page).await?;
    if is_last {
        select! {
            waited = reader.store.wait_for_change(next, None) => waited?,
            () = room.emptied.notified() => {}
        }
    }
    Ok(next)
}

async fn tell(room: &Room, reader: &Reader, page: &FeedPage) -> Result<(), StoreError> {
    // After a failure in the middle of a page what was told already is not told again.
    let told = room.place();
    for change in &page.changes {
        let place = page.place_of(change);
        if told.is_some_and(|told| place.sequence <= told.sequence) {
            continue;
        }
        let row = match room.is_watched(&change.collection) {
            true => reader.row(change).await?,
            false => None,
        };
        room.tell(change, row.as_ref(), place);
        yield_now().await;
    }
    room.pass(page.next);
    Ok(())
}
