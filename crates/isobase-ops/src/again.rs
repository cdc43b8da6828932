//! What is tried again while the target has temporary failures.

use std::time::Duration;

use isobase_engine::EngineError;
use tokio_util::sync::CancellationToken;

/// Attempts, and the first pause between them; each is twice as long as the one before.
pub(crate) const ATTEMPTS: u32 = 6;
pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(200);

/// Does what may be repeated without harm until it succeeds, fails for good, or has failed often
/// enough. There is no other attempt after the work was given up.
pub(crate) async fn again<T, F: Future<Output = Result<T, EngineError>>>(
    what: &str,
    given_up: &CancellationToken,
    mut attempt: impl FnMut() -> F,
) -> Result<T, EngineError> {
    let mut pause = FIRST_PAUSE;
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(error) if error.is_temporary() => {
                tracing::warn!(%error, "{what} is tried again: {error}");
                tokio::select! {
                    () = tokio::time::sleep(pause) => {}
                    () = given_up.cancelled() => return Err(error),
                }
                pause *= 2;
            }
            done => return done,
        }
    }
    attempt().await
}
