//! Writes and their outcomes.

use std::sync::Arc;

use isobase_types::{ChangeKind, CollectionName, DocumentId, Revision, Timestamp};

/// Operations that travel together.
#[derive(Clone, Debug, Default)]
pub struct WriteBatch {
    /// Carried out in this order; a later operation sees the effects of an earlier one.
    pub operations: Vec<WriteOperation>,
    /// Makes a repeat of the batch harmless.
    pub idempotency: Option<Idempotency>,
    /// Looks at every body before it is stored, the result of a patch included. Engines hand the
    /// batch to [`crate::BatchProgress::of`] and need not look at it themselves.
    pub check: Option<Arc<dyn BodyCheck>>,
}

/// A rule of the caller for bodies, such as the schema of a collection.
///
/// Asked by [`crate::decide`], on the engine's writer: it must be pure, bounded in time and must
/// not wait for anything.
pub trait BodyCheck: std::fmt::Debug + Send + Sync {
    /// Looks at a whole body (canonical text without `id`) on its way into a collection.
    ///
    /// # Errors
    /// What is wrong with it: at least one [`Violation`], at most [`VIOLATIONS_MAX`].
    fn check(&self, collection: &CollectionName, body: &str) -> Result<(), Vec<Violation>>;
}

/// Most violations that are told of one document: they are kept with an idempotency key.
pub const VIOLATIONS_MAX: usize = 20;

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The place in the body as a JSON pointer (RFC 6901), empty for the whole.
    pub pointer: String,
    /// What was expected, in at most a few hundred bytes.
    pub message: String,
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
    /// What to do.
    pub action: Action,
    /// What must hold of the document before.
    pub precondition: Precondition,
}

/// What to do with a document. Bodies and patches are canonical JSON objects without `id`.
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
        /// What to do when there is none.
        if_missing: IfMissing,
    },
    /// Merge into the document (RFC 7396).
    Patch {
        /// Which one.
        id: DocumentId,
        /// The merge patch.
        patch: String,
    },
    /// Take the document away.
    Delete {
        /// Which one.
        id: DocumentId,
    },
}

impl Action {
    /// The document the action names; a create names none.
    #[must_use]
    pub fn id(&self) -> Option<&DocumentId> {
        match self {
            Self::Create { .. } => None,
            Self::Put { id, .. } | Self::Patch { id, .. } | Self::Delete { id } => Some(id),
        }
    }
}

/// What a put does when there is no document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IfMissing {
    /// [`Rejection::NotFound`].
    Refuse,
    /// Store it. Only for string ids: integer ids are ours to assign, and a put to an integer id
    /// without a document is [`Rejection::NotFound`] all the same.
    Create,
}

/// What must hold of the document for a write to happen.
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

/// What became of one operation.
pub type WriteOutcome = Result<Written, Rejection>;

/// What became of a batch.
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
    /// What happened to it.
    pub kind: ChangeKind,
    /// Its revision now; of a deleted document the revision of the deletion.
    pub revision: Revision,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was changed: now.
    pub updated_at: Timestamp,
    /// The whole document after a patch that is alone in its batch; none otherwise, and none in a
    /// replayed report.
    pub body: Option<String>,
}

/// Why an operation was not carried out. Nothing of it was stored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// There is no document with this id.
    #[error("there is no document with this id")]
    NotFound,
    /// The precondition asks for no document, and there is one.
    #[error("a document with this id exists already")]
    AlreadyExists,
    /// The precondition names revisions, and the document has another or must not have this one.
    #[error("the document's revision does not meet the precondition")]
    RevisionConflict {
        /// The revision it has; none when there is no document.
        current: Option<Revision>,
    },
    /// The engine cannot hold the document.
    #[error("the document cannot be stored: {reason}")]
    Unholdable {
        /// The place in the document, empty for the whole.
        path: String,
        /// The limit it breaks, with numbers.
        reason: String,
    },
    /// The body does not meet the check of its batch: the schema of its collection.
    #[error("the document does not meet the schema of its collection: {}", first(violations))]
    SchemaViolation {
        /// What is wrong, at least one.
        violations: Vec<Violation>,
    },
    /// Another operation of the same atomic batch was rejected.
    #[error("nothing was written because another operation of the batch was rejected")]
    BatchRejected,
}

/// The first of the violations in words.
fn first(violations: &[Violation]) -> String {
    match violations {
        [] => "no reason is known".to_owned(),
        [Violation { pointer, message }, ..] if pointer.is_empty() => message.clone(),
        [Violation { pointer, message }, ..] => format!("{pointer}: {message}"),
    }
}
