//! Databases that were opened to be read.

use std::time::Duration;

use isobase_types::Sequence;

use crate::{ChangeFeed, EngineError, ErrorKind, Pending};

/// How often a waiter looks for what others have written. One command waits here, and no service.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The refusal of a write to a database that was opened to be read.
#[must_use]
pub fn reading_only() -> EngineError {
    let message = "the database was opened to be read, and for nothing else";
    EngineError::new(ErrorKind::Unsupported, message)
}

/// The same as the answer to a call.
pub fn refused_to_write<'a, T: Send + 'a>() -> Pending<'a, T> {
    Box::pin(std::future::ready(Err(reading_only())))
}

/// Waits for a change after a place where nobody tells of the commits of others: looks four times
/// a second.
///
/// # Errors
/// When the feed cannot be read.
pub async fn look_for_changes(
    feed: &(impl ChangeFeed + ?Sized),
    since: Sequence,
) -> Result<(), EngineError> {
    while feed.latest().await? <= since {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}
