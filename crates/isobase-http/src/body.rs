//! Bodies of answers.

use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

use crate::activity::Ticket;

/// Why a streamed answer breaks off. The connection is closed, so that the client sees it.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Room for the headers of an ordinary answer, so that their map is made once.
const HEADERS_USUAL: usize = 12;

/// The body of an answer: whole, or a stream of pieces.
#[derive(Default)]
pub struct Body {
    repr: Repr,
    /// Ends with the body: the request is no longer under way.
    ticket: Option<Ticket>,
}

#[derive(Default)]
enum Repr {
    #[default]
    Empty,
    Full(Bytes),
    Stream(Box<Streamed>),
}

/// A body that is made while it is sent.
pub(crate) type Pieces = Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>;

/// A streamed body and the clock that watches its source.
struct Streamed {
    pieces: Pieces,
    /// Its source may be silent for as long as it likes.
    lasting: bool,
    idle: Option<Duration>,
    timer: Option<Pin<Box<Sleep>>>,
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self::default()
    }

    /// A whole body.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self { repr: Repr::Full(bytes.into()), ticket: None }
    }

    /// A body that is made while it is sent. An error breaks the connection off, and so does a
    /// source that is silent for longer than `stream_idle_timeout`.
    pub fn stream(pieces: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Self {
        Self::streamed(Box::pin(pieces), false)
    }

    /// A streamed body whose source may be silent for as long as it likes: it knows itself how
    /// often its client must hear something.
    pub fn lasting(pieces: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Self {
        Self::streamed(Box::pin(pieces), true)
    }

    fn streamed(pieces: Pieces, lasting: bool) -> Self {
        let streamed = Streamed { pieces, lasting, idle: None, timer: None };
        Self { repr: Repr::Stream(Box::new(streamed)), ticket: None }
    }

    /// An answer with a JSON body.
    pub fn json(status: StatusCode, bytes: impl Into<Bytes>) -> Response<Self> {
        Self::full(bytes).into_response(status, HeaderValue::from_static("application/json"))
    }

    /// An answer with this body.
    #[must_use]
    pub fn into_response(self, status: StatusCode, content_type: HeaderValue) -> Response<Self> {
        let mut response = Response::new(self);
        *response.status_mut() = status;
        let mut headers = HeaderMap::with_capacity(HEADERS_USUAL);
        headers.insert(header::CONTENT_TYPE, content_type);
        *response.headers_mut() = headers;
        response
    }

    /// An answer without a body.
    #[must_use]
    pub fn no_content(status: StatusCode) -> Response<Self> {
        let mut response = Response::new(Self::empty());
        *response.status_mut() = status;
        response
    }

    /// The length, when it is known.
    pub(crate) fn length(&self) -> Option<u64> {
        match &self.repr {
            Repr::Empty => Some(0),
            Repr::Full(bytes) => Some(bytes.len() as u64),
            Repr::Stream(_) => None,
        }
    }

    /// Its bytes, when they are all here.
    pub(crate) fn whole(&self) -> Option<&Bytes> {
        match &self.repr {
            Repr::Full(bytes) => Some(bytes),
            Repr::Empty | Repr::Stream(_) => None,
        }
    }

    /// Takes the pieces of a stream; none of a body that is whole.
    pub(crate) fn take_pieces(&mut self) -> Option<Pieces> {
        match std::mem::take(&mut self.repr) {
            Repr::Stream(streamed) => Some(streamed.pieces),
            whole => {
                self.repr = whole;
                None
            }
        }
    }

    /// Whether it is a stream.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self.repr, Repr::Stream(_))
    }

    /// Keeps the request under way until the body is gone.
    pub(crate) fn hold(&mut self, ticket: Ticket) {
        self.ticket = Some(ticket);
    }

    /// Watches a stream's source.
    pub(crate) fn watch(&mut self, idle: Duration) {
        if let Repr::Stream(streamed) = &mut self.repr
            && !streamed.lasting
        {
            streamed.idle = Some(idle);
        }
    }

    /// Forgets the bytes, as an answer to `HEAD` does.
    pub(crate) fn drop_bytes(&mut self) {
        self.repr = Repr::Empty;
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Body").field("length", &self.length()).finish_non_exhaustive()
    }
}

impl Streamed {
    fn poll_piece(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, BodyError>>> {
        if let Poll::Ready(piece) = self.pieces.as_mut().poll_next(cx) {
            self.timer = None;
            return Poll::Ready(piece);
        }
        let Some(idle) = self.idle else { return Poll::Pending };
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + idle)));
        ready!(timer.as_mut().poll(cx));
        tracing::warn!("a streamed answer was silent for too long and is broken off");
        Poll::Ready(Some(Err("the source of the answer was silent for too long".into())))
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.repr {
            Repr::Empty => Poll::Ready(None),
            Repr::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.repr = Repr::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Repr::Stream(streamed) => {
                streamed.poll_piece(cx).map(|next| next.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.repr {
            Repr::Empty => true,
            Repr::Full(bytes) => bytes.is_empty(),
            Repr::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
