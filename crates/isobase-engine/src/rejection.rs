//! Why writes are refused.

use isobase_types::{CollectionName, FieldPath, Revision};

/// Most violations that are told of one document: they are kept with an idempotency key.
pub const VIOLATIONS_MAX: usize = 20;

/// One thing that is wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The place in the body as a JSON pointer (RFC 6901), empty for the whole.
    pub pointer: String,
    /// The expectation, in at most a few hundred bytes.
    pub message: String,
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
        /// The revision it has; `None` when there is no document.
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
    /// The document is not as its patch needs it: a test failed, or a place is missing or of
    /// another type.
    #[error("the patch does not fit the document: {reason}")]
    PatchConflict {
        /// The place in the document as a JSON pointer (RFC 6901), empty for the whole.
        pointer: String,
        /// The fault there.
        reason: String,
    },
    /// The body does not meet the schema of its collection.
    #[error("the document does not meet the schema of its collection: {}", first(violations))]
    SchemaViolation {
        /// The faults, at least one.
        violations: Vec<Violation>,
    },
    /// Another document of the collection has the same values of the fields of a unique index.
    #[error("another document of the collection has the same {}", values(fields))]
    NotUnique {
        /// The fields of the index.
        fields: Vec<FieldPath>,
    },
    /// The document refers to one that is not there.
    #[error("{field} refers to a document of {collection} that is not there")]
    ReferenceNotFound {
        /// The field that refers.
        field: FieldPath,
        /// The collection it refers to.
        collection: CollectionName,
    },
    /// Other documents refer to the one that is to be deleted.
    #[error("documents of {collection} refer to it in {field}")]
    Referenced {
        /// The collection of those documents.
        collection: CollectionName,
        /// Their field.
        field: FieldPath,
    },
    /// A check of the batch does not allow it: a rule about who may write what.
    #[error("{message}")]
    Forbidden {
        /// Which rule, for programs: lower case with underscores, never another meaning.
        code: String,
        /// Why, in words that the principal may read.
        message: String,
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

/// Fields in words, without their values.
fn values(fields: &[FieldPath]) -> String {
    let names: Vec<String> = fields.iter().map(ToString::to_string).collect();
    match &*names {
        [name] => name.clone(),
        names => format!("combination of {}", names.join(", ")),
    }
}
