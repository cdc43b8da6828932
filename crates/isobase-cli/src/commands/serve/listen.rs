//! The address of the service.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

use anyhow::Result;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::net::{TcpListener, TcpSocket, lookup_host};

use crate::{failure::Failure, settings::Config};

/// Connections that may wait until they are accepted, as everywhere.
const WAITING_CONNECTIONS: u32 = 1_024;
/// Files that a service has open beside connections: its database and log, connections to servers.
const OTHER_FILES: u64 = 64;

/// Takes the first address of the host that can be had. No client can connect to it yet.
pub(super) async fn reserve(host: &str, port: u16) -> Result<TcpSocket, Failure> {
    let failure = |error: io::Error| listen_failure(host, port, &error);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in lookup_host((host, port)).await.map_err(failure)? {
        let socket = match address {
            SocketAddr::V4(_) => TcpSocket::new_v4(),
            SocketAddr::V6(_) => TcpSocket::new_v6(),
        };
        let bound = socket.and_then(|socket| {
            // Connections of a service that has just ended are no reason to refuse.
            socket.set_reuseaddr(true)?;
            socket.bind(address)?;
            Ok(socket)
        });
        match bound {
            Ok(socket) => return Ok(socket),
            Err(error) => last = error,
        }
    }
    Err(failure(last))
}

pub(super) fn listen(reserved: TcpSocket, config: &Config) -> Result<(TcpListener, SocketAddr)> {
    let listening = reserved.listen(WAITING_CONNECTIONS).and_then(|listener| {
        let address = listener.local_addr()?;
        Ok((listener, address))
    });
    listening.map_err(|error| listen_failure(&config.host, config.port, &error).into())
}

/// `localhost` is both loopback addresses, and a client takes either (RFC 6761, section 6.3): the
/// other one is listened on too, if this machine has it and no other program has the port.
pub(super) fn listen_beside(host: &str, first: SocketAddr) -> Option<std::net::TcpListener> {
    if !host.eq_ignore_ascii_case("localhost") {
        return None;
    }
    let (socket, other) = match first {
        SocketAddr::V4(_) => (TcpSocket::new_v6(), IpAddr::from(Ipv6Addr::LOCALHOST)),
        SocketAddr::V6(_) => (TcpSocket::new_v4(), IpAddr::from(Ipv4Addr::LOCALHOST)),
    };
    let other = SocketAddr::new(other, first.port());
    let listening = socket.and_then(|socket| {
        socket.set_reuseaddr(true)?;
        socket.bind(other)?;
        socket.listen(WAITING_CONNECTIONS)?.into_std()
    });
    match listening {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::debug!(%error, "localhost is {first} only: {error}");
            None
        }
    }
}

/// Takes as many open files as the system gives: a connection is one. Many systems begin with 1,024
/// and let a process ask for more. Where that is not enough for as many connections as are allowed,
/// the log says so.
pub(super) fn open_files(connections_max: usize) {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, ..limit };
    if let Some(files) = limit.maximum
        && files < connections_max as u64 + OTHER_FILES
    {
        tracing::warn!(
            "this process may open {files} files, too few for limits.connections_max = \
             {connections_max}: raise the limit (ulimit -n, LimitNOFILE), or lower the setting"
        );
    }
    if limit.current != limit.maximum
        && let Err(error) = setrlimit(Resource::Nofile, raised)
    {
        tracing::debug!(%error, "the limit of open files stays as it is: {error}");
    }
}

fn listen_failure(host: &str, port: u16, error: &io::Error) -> Failure {
    let (message, hint) = match error.kind() {
        io::ErrorKind::AddrInUse => (
            format!("port {port} on {host} is in use by another program"),
            "stop that program, or choose another port: --port 8003, or --port 0 for a free one",
        ),
        io::ErrorKind::PermissionDenied => (
            format!("this user may not listen on port {port}"),
            "choose a port from 1024, and let a proxy listen on the lower one",
        ),
        io::ErrorKind::AddrNotAvailable => (
            format!("{host} is not an address of this machine"),
            "use 127.0.0.1 for this machine only, 0.0.0.0 for all its addresses",
        ),
        _ => (
            format!("cannot listen on {host}, port {port}: {error}"),
            "setting host is an address of this machine, such as 127.0.0.1 or 0.0.0.0",
        ),
    };
    Failure::new(message).hint(hint)
}

/// The address as a program on this machine can use it.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(ip) if ip.is_unspecified() => IpAddr::V6(Ipv6Addr::LOCALHOST),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_all_is_reached_on_loopback() {
        let cases =
            [("0.0.0.0:1", "127.0.0.1:1"), ("[::]:1", "[::1]:1"), ("192.0.2.1:1", "192.0.2.1:1")];
        for (address, expected) in cases {
            assert_eq!(reachable(address.parse().unwrap()).to_string(), expected);
        }
    }
}
