//! Bounds and deadlines of a service.

use std::time::Duration;

use ipnet::IpNet;

/// Settings of a service. Every bound has a default that suits a small machine.
#[derive(Clone, Debug)]
pub struct HttpConfig {
    /// The scheme and authority clients use, as `https://db.example.com`; used in absolute
    /// links. Default none: links are relative.
    pub public_url: Option<String>,
    /// Largest request body of an ordinary route, in bytes. Default 8 MiB.
    pub body_bytes_max: u64,
    /// Largest request body of a route that reads it as a stream of lines. Default 1 GiB.
    pub stream_body_bytes_max: u64,
    /// Longest time from the first byte of a request to the last of its head. Default 10 s.
    pub header_timeout: Duration,
    /// Longest silence while a request body is awaited. Default 10 s.
    pub body_idle_timeout: Duration,
    /// Longest time for a whole request body of an ordinary route; shorter than
    /// `request_timeout`, so that a slow client is told so. Default 20 s.
    pub body_timeout: Duration,
    /// Longest time a connection may stay open between two requests. Default 60 s.
    pub keep_alive_timeout: Duration,
    /// How long a connection has nothing to do until its buffers are given back. Default 1 s.
    pub rest_timeout: Duration,
    /// Longest time a client may take no byte of its answer. Default 15 s.
    pub write_idle_timeout: Duration,
    /// Longest time a handler may take to begin its answer. Default 30 s.
    pub request_timeout: Duration,
    /// Longest silence of a streamed answer's source. Default 60 s.
    pub stream_idle_timeout: Duration,
    /// How long requests may go on after the service was told to stop. Default 8 s.
    pub stop_timeout: Duration,
    /// Most connections at a time. Default 1,024.
    pub connections_max: usize,
    /// Largest request head, in bytes. Default 32 KiB.
    pub header_bytes_max: usize,
    /// Longest request target, in bytes. Default 8 KiB.
    pub uri_bytes_max: usize,
    /// Origins whose pages may use the service; `*` is any. Default none: in open mode those that
    /// `open_to` says, no origin otherwise.
    pub cors_origins: Vec<String>,
    /// For whom open mode is. Default [`OpenTo::Loopback`].
    pub open_to: OpenTo,
    /// Names of this service beside `localhost`, for open mode: `app.test`, or `*.lvh.me` for all
    /// below. Default none.
    pub allowed_hosts: Vec<String>,
    /// Proxies in front, whose `X-Forwarded-For` says who asks: bounds on guessing count that
    /// address. Default none: the peer of the connection asks.
    pub trusted_proxies: Vec<IpNet>,
}

/// For whom a service in open mode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenTo {
    /// Programs and pages of this machine. Other pages, which a browser on this machine may show,
    /// neither read nor write, also not under a name that leads here.
    Loopback,
    /// Everyone who reaches it, pages of any origin included.
    Everyone,
}

impl Default for HttpConfig {
    fn default() -> Self {
        Self {
            public_url: None,
            body_bytes_max: 8 << 20,
            stream_body_bytes_max: 1 << 30,
            header_timeout: Duration::from_secs(10),
            body_idle_timeout: Duration::from_secs(10),
            body_timeout: Duration::from_secs(20),
            keep_alive_timeout: Duration::from_secs(60),
            rest_timeout: Duration::from_secs(1),
            write_idle_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            stream_idle_timeout: Duration::from_secs(60),
            stop_timeout: Duration::from_secs(8),
            connections_max: 1_024,
            header_bytes_max: 32 << 10,
            uri_bytes_max: 8 << 10,
            cors_origins: Vec::new(),
            open_to: OpenTo::Loopback,
            allowed_hosts: Vec::new(),
            trusted_proxies: Vec::new(),
        }
    }
}
