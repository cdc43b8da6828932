//! Work that is tried again while the target has temporary failures.

use std::time::Duration;

use isobase_engine::EngineError;
use isobase_writer::Pauses;
use tokio_util::sync::CancellationToken;

/// Attempts at what the target may have temporary failures of.
pub(crate) const ATTEMPTS: u32 = 6;

/// Pauses between them: some six seconds together at most.
pub(crate) fn pauses() -> Pauses {
    Pauses::new(Duration::from_millis(200), Duration::from_millis(3_200))
}

/// Does what may be repeated without harm until it succeeds, fails for good, or has failed often
/// enough. There is no other attempt after the work was given up.
pub(crate) async fn again<T, F: Future<Output = Result<T, EngineError>>>(
    what: &str,
    given_up: &CancellationToken,
    mut attempt: impl FnMut() -> F,
) -> Result<T, EngineError> {
    let mut pauses = pauses();
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_temporary() => {
                tracing::warn!(%error, "{what} is tried again: {error}");
                tokio::select! {
                    () = pauses.wait() => {}
                    () = given_up.cancelled() => return Err(error),
                }
            }
            done => return done,
        }
    }
    attempt().await
}
