//! Something to be done, and the way back to who asked for it.

use tokio::sync::oneshot;

/// Something that a writer does, and the type of what it answers then.
pub trait Job: Send + 'static {
    /// The answer to a job that was done.
    type Reply: Send + 'static;
}

/// The way back to who asked: takes one answer. Dropped without one, it tells that the writer
/// ended.
#[derive(Debug)]
pub struct Reply<T>(pub(crate) oneshot::Sender<T>);

impl<T> Reply<T> {
    /// Answers. Nothing happens if the caller has gone.
    pub fn send(self, answer: T) {
        let _ = self.0.send(answer);
    }

    /// Whether the caller still waits for the answer.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        !self.0.is_closed()
    }
}

/// A job, and the way back for its reply or an error.
#[derive(Debug)]
pub struct Asked<J: Job, E> {
    /// The work to be done.
    pub job: J,
    /// Where the answer goes.
    pub reply: Reply<Result<J::Reply, E>>,
}

impl<J: Job, E> Asked<J, E> {
    /// Answers the job.
    pub fn answer(self, answer: Result<J::Reply, E>) {
        self.reply.send(answer);
    }
}
