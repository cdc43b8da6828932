//! What a caller of the store is told.

use isobase_engine::{EngineError, ErrorKind};
use isobase_types::Sequence;

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
    /// The batch has more operations than allowed.
    #[error("the batch has {operations} operations, at most {max} are allowed")]
    BatchTooLarge {
        /// How many it has.
        operations: usize,
        /// How many are allowed.
        max: usize,
    },
}

impl StoreError {
    /// The kind of failure, in the engine's terms.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Engine(error) => error.kind,
            Self::ForeignCursor | Self::FutureSequence { .. } => ErrorKind::InvalidArgument,
            Self::BatchTooLarge { .. } | Self::PageTooLarge { .. } => ErrorKind::LimitExceeded,
        }
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Engine(error) if error.is_temporary())
    }
}
