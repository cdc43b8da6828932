//! Deadlines on our side of the connection.

use std::future::Future;

use tokio::time::{Instant, timeout_at};

use crate::{Error, ErrorKind};

/// Waits for a result until a moment, and not longer.
///
/// # Errors
/// [`ErrorKind::TimedOut`] when the moment comes first. The connection that was waited for must
/// then be closed: its answer would belong to the next question.
pub async fn within<T>(
    deadline: Instant,
    what: &str,
    future: impl Future<Output = Result<T, Error>>,
) -> Result<T, Error> {
    match timeout_at(deadline, future).await {
        Ok(result) => result,
        Err(_) => {
            Err(Error::new(ErrorKind::TimedOut, format!("{what} took longer than its deadline")))
        }
    }
}
