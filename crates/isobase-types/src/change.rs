//! What happened to documents.

use crate::{CollectionName, DocumentId, Revision, Sequence, Timestamp};

/// One committed write, as the change feed tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place in the feed.
    pub sequence: Sequence,
    /// The collection it happened in.
    pub collection: CollectionName,
    /// The document it happened to; none when the whole collection was deleted.
    pub id: Option<DocumentId>,
    /// What happened.
    pub kind: ChangeKind,
    /// The revision the write gave the document; none when it took the document away.
    pub revision: Option<Revision>,
    /// When it happened, by the clock of the service.
    pub at: Timestamp,
}

/// What a write did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// The document is new.
    Created,
    /// The document was there and has another revision now.
    Updated,
    /// The document is gone.
    Deleted,
    /// Every document of the collection is gone.
    CollectionDeleted,
}

impl ChangeKind {
    /// The word on the wire: `created`, `updated`, `deleted` or `collection_deleted`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Deleted => "deleted",
            Self::CollectionDeleted => "collection_deleted",
        }
    }

    /// The stable number engines store: 1 to 4.
    #[must_use]
    pub fn code(self) -> i64 {
        self as i64 + 1
    }

    /// The kind of a stored number.
    #[must_use]
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Created, Self::Updated, Self::Deleted, Self::CollectionDeleted]
            .into_iter()
            .find(|kind| kind.code() == code)
    }
}
