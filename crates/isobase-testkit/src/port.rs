//! Ports that no one else takes.

use std::net::{Ipv4Addr, SocketAddr};

use anyhow::{Context, Result};
use socket2::{Domain, Socket, Type};

/// A free port on 127.0.0.1, held for a server that may start, stop and start again.
///
/// The port is bound but not listened on. Linux then gives it to no one by
/// chance, refuses connections to it, and still lets a server listen on it that
/// sets `SO_REUSEADDR`, as `std`, tokio and PostgreSQL do.
#[derive(Debug)]
pub struct ReservedPort {
    port: u16,
    /// Never read; its drop gives the port back.
    _socket: Socket,
}

impl ReservedPort {
    /// Reserves any free port.
    ///
    /// # Errors
    /// When the machine has no free port.
    pub fn new() -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let address = socket.local_addr()?.as_socket().context("an IPv4 socket has an address")?;
        Ok(Self { port: address.port(), _socket: socket })
    }

    /// The number of the port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The address a server is to listen on.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }
}
