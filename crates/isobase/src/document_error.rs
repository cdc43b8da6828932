//! Why a document was not had or not stored.

use isobase_store::{Rejection, StoreError, Violation};
use isobase_types::{FieldPath, InvalidCollectionName, InvalidDocumentId, Revision};

use crate::InvalidDocument;

/// Why a document was not read or written. Nothing was stored.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// There is no such document.
    #[error("Document '{id}' not found in '{db}'")]
    NotFound {
        /// The collection.
        db: String,
        /// The id.
        id: String,
    },
    /// The document has another revision than the given `_rev`.
    #[error("Document update conflict")]
    Conflict {
        /// The revision it has; `None` when it is gone.
        current: Option<String>,
    },
    /// The document does not meet the schema of its collection.
    #[error("{}", Rejection::SchemaViolation { violations: violations.clone() })]
    SchemaViolation {
        /// The faults, at least one.
        violations: Vec<Violation>,
    },
    /// The database cannot hold the document.
    #[error("the document cannot be stored: {reason}")]
    Unholdable {
        /// The place in the document, empty for the whole.
        path: String,
        /// The limit it breaks.
        reason: String,
    },
    /// Another document has the same values of the fields of a unique index.
    #[error("{}", Rejection::NotUnique { fields: fields.clone() })]
    NotUnique {
        /// The fields.
        fields: Vec<FieldPath>,
    },
    /// The document refers to one that is not there, or others refer to the one that is to go.
    #[error("{reason}")]
    Reference {
        /// Which way, with the collection and the field.
        reason: String,
    },
    /// A rule does not allow the write.
    #[error("{reason}")]
    Forbidden {
        /// Why.
        reason: String,
    },
    /// It is no document.
    #[error(transparent)]
    InvalidDocument(#[from] InvalidDocument),
    /// No document can have this id.
    #[error(transparent)]
    InvalidId(#[from] InvalidDocumentId),
    /// No collection can have this name.
    #[error(transparent)]
    InvalidName(#[from] InvalidCollectionName),
    /// The selector of a search is no JSON object.
    #[error("the selector is not an object of field names and values")]
    InvalidSelector,
    /// The database failed, or the request exceeds a bound.
    #[error(transparent)]
    Store(#[from] StoreError),
}

pub(crate) fn refused(rejection: Rejection) -> DocumentError {
    match rejection {
        Rejection::RevisionConflict { current } => {
            DocumentError::Conflict { current: current.as_ref().map(Revision::to_string) }
        }
        Rejection::AlreadyExists => DocumentError::Conflict { current: None },
        Rejection::SchemaViolation { violations } => DocumentError::SchemaViolation { violations },
        Rejection::Unholdable { path, reason } => DocumentError::Unholdable { path, reason },
        Rejection::NotUnique { fields } => DocumentError::NotUnique { fields },
        reference @ (Rejection::ReferenceNotFound { .. } | Rejection::Referenced { .. }) => {
            DocumentError::Reference { reason: reference.to_string() }
        }
        Rejection::Forbidden { message, .. } => DocumentError::Forbidden { reason: message },
        // A save makes what is not there, patches nothing, and stands alone.
        Rejection::NotFound | Rejection::PatchConflict { .. } | Rejection::BatchRejected => {
            missing_outcome().into()
        }
    }
}

pub(crate) fn missing_outcome() -> StoreError {
    let kind = isobase_store::ErrorKind::Unexpected;
    isobase_store::EngineError::new(kind, "a write did not have an outcome").into()
}
