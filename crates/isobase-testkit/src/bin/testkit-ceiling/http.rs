//! The bare HTTP server.

use std::convert::Infallible;
use std::io::Read;
use std::net::Ipv4Addr;
use std::sync::LazyLock;

use anyhow::Result;
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};

const BYTES_MAX: usize = 1 << 20;

static BYTES: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'x'; BYTES_MAX]));

/// Answers until standard input ends: then whoever started us is gone.
pub(crate) fn serve() -> Result<()> {
    // The runtime of `isobase serve`.
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    crate::print_line(&serde_json::json!({ "address": listener.local_addr()?.to_string() }));
    runtime.spawn(accept(listener));
    let mut nothing = Vec::new();
    std::io::stdin().read_to_end(&mut nothing)?;
    Ok(())
}

async fn accept(listener: TcpListener) {
    // A ceiling that cannot accept any more is noticed by the load.
    while let Ok((stream, _)) = listener.accept().await {
        tokio::spawn(answer(stream));
    }
}

async fn answer(stream: TcpStream) {
    // Small answers must not wait for acknowledgements; without it they do, and it shows.
    let _ = stream.set_nodelay(true);
    let mut builder = http1::Builder::new();
    // As the server of `isobase serve` sets the library up.
    builder.header_read_timeout(None).half_close(false).pipeline_flush(true);
    // A client that goes away is no error here.
    let _ = builder.serve_connection(TokioIo::new(stream), service_fn(constant)).await;
}

async fn constant(request: Request<Incoming>) -> Result<Response<Full<Bytes>>, Infallible> {
    let bytes: usize = request.uri().path()[1..].parse().unwrap_or(0);
    let mut response = Response::new(Full::new(BYTES.slice(..bytes.min(BYTES_MAX))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}
