//! Writes of other programs into the same database.

use async_trait::async_trait;
use isobase_types::{CollectionName, Timestamp};

use crate::EngineError;

/// Engines whose documents other programs can write too.
#[async_trait]
pub trait Reconcile: Send + Sync {
    /// Looks at every document of a collection, takes those that other programs wrote or changed
    /// into the listings, and tells each in the change feed. What they deleted leaves the listings,
    /// and is not told. Reads and writes go on meanwhile. Costs one read of the whole collection.
    async fn reconcile(&self, collection: &CollectionName) -> Result<Reconciled, EngineError>;

    /// As [`Reconcile::reconcile`], but looks only at what was written since the last look of this
    /// process, where the database can tell: for those who look again and again.
    async fn look(&self, collection: &CollectionName) -> Result<Reconciled, EngineError>;

    /// When this process last looked at a collection; `None` when it never did. What other programs
    /// wrote after that moment may be missing in listings, and so may what they changed.
    fn looked_at(&self, collection: &CollectionName) -> Option<Timestamp>;

    /// Every collection that other programs may have written into: those that have a document, and
    /// those that were ever used, though they seem to be empty.
    async fn reconcilable(&self) -> Result<Vec<CollectionName>, EngineError>;
}

/// Until when listings of a collection have what other programs wrote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OthersSeen {
    /// Other programs do not write into this database.
    Always,
    /// Until this moment.
    Until(Timestamp),
    /// This process has never looked.
    Never,
}

/// The findings of [`Reconcile::reconcile`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconciled {
    /// Documents looked at.
    pub examined: u64,
    /// Written by other programs.
    pub created: u64,
    /// Changed by other programs.
    pub updated: u64,
    /// Native documents whose ids no document can have: they are in no listing.
    pub unreadable: u64,
    /// The native ids of the first of them, at most [`UNREADABLE_NAMED_MAX`].
    pub unreadable_ids: Vec<String>,
}

/// Most unreadable documents that are named; the others are counted. Ours: what a person reads.
pub const UNREADABLE_NAMED_MAX: usize = 100;
