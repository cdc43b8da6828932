//! What a caller of the store is told.

use isobase_engine::{EngineError, ErrorKind};
use isobase_types::{CollectionName, FieldPath, Sequence};

/// A request the store could not carry out.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The engine failed, or the request exceeds a named bound.
    #[error(transparent)]
    Engine(#[from] EngineError),
    /// The cursor was not given out by this service for this question.
    #[error("the cursor does not belong to this query; start again without a cursor")]
    ForeignCursor,
    /// A numbered page whose documents do not fit one answer.
    #[error(
        "page {page} with {limit} documents is too large for one answer; ask for fewer, or page \
         by cursor"
    )]
    PageTooLarge {
        /// The page.
        page: u32,
        /// How many documents it was to have.
        limit: u32,
    },
    /// The place in the change feed is after the last write.
    #[error("the sequence {since} is after the last write, which is {latest}; start again from 0")]
    FutureSequence {
        /// The place that was asked for.
        since: Sequence,
        /// The place of the last write.
        latest: Sequence,
    },
    /// The collection is the one in which schemas are kept.
    #[error("the collection name {collection:?} is reserved", collection = collection.as_str())]
    ReservedCollection {
        /// Its name.
        collection: CollectionName,
    },
    /// The schema of the collection comes from the configuration and cannot be changed here.
    #[error(
        "the schema of the collection {collection:?} comes from the configuration; change it there",
        collection = collection.as_str()
    )]
    SchemaDeclared {
        /// The collection.
        collection: CollectionName,
    },
    /// The batch has more operations than allowed.
    #[error("the batch has {operations} operations, at most {max} are allowed")]
    BatchTooLarge {
        /// How many it has.
        operations: usize,
        /// How many are allowed.
        max: usize,
    },
    /// The batch is to be written in one piece, and the engine cannot write so many in one.
    #[error(
        "an atomic batch, or one with an idempotency key, of {operations} operations: this \
         database writes at most {max} in one piece; divide it, or send it without"
    )]
    PieceTooLarge {
        /// How many it has.
        operations: usize,
        /// How many are possible.
        max: usize,
    },
    /// Documents of another collection refer to documents of the one that is to be deleted.
    #[error(
        "documents of {collection} refer to the collection in {field}; delete or change them first"
    )]
    CollectionReferenced {
        /// The collection of those documents.
        collection: CollectionName,
        /// Their field.
        field: FieldPath,
    },
    /// A deletion would change or delete more documents than can be written in one piece.
    #[error(
        "the deletion reaches more than {max} documents that refer to what is deleted, directly \
         or by others; this database writes at most {max} in one piece: delete some of them first"
    )]
    CascadeTooLarge {
        /// How many are possible.
        max: usize,
    },
}

impl StoreError {
    /// The kind of failure, in the engine's terms.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Engine(error) => error.kind,
            Self::ForeignCursor
            | Self::FutureSequence { .. }
            | Self::ReservedCollection { .. }
            | Self::CollectionReferenced { .. }
            | Self::SchemaDeclared { .. } => ErrorKind::InvalidArgument,
            Self::BatchTooLarge { .. }
            | Self::PieceTooLarge { .. }
            | Self::CascadeTooLarge { .. }
            | Self::PageTooLarge { .. } => ErrorKind::LimitExceeded,
        }
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_temporary())
    }
}
