//! Errors that several callers are told, and time that has passed.

use std::time::Duration;

use isobase_engine::{EngineError, ErrorKind};
use isobase_writer::{NotDone, Pauses};
use tokio::time::Instant;

/// The same failure for another caller. The native cause stays with the first.
pub(crate) fn copy_of(error: &EngineError) -> EngineError {
    EngineError::new(error.kind, error.message.clone())
}

/// Waits for an answer until a deadline.
pub(crate) async fn within<T>(
    deadline: Instant,
    what: &str,
    answer: impl Future<Output = Result<T, EngineError>>,
) -> Result<T, EngineError> {
    match tokio::time::timeout_at(deadline, answer).await {
        Ok(answer) => answer,
        Err(_) => Err(EngineError::new(
            ErrorKind::TimedOut,
            format!("the database did not answer in time: {what}"),
        )),
    }
}

/// Pauses between repetitions: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// Pauses between repetitions: no two processes keep the same step.
pub(crate) fn pauses() -> Pauses {
    Pauses::new(PAUSE_FIRST, PAUSE_MAX)
}

/// Why the writing task gave no answer.
pub(crate) fn not_done(reason: NotDone) -> EngineError {
    let kind =
        if reason.may_be_done() { ErrorKind::OutcomeUnknown } else { ErrorKind::Unavailable };
    EngineError::new(kind, reason.to_string())
}

/// The database was closed.
pub(crate) fn closed() -> EngineError {
    not_done(NotDone::Closed)
}
