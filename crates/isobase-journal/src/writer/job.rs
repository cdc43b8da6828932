//! Requests to the writing task, and how far they are.

use isobase_engine::{
    BatchProgress, EngineError, ErrorKind, WriteBatch, WriteOutcome, WriteReport,
};
use isobase_writer::{Asked, Job, Place, Reply};

use crate::error::copy_of;

/// Writes a batch.
pub(super) struct Write {
    pub(super) batch: WriteBatch,
    /// All of it or nothing.
    pub(super) atomic: bool,
}

impl Job for Write {
    type Reply = WriteReport;
}

/// A batch that was taken off the queue. A batch that need not be written in one piece may be
/// spread over several commits.
pub(super) struct Active {
    pub(super) batch: WriteBatch,
    pub(super) atomic: bool,
    /// Of the operations whose commits are done.
    pub(super) outcomes: Vec<WriteOutcome>,
    pub(super) progress: BatchProgress,
    /// A part of it was committed.
    pub(super) is_begun: bool,
    reply: Reply<Result<WriteReport, EngineError>>,
    /// Free for another job when it is done.
    _place: Place,
}

impl Active {
    pub(super) fn new(asked: Asked<Write, EngineError>, place: Place) -> Self {
        let Asked { job: Write { batch, atomic }, reply } = asked;
        let progress = BatchProgress::of(&batch);
        let outcomes = Vec::with_capacity(batch.operations.len());
        Self { batch, atomic, outcomes, progress, is_begun: false, reply, _place: place }
    }

    /// Whether all of it must be in one commit.
    pub(super) fn in_one_piece(&self) -> bool {
        self.atomic || self.batch.idempotency.is_some()
    }

    /// Whether nothing of it was decided yet.
    pub(super) fn waits_for_its_turn(&self) -> bool {
        self.outcomes.is_empty()
    }

    /// Answers it.
    pub(super) fn answer(self, report: Result<WriteReport, EngineError>) {
        self.reply.send(report);
    }

    /// Answers that it failed.
    pub(super) fn fail(self, error: &EngineError) {
        let error = if self.is_begun {
            let message = format!("a part of the batch was written, then: {error}");
            EngineError::new(ErrorKind::OutcomeUnknown, message)
        } else {
            copy_of(error)
        };
        self.answer(Err(error));
    }
}
