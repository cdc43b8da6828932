//! The feed of committed writes.

use isobase_types::{Change, CollectionName, Sequence};

use crate::Pending;

/// Committed writes in the order of their commits, kept for a while.
///
/// A write appears after its commit and never before; a place once passed never gains an
/// earlier neighbour.
pub trait ChangeFeed: Send + Sync {
    /// Up to `limit` changes after a place.
    ///
    /// # Errors
    /// [`crate::ErrorKind::ChangesGone`] when changes after the place are no longer kept.
    fn read_changes<'a>(&'a self, request: &'a ChangesRequest) -> Pending<'a, ChangesPage>;

    /// The place of the last committed write.
    fn latest(&self) -> Pending<'_, Sequence>;
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
}
