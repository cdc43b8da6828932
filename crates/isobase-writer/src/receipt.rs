//! The wait for an answer.

use tokio::{
    sync::oneshot,
    time::{Instant, timeout_at},
};

use crate::{NotDone, Patience, block_on, stage::Stage};

/// A queued job, to wait for its answer. Dropping it does not take the job back.
#[derive(Debug)]
pub struct Receipt<T> {
    pub(crate) answer: oneshot::Receiver<T>,
    pub(crate) stage: Stage,
    pub(crate) patience: Patience,
    pub(crate) name: &'static str,
}

impl<T> Receipt<T> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn answer(mut self) -> Result<T, NotDone> {
        if let Some(taken) = self.patience.taken {
            match timeout_at(taken, &mut self.answer).await {
                Ok(answer) => return answer.map_err(|_| self.unanswered()),
                Err(_) if self.stage.give_up() => return Err(NotDone::GivenUp(self.name)),
                Err(_) => {}
            }
        }
        match within(self.patience.answered, &mut self.answer).await {
            Some(answer) => answer.map_err(|_| self.unanswered()),
            None => Err(NotDone::Unanswered(self.name)),
        }
    }

    /// Waits for the answer on a thread that may block, however long it takes.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub fn answer_blocking(mut self) -> Result<T, NotDone> {
        match block_on(&mut self.answer, None) {
            Some(Ok(answer)) => Ok(answer),
            _ => Err(self.unanswered()),
        }
    }

    /// The way back was dropped: by a writer that ended, or with a queue that was closed.
    fn unanswered(&self) -> NotDone {
        if self.stage.is_taken() { NotDone::Lost } else { NotDone::Closed }
    }
}

async fn within<F: Future + Unpin>(deadline: Option<Instant>, future: F) -> Option<F::Output> {
    match deadline {
        Some(deadline) => timeout_at(deadline, future).await.ok(),
        None => Some(future.await),
    }
}
