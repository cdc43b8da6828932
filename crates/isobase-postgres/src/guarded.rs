//! Connections whose answers are bounded: for statements of people, whose one value, plan or message may be
//! a gigabyte, which the driver would hold as a whole before anybody sees it.

use std::{
    io,
    net::IpAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::timeout,
};
use tokio_postgres::config::Host;

use crate::{Config, Error, ErrorKind};

/// A way to the server, by TCP or a socket of Unix.
trait Way: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Way for S {}

/// A stream that fails when more comes than an answer may have. It counts from the last bytes that were
/// sent, as they travel: with TLS in its own records.
pub(crate) struct Guarded {
    way: Box<dyn Way>,
    came: usize,
    bytes_max: usize,
    /// Set when more came; read by the caller that asks why the connection ended.
    exceeded: Arc<AtomicBool>,
}

impl AsyncRead for Guarded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.way).poll_read(context, buffer))?;
        self.came += buffer.filled().len() - before;
        if self.came > self.bytes_max {
            self.exceeded.store(true, Ordering::Release);
            let message = format!("the answer has more than {} bytes", self.bytes_max);
            return Poll::Ready(Err(io::Error::other(message)));
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Guarded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = ready!(Pin::new(&mut self.way).poll_write(context, bytes))?;
        self.came = 0;
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.way).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.way).poll_shutdown(context)
    }
}

/// How many places a configuration names, of which any may be the one.
pub(crate) fn places(config: &Config) -> usize {
    config.native.get_hosts().len().max(config.native.get_hostaddrs().len())
}

/// The name by which the certificate of a place is known.
pub(crate) fn name_of(config: &Config, place: usize) -> String {
    match config.native.get_hosts().get(place) {
        Some(Host::Tcp(name)) => name.clone(),
        _ => String::new(),
    }
}

/// A way to one place, on which an answer has at most so many bytes.
pub(crate) async fn way_to(
    config: &Config,
    place: usize,
    bytes_max: usize,
    exceeded: &Arc<AtomicBool>,
) -> Result<Guarded, Error> {
    let opened = match config.native.get_connect_timeout() {
        None => open(config, place).await,
        Some(limit) => match timeout(*limit, open(config, place)).await {
            Ok(opened) => opened,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "connection timed out")),
        },
    };
    let way = opened.map_err(|error| Error {
        message: error.to_string(),
        source: Some(error),
        ..Error::new(ErrorKind::Unavailable, "")
    })?;
    Ok(Guarded { way, came: 0, bytes_max, exceeded: Arc::clone(exceeded) })
}

async fn open(config: &Config, place: usize) -> io::Result<Box<dyn Way>> {
    let native = &config.native;
    let ports = native.get_ports();
    let port = ports.get(place).or(ports.first()).copied().unwrap_or(5432);
    let address: Option<&IpAddr> = native.get_hostaddrs().get(place);
    let stream = match (address, native.get_hosts().get(place)) {
        (Some(address), _) => TcpStream::connect((*address, port)).await?,
        (None, Some(Host::Tcp(name))) => TcpStream::connect((name.as_str(), port)).await?,
        #[cfg(unix)]
        (None, Some(Host::Unix(folder))) => {
            let path = folder.join(format!(".s.PGSQL.{port}"));
            return Ok(Box::new(tokio::net::UnixStream::connect(path).await?));
        }
        (None, None) => return Err(io::Error::other("no such host")),
    };
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}
