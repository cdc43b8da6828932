//! Bodies of requests: bounded in size and time.

use std::{
    future::Future,
    pin::{Pin, pin},
    time::Duration,
};

use bytes::{Bytes, BytesMut};
use http_body::{Body as _, Frame};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};

use crate::{
    Problem,
    body_budget::{BodyBudget, Held},
    codes,
    decode_error::DecodeError,
    encoding::{Coding, Decoder},
    leftover::Leftover,
};

/// Most bytes set aside because a client announced them.
const RESERVE_BYTES_MAX: usize = 1 << 20;

/// The body of a request. Reading it counts bytes and watches the clock.
pub struct RequestBody {
    source: Source,
    /// `None` if the route takes no body, or until they are set: nothing is read then.
    bounds: Option<Bounds>,
    taken: u64,
    /// The share of a whole body in the memory for bodies; a stream is read piece by piece.
    held: Option<Held>,
    /// None for a body that is not encoded. Bounds are those of the decoded body.
    decoder: Option<Box<Decoder>>,
    /// Where it goes when it is dropped before its end.
    leftover: Option<Leftover>,
}

enum Source {
    Whole(Option<Bytes>),
    Incoming(Incoming),
}

/// The bound of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) bytes_max: u64,
    /// Longest silence.
    pub(crate) idle: Duration,
    /// When the whole body must be there.
    pub(crate) deadline: Instant,
    /// It may take longer by a second for each [`STREAM_BYTES_PER_SECOND`] that came.
    pub(crate) is_stream: bool,
}

/// What even the slowest honest client sends: a slower stream only holds a connection.
const STREAM_BYTES_PER_SECOND: u64 = 1_024;

