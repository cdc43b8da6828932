//! What is asked of the writing task, and how far it is.

use std::sync::{Arc, atomic::AtomicU8};

use isobase_engine::{
    BatchProgress, EngineError, ErrorKind, WriteBatch, WriteOutcome, WriteReport,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{
    error::copy_of,
    writer::{SpecialAnswer, SpecialJob},
};

/// Something to do.
pub(super) enum Work {
    Write {
        batch: WriteBatch,
        atomic: bool,
        reply: oneshot::Sender<Result<WriteReport, EngineError>>,
    },
    Special {
        job: SpecialJob,
        reply: oneshot::Sender<Result<SpecialAnswer, EngineError>>,
    },
    /// Take no more jobs; answered when all are done.
    Close {
        reply: oneshot::Sender<Result<(), EngineError>>,
    },
}

/// Something to do in the queue.
pub(super) struct Job {
    pub(super) work: Work,
    pub(super) stage: Arc<AtomicU8>,
    /// Given back when the job is done.
    pub(super) slots: OwnedSemaphorePermit,
}

/// Where a job is. Whoever moves it away from `QUEUED` decides what becomes of it.
pub(super) mod stage {
    pub(in crate::writer) const QUEUED: u8 = 0;
    pub(in crate::writer) const TAKEN: u8 = 1;
    pub(in crate::writer) const GIVEN_UP: u8 = 2;
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
    reply: oneshot::Sender<Result<WriteReport, EngineError>>,
    _slots: OwnedSemaphorePermit,
}

impl Active {
    pub(super) fn new(
        batch: WriteBatch,
        atomic: bool,
        reply: oneshot::Sender<Result<WriteReport, EngineError>>,
        slots: OwnedSemaphorePermit,
    ) -> Self {
        let progress = BatchProgress::of(&batch);
        let outcomes = Vec::with_capacity(batch.operations.len());
        Self { batch, atomic, outcomes, progress, is_begun: false, reply, _slots: slots }
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
        // Whoever asked may have gone.
        let _ = self.reply.send(report);
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
