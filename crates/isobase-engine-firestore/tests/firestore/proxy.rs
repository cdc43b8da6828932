//! A gRPC server before an emulator that does what emulators never do.

use std::{
    collections::{HashMap, VecDeque},
    convert::Infallible,
    future::pending,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use googleapis_tonic_google_firestore_v1::google::{
    firestore::v1::BatchWriteResponse, rpc::Status,
};
use http::{HeaderMap, Request, Response, header::CONTENT_TYPE, request};
use http_body::{Body, Frame};
use http_body_util::{BodyExt, Full};
use hyper::{body::Incoming, client, server, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    sync::{Barrier, Notify},
    task::JoinHandle,
};
use tonic::Code;

/// What happens to one request.
#[derive(Clone, Debug)]
pub(crate) enum Fault {
    /// Refused, before anything is done.
    Before(Code, &'static str),
    /// Done, but answered so.
    After(Code, &'static str),
    /// Of the answer only so many messages come, then the stream is reset.
    Cut(usize),
    /// Nothing is done and no answer ever comes.
    Silence,
    /// Done, and no answer ever comes.
    SilenceAfter,
    /// Done, and the connection breaks before the answer.
    BreakAfter,
    /// Done as usual, after the test has met it at this barrier twice.
    Gate(Arc<Barrier>),
    /// Nothing is done, and each write of a bulk request is answered so.
    Each(Vec<(Code, &'static str)>),
    /// Done as usual.
    None,
}

/// The server; ends with its drop.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

struct State {
    upstream: String,
    /// By method, in the order they come.
    faults: Mutex<HashMap<&'static str, VecDeque<Fault>>>,
    /// The methods that were called.
    calls: Mutex<Vec<String>>,
    /// What was sent to them, without its framing.
    sent: Mutex<Vec<(String, Bytes)>>,
}

impl Proxy {
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            upstream: upstream.to_owned(),
            faults: Mutex::default(),
            calls: Mutex::default(),
            sent: Mutex::default(),
        });
        let task = tokio::spawn(accept(listener, state.clone()));
        Self { address, state, task }
    }

    /// What the next requests of a method meet.
    pub(crate) fn expect(&self, method: &'static str, faults: impl IntoIterator<Item = Fault>) {
        self.state.faults.lock().expect("no panic").entry(method).or_default().extend(faults);
    }

    /// How often a method was called.
    pub(crate) fn calls(&self, method: &str) -> usize {
        let calls = self.state.calls.lock().expect("no panic");
        calls.iter().filter(|called| *called == method).count()
    }

    /// What went on to the server: method and message.
    pub(crate) fn sent(&self) -> Vec<(String, Bytes)> {
        self.state.sent.lock().expect("no panic").clone()
    }

    /// Whether everything that was expected happened.
    pub(crate) fn is_done(&self) -> bool {
        self.state.faults.lock().expect("no panic").values().all(VecDeque::is_empty)
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    while let Ok((stream, _)) = listener.accept().await {
        let state = state.clone();
        tokio::spawn(async move {
            let broken = Arc::new(Notify::new());
            let breaks = broken.clone();
            let service = service_fn(move |request| answer(state.clone(), broken.clone(), request));
            let connection = server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::select! {
                _ = connection => {}
                () = breaks.notified() => {}
            }
        });
    }
}

async fn answer(
    state: Arc<State>,
    broken: Arc<Notify>,
    request: Request<Incoming>,
) -> Result<Response<Frames>, Infallible> {
    let method = request.uri().path().rsplit('/').next().unwrap_or_default().to_owned();
    state.calls.lock().expect("no panic").push(method.clone());
    let fault = {
        let mut faults = state.faults.lock().expect("no panic");
        faults.get_mut(&*method).and_then(VecDeque::pop_front).unwrap_or(Fault::None)
    };
    match fault {
        Fault::Before(code, message) => return Ok(status(code, message)),
        Fault::Each(ref answers) => return Ok(each(answers)),
        Fault::Silence => pending().await,
        Fault::Gate(ref gate) => {
            gate.wait().await;
            gate.wait().await;
        }
        _ => {}
    }
    let (parts, body) = request.into_parts();
    let body = body.collect().await.expect("a whole request").to_bytes();
    let message = body.get(5..).map(Bytes::copy_from_slice).unwrap_or_default();
    state.sent.lock().expect("no panic").push((method, message));
    let (messages, trailers) = forward(&state.upstream, parts, body).await;
    match fault {
        Fault::After(code, message) => Ok(status(code, message)),
        Fault::SilenceAfter => pending().await,
        Fault::BreakAfter => {
            broken.notify_one();
            pending().await
        }
        Fault::Cut(count) => {
            let mut frames: VecDeque<_> =
                messages.into_iter().take(count).map(|message| Ok(Frame::data(message))).collect();
            frames.push_back(Err("cut"));
            Ok(response(frames))
        }
        _ => {
            let mut frames: VecDeque<_> =
                messages.into_iter().map(|message| Ok(Frame::data(message))).collect();
            frames.push_back(Ok(Frame::trailers(trailers)));
            Ok(response(frames))
        }
    }
}

/// Asks the emulator; gives the messages of its answer, and the trailers.
async fn forward(
    upstream: &str,
    mut parts: request::Parts,
    body: Bytes,
) -> (Vec<Bytes>, HeaderMap) {
    let stream = TcpStream::connect(upstream).await.expect("the emulator is there");
    let (mut sender, connection) =
        client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
            .await
            .expect("the emulator speaks HTTP/2");
    let driver = tokio::spawn(connection);
    parts.uri = format!("http://{upstream}{}", parts.uri.path()).parse().expect("an address");
    let response = sender.send_request(Request::from_parts(parts, Full::new(body))).await;
    let (head, body) = response.expect("an answer").into_parts();
    let body = body.collect().await.expect("a whole answer");
    let trailers = body.trailers().cloned();
    // An answer without messages has its status in the head.
    let trailers = trailers.unwrap_or_else(|| {
        let of_grpc = |(name, _): &(&http::HeaderName, &http::HeaderValue)| {
            name.as_str().starts_with("grpc-")
        };
        let found = head.headers.iter().filter(of_grpc);
        found.map(|(name, value)| (name.clone(), value.clone())).collect()
    });
    let mut rest = body.to_bytes();
    let mut messages = Vec::new();
    while rest.len() >= 5 {
        let length = u32::from_be_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
        messages.push(rest.split_to(5 + length));
    }
    driver.abort();
    (messages, trailers)
}

fn status(code: Code, message: &'static str) -> Response<Frames> {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", (code as i32).into());
    trailers.insert("grpc-message", message.parse().expect("a header"));
    response(VecDeque::from([Ok(Frame::trailers(trailers))]))
}

fn each(answers: &[(Code, &'static str)]) -> Response<Frames> {
    let status = |(code, message): &(Code, &str)| Status {
        code: i32::from(*code),
        message: (*message).to_owned(),
        ..Status::default()
    };
    let answer = BatchWriteResponse {
        status: answers.iter().map(status).collect(),
        ..BatchWriteResponse::default()
    };
    let message = answer.encode_to_vec();
    let mut frame = vec![0];
    frame.extend(u32::try_from(message.len()).expect("a short answer").to_be_bytes());
    frame.extend(message);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().expect("a header"));
    let frames = [Ok(Frame::data(frame.into())), Ok(Frame::trailers(trailers))];
    response(VecDeque::from(frames))
}

fn response(frames: VecDeque<Result<Frame<Bytes>, &'static str>>) -> Response<Frames> {
    let response = Response::builder().header(CONTENT_TYPE, "application/grpc");
    response.body(Frames(frames)).expect("a response")
}

/// A body of given frames.
struct Frames(VecDeque<Result<Frame<Bytes>, &'static str>>);

impl Body for Frames {
    type Data = Bytes;
    type Error = &'static str;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        Poll::Ready(self.0.pop_front())
    }
}

/// Passes bytes on, until it is told to lose what comes on the connections there are.
pub(crate) struct Relay {
    pub(crate) address: SocketAddr,
    connections: Arc<AtomicUsize>,
    deaf: Arc<Notify>,
    task: JoinHandle<()>,
}

impl Relay {
    pub(crate) async fn start(upstream: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let (connections, deaf) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let (upstream, counted, heard) = (upstream.to_owned(), connections.clone(), deaf.clone());
        let task = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                let mut far = TcpStream::connect(&upstream).await.expect("the emulator is there");
                let heard = heard.clone();
                tokio::spawn(async move {
                    tokio::select! {
                        _ = copy_bidirectional(&mut near, &mut far) => {}
                        // Both stay open.
                        () = heard.notified() => pending().await,
                    }
                });
            }
        });
        Self { address, connections, deaf, task }
    }

    /// Of the connections there are nothing comes through any more.
    pub(crate) fn go_deaf(&self) {
        self.deaf.notify_waiters();
    }

    /// How many there were.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::Relaxed)
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}
