//! One connection: strict framing, deadlines, and a proper end.

mod framing;
mod guard;

use std::{pin::pin, sync::Arc};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_util::sync::CancellationToken;

use crate::{Gate, HttpConfig, RequestBody, Service, link::Link};
use guard::{Deadlines, Guard};

/// How connections of a service are read.
pub(crate) fn builder(config: &HttpConfig) -> http1::Builder {
    let mut builder = http1::Builder::new();
    // The guard keeps the deadlines; the library's own costs a timer per request.
    builder.header_read_timeout(None).max_header_size(config.header_bytes_max).half_close(false);
    builder
}

/// Answers the requests of a connection until it ends, or until the service stops.
pub(crate) async fn run<G: Gate>(
    service: &Service<G>,
    link: Arc<Link>,
    stream: impl AsyncRead + AsyncWrite + Unpin,
    builder: &http1::Builder,
    stopping: CancellationToken,
) {
    let config = &link.shared.config;
    let deadlines = Deadlines {
        header: config.header_timeout,
        // The request body's own deadline comes first and gives a proper answer.
        body_idle: config.body_idle_timeout * 2,
        keep_alive: config.keep_alive_timeout,
        write_idle: config.write_idle_timeout,
    };
    let io = TokioIo::new(Guard::new(stream, link.activity.clone(), deadlines));
    // On the heap while it runs: the library keeps room for it as long as the connection lasts, and
    // most connections wait for their next request or are streams.
    let answer = service_fn(|request: hyper::Request<Incoming>| {
        Box::pin(service.answer(link.clone(), request.map(RequestBody::incoming)))
    });
    let mut running = pin!(builder.serve_connection(io, answer));
    let ended = tokio::select! {
        biased;
        ended = running.as_mut() => ended,
        () = stopping.cancelled() => {
            running.as_mut().graceful_shutdown();
            running.await
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
}
