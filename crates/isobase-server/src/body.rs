//! Bodies of answers.

use std::{
    pin::Pin,
    task::{Context, Poll},
};

use bytes::Bytes;
use futures_util::Stream;
use http::{HeaderValue, Response, StatusCode, header};
use http_body::{Frame, SizeHint};

/// Why a streamed answer breaks off. The connection is closed, so that the client sees it.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// The body of an answer: whole, or a stream of pieces.
#[derive(Default)]
pub struct Body(Repr);

#[derive(Default)]
enum Repr {
    #[default]
    Empty,
    Full(Bytes),
    Stream(Pin<Box<dyn Stream<Item = Result<Bytes, BodyError>> + Send>>),
}

impl Body {
    /// No body.
    #[must_use]
    pub fn empty() -> Self {
        Self(Repr::Empty)
    }

    /// A whole body.
    pub fn full(bytes: impl Into<Bytes>) -> Self {
        Self(Repr::Full(bytes.into()))
    }

    /// A body that is made while it is sent. An error breaks the connection off.
    pub fn stream(stream: impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static) -> Self {
        Self(Repr::Stream(Box::pin(stream)))
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
        response.headers_mut().insert(header::CONTENT_TYPE, content_type);
        response
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.0 {
            Repr::Empty => Poll::Ready(None),
            Repr::Full(bytes) => {
                let bytes = std::mem::take(bytes);
                self.0 = Repr::Empty;
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Repr::Stream(stream) => {
                stream.as_mut().poll_next(cx).map(|next| next.map(|piece| piece.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Repr::Empty => true,
            Repr::Full(bytes) => bytes.is_empty(),
            Repr::Stream(_) => false,
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Repr::Empty => SizeHint::with_exact(0),
            Repr::Full(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Repr::Stream(_) => SizeHint::default(),
        }
    }
}
