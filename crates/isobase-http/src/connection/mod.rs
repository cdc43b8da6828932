//! One connection: strict framing, deadlines, and a proper end.

mod framing;
mod guard;

use std::{future::poll_fn, pin::Pin, sync::Arc, task::Poll};

use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
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
        rest: config.rest_timeout,
        write_idle: config.write_idle_timeout,
    };
    let mut guard = Guard::new(stream, link.activity.clone(), deadlines);
    while let Some(resting) = answer(service, &link, guard, builder, &stopping).await {
        guard = resting;
        tokio::select! {
            biased;
            came = guard.wake() => match came {
                Ok(()) => {}
                Err(error) => {
                    tracing::debug!(%error, "a resting connection broke off");
                    return;
                }
            },
            () = stopping.cancelled() => {
                // Between two requests there is nothing that could be lost.
                let _ = guard.shutdown().await;
                return;
            }
        }
    }
}

/// Answers requests until the connection ends, which gives nothing, or has nothing to do for a
/// while. The library holds buffers of some 9 KiB as long as it holds a connection: one that rests
/// is taken back from it.
async fn answer<G: Gate, S: AsyncRead + AsyncWrite + Unpin>(
    service: &Service<G>,
    link: &Arc<Link>,
    guard: Guard<S>,
    builder: &http1::Builder,
    stopping: &CancellationToken,
) -> Option<Guard<S>> {
    // On the heap while it runs: the library keeps room for it as long as the connection lasts, and
    // most connections wait for their next request or are streams.
    let answer = service_fn(|request: hyper::Request<Incoming>| {
        Box::pin(service.answer(link.clone(), request.map(RequestBody::incoming)))
    });
    let mut running = Box::new(builder.serve_connection(TokioIo::new(guard), answer));
    let until_rest = poll_fn(|cx| match Pin::new(&mut *running).poll(cx) {
        Poll::Ready(ended) => Poll::Ready(Some(ended)),
        Poll::Pending if link.activity.is_resting() => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    let ended = tokio::select! {
        biased;
        ended = until_rest => ended,
        () = stopping.cancelled() => {
            Pin::new(&mut *running).graceful_shutdown();
            Some((&mut *running).await)
        }
    };
    let Some(ended) = ended else {
        link.activity.stir();
        let parts = running.into_parts();
        let mut guard = parts.io.into_inner();
        guard.rewind(parts.read_buf);
        return Some(guard);
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection broke off");
    }
    None
}
