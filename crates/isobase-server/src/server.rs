//! The accept loop and the stop.

use std::{
    io::{self, ErrorKind},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{MissedTickBehavior, interval, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{
    App,
    connection::{self, Connection},
};

/// Pause after a failed accept: without it a service out of file descriptors would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often the keys are looked at: a revoked key is refused within 5 s.
const KEYS_REFRESH: Duration = Duration::from_secs(2);
/// The answer to a connection beyond the bound.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// Answers requests on a listener until told to stop, then lets requests finish.
///
/// The store stays open: closing it is the caller's.
///
/// # Errors
/// When the listener cannot be used at all.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let builder = Arc::new(connection::builder(&app));
    let mut connections = JoinSet::new();
    let refresh = tokio::spawn(refresh_keys(app.clone(), shutdown.clone()));
    loop {
        let accepted = tokio::select! {
            biased;
            () = shutdown.cancelled() => break,
            // Ended connections are taken out as they end.
            Some(_) = connections.join_next() => continue,
            accepted = listener.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                pause_after(&error).await;
                continue;
            }
        };
        if connections.len() >= app.config.connections_max {
            app.metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
            // A best effort: the buffer of a new connection has room.
            let _ = stream.try_write(TOO_MANY);
            continue;
        }
        let connection = Connection::new(app.clone(), peer.ip());
        connections.spawn(run(connection, stream, builder.clone(), app.stopping.child_token()));
    }
    drop(listener);
    app.stopping.cancel();
    stop(&app, connections).await;
    refresh.abort();
    Ok(())
}

async fn run(
    connection: Arc<Connection>,
    stream: TcpStream,
    builder: Arc<hyper::server::conn::http1::Builder>,
    stopping: CancellationToken,
) {
    // Small answers must not wait for the client's acknowledgement.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "could not turn delays off");
    }
    let open = Open::new(connection.app.clone());
    connection::run(connection, stream, &builder, stopping).await;
    drop(open);
}

/// Counts a connection while it lives, also when its task is ended.
struct Open(Arc<App>);

impl Open {
    fn new(app: Arc<App>) -> Self {
        app.metrics.connections.fetch_add(1, Ordering::Relaxed);
        Self(app)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.metrics.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Some failures concern one connection, others mean that the process has no room for more.
async fn pause_after(error: &io::Error) {
    let of_peer = [
        ErrorKind::ConnectionAborted,
        ErrorKind::ConnectionReset,
        ErrorKind::ConnectionRefused,
        ErrorKind::Interrupted,
    ];
    if !of_peer.contains(&error.kind()) {
        tracing::warn!(%error, "cannot accept connections now: {error}");
        sleep(ACCEPT_PAUSE).await;
    }
}

/// Waits for requests to finish, then ends what is left.
async fn stop(app: &App, mut connections: JoinSet<()>) {
    let finish = async { while connections.join_next().await.is_some() {} };
    if timeout(app.config.stop_timeout, finish).await.is_err() {
        let left = connections.len();
        tracing::warn!(left, "{left} connections did not end in time and are closed");
    }
    connections.shutdown().await;
}

/// Keeps the keys in memory as those in the file.
async fn refresh_keys(app: Arc<App>, shutdown: CancellationToken) {
    let mut ticks = interval(KEYS_REFRESH);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = ticks.tick() => {}
        }
        let authorizer = app.authorizer.clone();
        // The file may be locked by another process for a moment.
        let refreshed = tokio::task::spawn_blocking(move || authorizer.refresh()).await;
        if let Ok(Err(error)) = refreshed {
            tracing::warn!(%error, "cannot read the keys again: {error}");
        }
    }
}
