//! Rules of the caller for writes.

use isobase_types::{ChangeKind, CollectionName, DocumentId, Revision, Timestamp};

use crate::{Others, Rejection, WriteOperation};

/// The document as it is before a write.
#[derive(Clone, Copy, Debug)]
pub struct Current<'a> {
    /// Its revision.
    pub revision: &'a Revision,
    /// When it was first written.
    pub created_at: Timestamp,
    /// Its body.
    pub body: &'a str,
}

/// A rule of the caller for writes: the schema of a collection, the rights of a principal.
///
/// Asked by [`crate::decide`], on the engine's writer and for the documents as they are at the
/// commit. So it holds under races; it must be pure, bounded in time and must not wait for
/// anything. One operation may be decided several times.
pub trait WriteCheck: std::fmt::Debug + Send + Sync {
    /// Whether it looks at the bodies of documents as they are before. Where no check of a batch
    /// does, an engine may give an empty one.
    fn needs_before(&self) -> bool;

    /// Whether the caller may know of a document that is there. Where it may not, the document is
    /// missing for it: a precondition that asks for one does not hold and tells no revision, and
    /// without one the answer is [`Rejection::NotFound`].
    fn shows(&self, collection: &CollectionName, id: &DocumentId, document: Current<'_>) -> bool;

    /// The body that is stored instead of the one that an operation makes; `None` if that one
    /// stays, as most checks have it. Asked before anything is [checked](WriteCheck::check), one
    /// check after the other: each sees what those before it have made.
    fn amend(
        &self,
        _operation: &WriteOperation,
        _before: Option<Current<'_>>,
        _after: &str,
    ) -> Option<String> {
        None
    }

    /// Looks at an operation whose precondition holds, deletions included.
    ///
    /// # Errors
    /// The answer to the caller; nothing of the operation is stored.
    fn check(&self, write: &ProposedWrite<'_>, others: &mut dyn Others) -> Result<(), Rejection>;
}

/// The effect that an operation would have on its document.
#[derive(Clone, Copy, Debug)]
pub struct ProposedWrite<'a> {
    /// The collection.
    pub collection: &'a CollectionName,
    /// The id; `None` for a document whose id is yet to be assigned.
    pub id: Option<&'a DocumentId>,
    /// The document as it is at the commit; `None` when there is none.
    pub before: Option<Current<'a>>,
    /// Its whole body as it would become (canonical text without `id`); `None` when it is deleted.
    pub after: Option<&'a str>,
}

impl ProposedWrite<'_> {
    /// The kind of the write: of a put that may do either, what it does.
    #[must_use]
    pub fn kind(&self) -> ChangeKind {
        match (self.before, self.after) {
            (_, None) => ChangeKind::Deleted,
            (None, Some(_)) => ChangeKind::Created,
            (Some(_), Some(_)) => ChangeKind::Updated,
        }
    }
}
