//! Errors that several callers are told, and time that has passed.

use std::time::Duration;

use isobase_engine::{EngineError, ErrorKind};
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

/// Pauses between repetitions: they grow, and no two processes keep the same step.
#[derive(Debug)]
pub(crate) struct Pauses {
    longest: Duration,
}

const PAUSE_FIRST: Duration = Duration::from_millis(4);
const PAUSE_MAX: Duration = Duration::from_millis(500);

impl Pauses {
    pub(crate) fn new() -> Self {
        Self { longest: PAUSE_FIRST }
    }

    /// Waits for a random part of the next pause.
    pub(crate) async fn wait(&mut self) {
        let pause = self.longest.mul_f64(rand::random_range(0.25..1.0));
        self.longest = (self.longest * 2).min(PAUSE_MAX);
        tokio::time::sleep(pause).await;
    }
}
