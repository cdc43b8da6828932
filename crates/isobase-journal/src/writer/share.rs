//! The outcome of a group for its batches.

use isobase_engine::{BatchProgress, EngineError, WriteOutcome};

/// What a group means for one batch, once it is committed.
pub(super) struct Share {
    /// Of the operations that are in the group.
    pub(super) outcomes: Vec<WriteOutcome>,
    pub(super) progress: BatchProgress,
    /// The batch is answered with the group.
    pub(super) end: Option<End>,
}

/// How a batch is answered.
pub(super) enum End {
    Done,
    Replayed(Vec<WriteOutcome>),
    Failed(EngineError),
}
