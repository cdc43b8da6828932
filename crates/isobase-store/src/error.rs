//! Errors of the store for its callers.

use isobase_engine::{EngineError, ErrorKind, FeedPlace, Rejection};
use isobase_types::{CollectionName, FieldPath, Sequence};

use crate::{EXPAND_LEVELS_MAX, EXPAND_REFERENCES_MAX, RuleAction};

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
    /// The place or the cursor is none of this database, or of before its last load.
    #[error(transparent)]
    ForeignPlace(ForeignPlace),
    /// Changes after the place are no longer kept.
    #[error("changes after the place are no longer kept; the oldest place is {oldest}")]
    ChangesGone {
        /// The oldest place from which the feed can still be read.
        oldest: FeedPlace,
    },
    /// The number in the change feed is after the last write.
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
    /// The rules of the collection do not let the caller do this, whatever is in it.
    #[error(
        "the {action} rule of the collection {collection:?} does not allow this{}",
        if *anonymous { " without signing in" } else { "" },
        collection = collection.as_str()
    )]
    NotAllowed {
        /// The collection.
        collection: CollectionName,
        /// The work to be done.
        action: RuleAction,
        /// No one in particular asked: it may be allowed to somebody.
        anonymous: bool,
    },
    /// A document of a collection that was being deleted could not be deleted.
    #[error("{deleted} documents were deleted, and then one could not be: {rejection}")]
    DeletionStopped {
        /// How many were deleted.
        deleted: u64,
        /// Why the next one was not.
        rejection: Rejection,
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
    /// The request asks for a field that is never shown, or compares it.
    #[error(
        "the field {field} of the collection {collection:?} is write-only: documents are not \
         filtered, sorted, selected, compared or copied by it",
        collection = collection.as_str()
    )]
    WriteOnlyField {
        /// The collection.
        collection: CollectionName,
        /// The field, as the request names it.
        field: String,
    },
    /// The request asks for what no reference leads to.
    #[error(
        "expand {path}: the schema of the collection {collection:?} declares no such reference; {}",
        known_references(known),
        collection = collection.as_str()
    )]
    UnknownExpansion {
        /// The request.
        path: FieldPath,
        /// The collection whose documents were to be expanded.
        collection: CollectionName,
        /// The references that it has.
        known: Vec<FieldPath>,
    },
    /// More levels of references than one request expands.
    #[error("expand {path}: at most {EXPAND_LEVELS_MAX} levels of references are expanded")]
    ExpansionTooDeep {
        /// The request.
        path: FieldPath,
    },
    /// More references than one request expands.
    #[error("at most {EXPAND_REFERENCES_MAX} references are expanded at a time")]
    ExpansionTooWide,
    /// The documents and those they refer to do not fit one answer.
    #[error(
        "the documents and those they refer to have more than {max} bytes; ask for fewer, or \
         expand less"
    )]
    ExpansionTooLarge {
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
            Self::ChangesGone { oldest } => ErrorKind::ChangesGone { oldest: oldest.sequence },
            Self::ForeignCursor
            | Self::ForeignPlace(_)
            | Self::FutureSequence { .. }
            | Self::ReservedCollection { .. }
            | Self::CollectionReferenced { .. }
            | Self::NotAllowed { .. }
            | Self::WriteOnlyField { .. }
            | Self::UnknownExpansion { .. }
            | Self::ExpansionTooDeep { .. }
            | Self::ExpansionTooWide
            | Self::DeletionStopped { .. }
            | Self::SchemaDeclared { .. } => ErrorKind::InvalidArgument,
            Self::BatchTooLarge { .. }
            | Self::PieceTooLarge { .. }
            | Self::CascadeTooLarge { .. }
            | Self::ExpansionTooLarge { .. }
            | Self::PageTooLarge { .. } => ErrorKind::LimitExceeded,
        }
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_temporary())
    }
}

/// The names that could have been asked for.
fn known_references(known: &[FieldPath]) -> String {
    match known {
        [] => "it declares none".to_owned(),
        known => {
            let known: Vec<String> = known.iter().map(ToString::to_string).collect();
            format!("it declares {}", known.join(", "))
        }
    }
}

/// Why a place is none of this database. A caller that gets it reads everything again and follows the
/// feed from `now` on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignPlace {
    /// The place was given out by another database.
    #[error("the place belongs to another database")]
    OtherDatabase,
    /// Something was restored or copied into the database since.
    #[error("the place is of before the database was restored or copied into")]
    EarlierEpoch,
    /// The database was put back by other means: it has fewer writes than when it gave the place.
    #[error("the place is after the last write of the database, which was put back since")]
    Ahead,
    /// Numbers are places only before something was restored or copied into a database.
    #[error(
        "the number {number} is no place in this database: something was restored or copied into \
         it, and only places as the feed gives them, 0 and now are understood since"
    )]
    Number {
        /// The number.
        number: u64,
    },
    /// The cursor is of another database, or of before something was loaded into this one.
    #[error(
        "the cursor belongs to another database, or is of before this one was restored or copied \
         into"
    )]
    Cursor,
}
