//! The service and what goes on beside its requests.

use std::{io, sync::Arc, time::Duration};

use futures_util::future::BoxFuture;
use isobase_auth::{Accounts, Authorizer};
use tokio::{
    net::{TcpListener, UnixListener},
    time::{MissedTickBehavior, interval},
};
use tokio_util::sync::CancellationToken;

use crate::Service;

/// How often it is looked whether keys and sessions were used that are not noted.
const NOTE_USES: Duration = Duration::from_secs(5);

/// Answers requests on a listener until told to stop, then lets requests finish.
///
/// The store stays open: closing it is the caller's.
///
/// # Errors
/// When the listener cannot be used at all.
pub fn serve(
    listener: TcpListener,
    service: Arc<Service>,
    shutdown: CancellationToken,
) -> BoxFuture<'static, io::Result<()>> {
    Box::pin(async move {
        let authorizer = service.gate().authorizer.clone();
        let accounts = service.gate().accounts.clone();
        let noting = tokio::spawn(note_uses(authorizer, accounts.clone(), shutdown.clone()));
        let following = accounts
            .map(|accounts| tokio::spawn(async move { accounts.sessions().follow().await }));
        let served = isobase_http::serve(listener, service.clone(), shutdown).await;
        if let Some(observer) = service.shared().observer() {
            observer.end().await;
        }
        noting.abort();
        if let Some(following) = following {
            following.abort();
        }
        served
    })
}

/// Answers requests on a socket that only the operator of the service can open, as those of somebody
/// who may do everything, until told to stop.
///
/// # Errors
/// As [`serve`].
pub fn serve_operator(
    listener: UnixListener,
    service: Arc<Service>,
    shutdown: CancellationToken,
) -> BoxFuture<'static, io::Result<()>> {
    Box::pin(async move { isobase_http::serve_local(listener, service, shutdown).await })
}

/// Notes in the database which keys and sessions are used.
async fn note_uses(
    authorizer: Arc<Authorizer>,
    accounts: Option<Arc<Accounts>>,
    shutdown: CancellationToken,
) {
    let mut ticks = interval(NOTE_USES);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = authorizer.note_used().await {
            tracing::warn!(%error, "cannot note which keys are used: {error}");
        }
        if let Some(accounts) = &accounts
            && let Err(error) = accounts.sessions().note_used().await
        {
            tracing::warn!(%error, "cannot note which sessions are used: {error}");
        }
    }
}
