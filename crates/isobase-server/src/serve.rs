//! The service and what goes on beside its requests.

use std::{io, sync::Arc, time::Duration};

use isobase_auth::Authorizer;
use tokio::{
    net::TcpListener,
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::Service;

/// How often the keys are looked at: a revoked key is refused within 5 s.
const KEYS_REFRESH: Duration = Duration::from_secs(2);

/// Answers requests on a listener until told to stop, then lets requests finish.
///
/// The store stays open: closing it is the caller's.
///
/// # Errors
/// When the listener cannot be used at all.
pub async fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let authorizer = service.gate().authorizer.clone();
    let refresh = tokio::spawn(refresh_keys(authorizer, shutdown.clone()));
    let served = isobase_http::serve(listener, service, shutdown).await;
    refresh.abort();
    served
}

/// Keeps the keys in memory as those in the file.
async fn refresh_keys(authorizer: Arc<Authorizer>, shutdown: CancellationToken) {
    let mut ticks = interval(KEYS_REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let authorizer = authorizer.clone();
        // The file may be locked by another process for a moment.
        let refreshed = tokio::task::spawn_blocking(move || authorizer.refresh()).await;
        if let Ok(Err(error)) = refreshed {
            tracing::warn!(%error, "cannot read the keys again: {error}");
        }
    }
}
