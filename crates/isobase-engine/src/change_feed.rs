//! The feed of committed writes.

use async_trait::async_trait;
use isobase_types::{Change, CollectionName, Sequence};

use crate::{EngineError, Identity, Keep};

/// Committed writes in the order of their commits, kept for a while.
///
/// A write appears after its commit and never before; a place once passed never gains an
/// earlier neighbour. Gap-free means that nothing is missed, not that numbers follow each other.
#[async_trait]
pub trait ChangeFeed: Send + Sync {
    /// Up to `limit` changes after a place.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ChangesGone`] when changes after the place are no longer kept.
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError>;

    /// From now on entries of a collection keep this of their documents, for as long as they are
    /// kept themselves. Bodies of up to [`crate::KEPT_BYTES_MAX`] are always kept where they are
    /// to be; how much larger ones may be is the engine's matter.
    fn keep(&self, collection: &CollectionName, keep: Keep);

    /// The place of the last committed write.
    async fn latest(&self) -> Result<Sequence, EngineError>;

    /// Waits until something may have been committed after a place, in one collection if that is
    /// all the caller wants. May come back early: the caller reads again. A commit of this process
    /// ends it at once, one of another process within a second. Comes back when the engine is
    /// closed; has no end of its own otherwise, and its drop ends it.
    ///
    /// Costs no reads of the database while nothing happens, however many wait.
    async fn wait(
        &self,
        since: Sequence,
        collection: Option<&CollectionName>,
    ) -> Result<(), EngineError>;
}

/// Which part of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesRequest {
    /// Only changes after this place.
    pub since: Sequence,
    /// Only changes of this collection.
    pub collection: Option<CollectionName>,
    /// At most this many.
    pub limit: u32,
    /// With the bodies that entries keep; without, such a body is
    /// [`Omitted`](isobase_types::KeptText::Omitted).
    pub bodies: bool,
}

/// A part of the feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangesPage {
    /// In the order of the feed.
    pub changes: Vec<Change>,
    /// Where to go on: the `since` of the next request.
    pub next: Sequence,
    /// There are more changes now.
    pub more: bool,
    /// Of the database at the moment of the read: a place of another identity than this is no
    /// place of this feed.
    pub identity: Identity,
}
