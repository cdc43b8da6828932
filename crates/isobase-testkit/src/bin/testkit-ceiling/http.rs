//! The bare HTTP server: `GET /N` is N constant bytes, `GET /stream` an event stream, and the body of `POST /tell`
//! goes to every stream.

use std::convert::Infallible;
use std::io::Read;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};

use anyhow::Result;
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

const BYTES_MAX: usize = 1 << 20;

static BYTES: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(vec![b'x'; BYTES_MAX]));

/// Events that wait for a stream; what is more than that is lost.
const WAITING_MAX: usize = 64;

/// Streams that are open, or were.
static STREAMS: Mutex<Vec<mpsc::Sender<Bytes>>> = Mutex::new(Vec::new());

/// What is answered.
enum Answer {
    Constant(Full<Bytes>),
    /// What is told, until the client goes away.
    Stream(mpsc::Receiver<Bytes>),
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.get_mut() {
            Self::Constant(body) => Pin::new(body).poll_frame(context),
            Self::Stream(told) => {
                let bytes = ready!(told.poll_recv(context));
                Poll::Ready(bytes.map(|bytes| Ok(Frame::data(bytes))))
            }
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Constant(body) => body.size_hint(),
            Self::Stream(_) => SizeHint::default(),
        }
    }
}

/// Answers until standard input ends: then anyone who started us is gone.
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

async fn constant(request: Request<Incoming>) -> Result<Response<Answer>, Infallible> {
    let mut content_type = HeaderValue::from_static("application/json");
    let answer = match request.uri().path() {
        "/stream" => {
            content_type = HeaderValue::from_static("text/event-stream");
            let (sender, told) = mpsc::channel(WAITING_MAX);
            // The first event: the client knows that it is heard.
            let _ = sender.try_send(Bytes::from_static(b"event: connected\ndata: {}\n\n"));
            STREAMS.lock().push(sender);
            Answer::Stream(told)
        }
        "/tell" => {
            let body = request.into_body().collect().await;
            tell(&body.map(|body| body.to_bytes()).unwrap_or_default());
            Answer::Constant(Full::default())
        }
        path => {
            let bytes: usize = path[1..].parse().unwrap_or(0);
            Answer::Constant(Full::new(BYTES.slice(..bytes.min(BYTES_MAX))))
        }
    };
    let mut response = Response::new(answer);
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    Ok(response)
}

/// Hands the same bytes to every stream.
fn tell(bytes: &Bytes) {
    let mut streams = STREAMS.lock();
    streams.retain(|stream| !stream.is_closed());
    for stream in streams.iter() {
        // A stream that is behind misses it, and the measurement fails.
        let _ = stream.try_send(bytes.clone());
    }
}