impl RequestBody {
    /// A body that is already here: for requests that do not come from a connection.
    pub fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::new(Source::Whole(Some(bytes.into())))
    }

    /// A body that comes over a connection.
    pub(crate) fn incoming(incoming: Incoming) -> Self {
        Self::new(Source::Incoming(incoming))
    }

    fn new(source: Source) -> Self {
        Self { source, bounds: None, taken: 0, held: None, decoder: None, leftover: None }
    }

    /// Keeps what is not read; `None` if there is nothing to read.
    pub(crate) fn keep_leftover(&mut self) -> Option<Leftover> {
        let is_there = matches!(self.source, Source::Incoming(_)) && !self.is_end();
        self.leftover = is_there.then(Leftover::default);
        self.leftover.clone()
    }

    /// Sets the bounds; refuses a body that announces too much, before any of it is read.
    pub(crate) fn bound(&mut self, bounds: Bounds, budget: &BodyBudget) -> Result<(), Problem> {
        self.bounds = Some(bounds);
        self.held = (!bounds.is_stream).then(|| budget.hold_nothing());
        let announced = self.announced().unwrap_or(0);
        if announced > bounds.bytes_max { Err(bounds.too_large()) } else { Ok(()) }
    }

    /// Decodes it while it is read. Set after the bounds.
    pub(crate) fn decode(&mut self, coding: Coding) {
        let decoder = self.bounds.and_then(|bounds| Decoder::new(coding, bounds.bytes_max));
        self.decoder = decoder.map(Box::new);
    }

    /// How many bytes it has as it is sent, when that is known before it is read.
    #[must_use]
    pub fn announced(&self) -> Option<u64> {
        match &self.source {
            Source::Whole(bytes) => Some(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Source::Incoming(incoming) => incoming.size_hint().exact(),
        }
    }

    /// The whole body.
    ///
    /// # Errors
    /// `body_too_large`, `body_timeout`, `body_malformed`.
    pub async fn collect(mut self) -> Result<Bytes, Problem> {
        let Some(first) = self.next_piece().await? else { return Ok(Bytes::new()) };
        if self.is_end() && self.decoder.is_none() {
            return Ok(first);
        }
        let announced = self.announced().unwrap_or(0) as usize;
        let mut all = BytesMut::with_capacity(first.len() + announced.min(RESERVE_BYTES_MAX));
        all.extend_from_slice(&first);
        while let Some(piece) = self.next_piece().await? {
            all.extend_from_slice(&piece);
        }
        Ok(all.freeze())
    }

    /// The next piece; none at the end.
    ///
    /// # Errors
    /// As [`RequestBody::collect`].
    pub async fn next_piece(&mut self) -> Result<Option<Bytes>, Problem> {
        let Some(bounds) = self.bounds else { return Ok(None) };
        let Some(mut decoder) = self.decoder.take() else {
            let piece = self.next_sent(bounds).await?;
            return piece.map(|piece| self.hold(piece)).transpose();
        };
        let decoded = loop {
            if let Some(decoded) = decoder.step().map_err(|error| bounds.undecodable(error))? {
                break Some(decoded);
            }
            match self.next_sent(bounds).await? {
                Some(sent) => decoder.push(sent),
                None => break decoder.finish().map_err(|error| bounds.undecodable(error))?,
            }
        };
        if decoded.is_some() {
            self.decoder = Some(decoder);
        }
        decoded.map(|decoded| self.hold(decoded)).transpose()
    }

    /// Counts a piece that will wait in memory.
    fn hold(&mut self, piece: Bytes) -> Result<Bytes, Problem> {
        if self.held.as_mut().is_some_and(|held| !held.grow(piece.len() as u64)) {
            let detail = "too many large requests are on their way; nothing was written";
            return Err(Problem::new(codes::UNAVAILABLE, detail).closing());
        }
        Ok(piece)
    }

    /// The next piece as it was sent; none at the end.
    async fn next_sent(&mut self, bounds: Bounds) -> Result<Option<Bytes>, Problem> {
        loop {
            let frame = match &mut self.source {
                Source::Whole(bytes) => bytes.take().map(|bytes| Ok(Frame::data(bytes))),
                Source::Incoming(incoming) => {
                    let next = std::future::poll_fn(|cx| Pin::new(&mut *incoming).poll_frame(cx));
                    within(bounds, self.taken, next).await?
                }
            };
            let Some(frame) = frame else {
                // Nothing is left of it.
                self.leftover = None;
                return Ok(None);
            };
            let frame = frame.map_err(|error| {
                Problem::new(codes::BODY_MALFORMED, "the request body ended early or is malformed")
                    .with_cause(error.to_string())
                    .closing()
            })?;
            // Trailers are not used.
            let Ok(piece) = frame.into_data() else { continue };
            self.taken += piece.len() as u64;
            if self.taken > bounds.bytes_max {
                return Err(bounds.too_large());
            }
            if !piece.is_empty() {
                return Ok(Some(piece));
            }
        }
    }

    fn is_end(&self) -> bool {
        match &self.source {
            Source::Whole(bytes) => bytes.is_none(),
            Source::Incoming(incoming) => incoming.is_end_stream(),
        }
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(leftover) = self.leftover.take() else { return };
        if let Source::Incoming(rest) = std::mem::replace(&mut self.source, Source::Whole(None)) {
            leftover.put(rest);
        }
    }
}

impl Bounds {
    fn too_large(self) -> Problem {
        let max = self.bytes_max;
        Problem::new(
            codes::BODY_TOO_LARGE,
            format!("the request body has more than the {max} bytes that are allowed"),
        )
        .closing()
    }
}

impl Bounds {
    fn undecodable(self, error: DecodeError) -> Problem {
        match error {
            DecodeError::TooLarge => self.too_large(),
            DecodeError::Malformed => {
                let detail =
                    "the request body is not what its Content-Encoding says, or ends early";
                Problem::new(codes::BODY_MALFORMED, detail)
            }
            DecodeError::LargeWindow => {
                let detail = "the request body was encoded with a window of more than 8 MiB; \
                              encode it at an ordinary level";
                Problem::new(codes::BODY_TOO_LARGE, detail)
            }
        }
    }
}

/// Waits within the bounds. A body that is already here costs no timer.
async fn within<T>(
    bounds: Bounds,
    taken: u64,
    next: impl Future<Output = T>,
) -> Result<T, Problem> {
    let mut next = pin!(next);
    if let Some(ready) = futures_util::FutureExt::now_or_never(next.as_mut()) {
        return Ok(ready);
    }
    let idle = Instant::now() + bounds.idle;
    let seconds = if bounds.is_stream { taken / STREAM_BYTES_PER_SECOND } else { 0 };
    let whole = bounds.deadline + Duration::from_secs(seconds);
    timeout_at(whole.min(idle), next).await.map_err(|_| {
        Problem::new(codes::BODY_TIMEOUT, "the request body did not arrive in time").closing()
    })
}
