//! Why a job was not answered by the writer.

/// Why the writer did not answer a job. The name is that of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotDone {
    /// There was no place in the queue in time.
    #[error("too many writes are waiting for {0}")]
    Full(&'static str),
    /// The job was not taken in time, and was given up.
    #[error("{0} did not take the write in time")]
    GivenUp(&'static str),
    /// The job was taken, and not answered in time.
    #[error("{0} did not answer the write in time")]
    Unanswered(&'static str),
    /// The job was taken, and the writer ended without an answer.
    #[error("the writer ended in the middle of a write")]
    Lost,
    /// The queue was closed.
    #[error("the database was closed")]
    Closed,
}

impl NotDone {
    /// Whether the job may have been done all the same. For all others nothing was written.
    #[must_use]
    pub fn may_be_done(self) -> bool {
        matches!(self, Self::Unanswered(_) | Self::Lost)
    }
}
