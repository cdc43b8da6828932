//! Writes and their outcomes.

use std::sync::Arc;

use isobase_types::{ChangeKind, CollectionName, DocumentId, Revision, Timestamp, json::Patch};

use crate::{Rejection, WriteCheck};

/// Operations that travel together.
#[derive(Clone, Debug, Default)]
pub struct WriteBatch {
    /// Carried out in this order; a later operation sees the effects of an earlier one.
    pub operations: Vec<WriteOperation>,
    /// Makes a repeat of the batch harmless.
    pub idempotency: Option<Idempotency>,
    /// Each looks at every operation, in this order; the first that refuses decides. Engines hand
    /// the batch to [`crate::BatchProgress::of`] and need not ask them themselves.
    pub checks: Vec<Arc<dyn WriteCheck>>,
}

impl WriteBatch {
    /// Whether a check looks at the bodies of documents as they are before.
    #[must_use]
    pub fn needs_before(&self) -> bool {
        self.checks.iter().any(|check| check.needs_before())
    }
}

/// The caller's mark on a batch, so that a repeat is recognised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Idempotency {
    /// Hash of the caller and the key it sent.
    pub key: [u8; 32],
    /// Hash of what it asked for: the same key with another fingerprint is a mistake.
    pub fingerprint: [u8; 32],
}

/// One write to one document.
#[derive(Clone, Debug)]
pub struct WriteOperation {
    /// The collection.
    pub collection: CollectionName,
    /// The action.
    pub action: Action,
    /// The condition on the document before.
    pub precondition: Precondition,
}

/// An action on a document. Bodies are canonical JSON objects without `id`.
#[derive(Clone, Debug)]
pub enum Action {
    /// Store a new document under the next integer id.
    Create {
        /// The document.
        body: String,
    },
    /// Replace the whole document.
    Put {
        /// Which one.
        id: DocumentId,
        /// The document.
        body: String,
        /// The behaviour when there is no document.
        if_missing: IfMissing,
    },
    /// Change parts of the document.
    Patch {
        /// Which one.
        id: DocumentId,
        /// How.
        patch: Patch,
    },
    /// Delete the document.
    Delete {
        /// Which one.
        id: DocumentId,
    },
}

impl Action {
    /// Bytes of what it writes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        match self {
            Self::Create { body } | Self::Put { body, .. } => body.len(),
            Self::Patch { patch, .. } => patch.bytes(),
            Self::Delete { .. } => 0,
        }
    }

    /// The document the action names; a create names none.
    #[must_use]
    pub fn id(&self) -> Option<&DocumentId> {
        match self {
            Self::Create { .. } => None,
            Self::Put { id, .. } | Self::Patch { id, .. } | Self::Delete { id } => Some(id),
        }
    }
}

/// The behaviour of a put when there is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// [`Rejection::NotFound`].
    Refuse,
    /// Store it. The counter of ids moves past an integer ([`DocumentId::counted`]), so that no
    /// create is given it again.
    Create,
}

/// A condition on the document under which a write happens.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Precondition {
    /// Nothing.
    #[default]
    None,
    /// There is a document (`If-Match: *`).
    Exists,
    /// There is no document (`If-None-Match: *`).
    Missing,
    /// There is a document and it has one of these revisions (`If-Match: "1", "2"`).
    RevisionIn(Vec<Revision>),
    /// There is no document, or it has none of these revisions (`If-None-Match: "1"`).
    RevisionNotIn(Vec<Revision>),
}

/// The outcome of one operation.
pub type WriteOutcome = Result<Written, Rejection>;

/// The outcome of a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct WriteReport {
    /// One per operation, in their order.
    pub outcomes: Vec<WriteOutcome>,
    /// The outcomes are those of an earlier batch with the same idempotency key.
    pub replayed: bool,
}

/// A write that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Written {
    /// The document's id.
    pub id: DocumentId,
    /// The kind of its change.
    pub kind: ChangeKind,
    /// Its revision now; of a deleted document the revision of the deletion.
    pub revision: Revision,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was changed: now.
    pub updated_at: Timestamp,
    /// The whole document after an operation that is alone in its batch, if it is a patch or a
    /// check has amended what it stores; none otherwise, and none in a replayed report.
    pub body: Option<String>,
}
