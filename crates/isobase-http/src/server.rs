//! The accept loop and the stop.

use std::{
    io::{self, ErrorKind},
    net::{IpAddr, Ipv4Addr},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream, UnixListener, UnixStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{Door, Gate, Service, connection, link::Link, metrics::Metrics};

/// Pause after a failed accept: without it a service out of file descriptors would only spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The answer to a connection beyond the bound.
const TOO_MANY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\n\
    content-length: 0\r\nconnection: close\r\n\r\n";

/// Answers requests on a listener until told to stop, then lets requests finish.
///
/// # Errors
/// When the listener cannot be used at all.
pub async fn serve<G: Gate>(
    listener: TcpListener,
    service: Arc<Service<G>>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_any(listener, service, shutdown).await
}

/// The same on a socket that only the operator of the service can open: its requests come by
/// [`Door::Local`].
///
/// # Errors
/// As [`serve`].
pub async fn serve_local<G: Gate>(
    listener: UnixListener,
    service: Arc<Service<G>>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    serve_any(listener, service, shutdown).await
}

/// The origins of connections.
trait Listener: Send {
    type Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static;
    const DOOR: Door;

    fn accept(&self) -> impl Future<Output = io::Result<(Self::Stream, IpAddr)>> + Send;

    /// Sends what there is room for.
    fn send_now(stream: &Self::Stream, bytes: &[u8]) -> io::Result<usize>;
}

impl Listener for TcpListener {
    type Stream = TcpStream;
    const DOOR: Door = Door::Network;

    async fn accept(&self) -> io::Result<(TcpStream, IpAddr)> {
        let (stream, peer) = Self::accept(self).await?;
        // Small answers must not wait for the client's acknowledgement.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "could not turn delays off");
        }
        Ok((stream, peer.ip()))
    }

    fn send_now(stream: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
        stream.try_write(bytes)
    }
}

impl Listener for UnixListener {
    type Stream = UnixStream;
    const DOOR: Door = Door::Local;

    async fn accept(&self) -> io::Result<(UnixStream, IpAddr)> {
        let (stream, _) = Self::accept(self).await?;
        Ok((stream, IpAddr::V4(Ipv4Addr::LOCALHOST)))
    }

    fn send_now(stream: &UnixStream, bytes: &[u8]) -> io::Result<usize> {
        stream.try_write(bytes)
    }
}

async fn serve_any<G: Gate, L: Listener>(
    listener: L,
    service: Arc<Service<G>>,
    shutdown: CancellationToken,
) -> io::Result<()> {
    let shared = service.shared();
    let builder = Arc::new(connection::builder(&shared.config));
    let mut connections = JoinSet::new();
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
        if connections.len() >= shared.config.connections_max {
            shared.metrics.connections_refused.fetch_add(1, Ordering::Relaxed);
            // A best effort: the buffer of a new connection has room.
            let _ = L::send_now(&stream, TOO_MANY);
            continue;
        }
        let link = service.link(peer, L::DOOR);
        let stopping = shared.stopping.child_token();
        connections.spawn(run(service.clone(), link, stream, builder.clone(), stopping));
    }
    drop(listener);
    shared.stopping.cancel();
    stop(shared.config.stop_timeout, connections).await;
    Ok(())
}

async fn run<G: Gate, S: AsyncRead + AsyncWrite + Unpin>(
    service: Arc<Service<G>>,
    link: Arc<Link>,
    stream: S,
    builder: Arc<hyper::server::conn::http1::Builder>,
    stopping: CancellationToken,
) {
    let open = Open::new(&link.shared.metrics);
    connection::run(&service, link.clone(), stream, &builder, stopping).await;
    drop(open);
}

/// Counts a connection while it lives, also when its task is ended.
struct Open<'a>(&'a Metrics);

impl<'a> Open<'a> {
    fn new(metrics: &'a Metrics) -> Self {
        metrics.connections.fetch_add(1, Ordering::Relaxed);
        Self(metrics)
    }
}

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
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
async fn stop(patience: Duration, mut connections: JoinSet<()>) {
    let finish = async { while connections.join_next().await.is_some() {} };
    if timeout(patience, finish).await.is_err() {
        let left = connections.len();
        tracing::warn!(left, "{left} connections did not end in time and are closed");
    }
    connections.shutdown().await;
}
