//! Why a subject did not do what was asked.

/// A refusal. Two are equal when their kinds are: words may differ between interfaces.
#[derive(Clone, Debug, Eq)]
pub struct Refusal {
    /// The kind.
    pub kind: RefusalKind,
    /// In words.
    pub detail: String,
}

impl PartialEq for Refusal {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Refusal {
    /// A refusal of a kind.
    pub fn new(kind: RefusalKind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into() }
    }
}

/// Kinds of refusal, as every interface can tell them apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RefusalKind {
    /// A name no collection can have.
    InvalidCollection,
    /// An id no document can have.
    InvalidId,
    /// Not a JSON object that is stored.
    InvalidDocument,
    /// A malformed parameter.
    InvalidParameter,
    /// A field that is never shown is asked for.
    WriteOnlyField,
    /// Fields that make no index.
    InvalidIndex,
    /// A revision this service cannot have given out.
    InvalidRevision,
    /// No document with this id.
    NotFound,
    /// There is a document already.
    AlreadyExists,
    /// The revision does not meet the condition.
    RevisionConflict,
    /// The engine cannot hold it.
    Unholdable,
    /// The document does not meet the schema of its collection.
    SchemaViolation,
    /// Another document has the same values, or documents have equal ones already.
    NotUnique,
    /// A field refers to a document that is not there.
    ReferenceNotFound,
    /// Other documents refer to it.
    Referenced,
    /// A rule of the caller does not allow it.
    Forbidden,
    /// The document is not as the patch needs it.
    PatchConflict,
    /// Another operation of the atomic batch was refused.
    BatchRejected,
    /// Too many operations, or too many bytes.
    TooLarge,
    /// The key came back with another request.
    IdempotencyMismatch,
    /// The cursor belongs to another query.
    ForeignCursor,
    /// The place or cursor is of another database, or of before the last load of this one.
    ForeignPlace,
    /// The asked part of the feed is gone; it can be read from this place.
    ChangesGone {
        /// The place.
        oldest: u64,
    },
    /// The request would exceed a named bound.
    LimitExceeded,
    /// The engine lacks the ability.
    Unsupported,
    /// The path leads nowhere.
    NoRoute,
    /// Anything else: always a failure of the case.
    Unexpected,
}
