//! A stream that refuses ambiguous requests and lazy clients.
//!
//! One timer serves all reading deadlines of a connection. It is moved only when it fires or
//! when a nearer deadline appears, so a busy connection never touches the runtime's timers.

use std::{
    future::poll_fn,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf, Bytes};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, sleep_until},
};

use super::framing::{Framing, Place};
use crate::activity::Activity;

/// Makes the HTTP library answer 400 and close: no head and no chunk may hold NUL.
const POISON: &[u8] = b"\0\r\n\r\n";

/// How long the client's last bytes are awaited after our end, so that it can read our answer:
/// a socket closed with unread bytes sends a reset, which takes the answer away.
/// The bound is several times the largest document, so that an honest client is told what it
/// did wrong.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES_MAX: usize = 64 << 20;

/// The shortest time after which a connection that could not rest yet is looked at again.
const REST_AGAIN_MIN: Duration = Duration::from_millis(10);

/// What a connection that rests reads at once, in bytes: most heads.
const WAKE_BYTES: usize = 1 << 10;

/// Deadlines of a connection; see [`crate::HttpConfig`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Deadlines {
    pub(crate) header: Duration,
    pub(crate) body_idle: Duration,
    pub(crate) keep_alive: Duration,
    pub(crate) rest: Duration,
    pub(crate) write_idle: Duration,
}

/// A guarded stream.
pub(crate) struct Guard<S> {
    stream: S,
    framing: Framing,
    activity: Arc<Activity>,
    deadlines: Deadlines,
    /// When the last bytes went either way.
    active_at: Instant,
    /// When the first byte of the head that is being read came.
    head_at: Option<Instant>,
    /// No request was read yet.
    fresh: bool,
    refusal: Refusal,
    read_timer: Pin<Box<Sleep>>,
    write_timer: Option<Pin<Box<Sleep>>>,
    /// All that was written has left the stream.
    flushed: bool,
    /// It has had nothing to do for a while, and its owner was told.
    resting: bool,
    /// Bytes that were read and followed, for the next reader.
    early: Bytes,
    /// Bytes that may still be read after our end; none before it.
    linger_bytes: Option<usize>,
}

/// How far the refusal of an ambiguous request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    None,
    /// The next read gives the poison.
    Due,
    /// The next read gives the end.
    Given,
}

impl<S> Guard<S> {
    pub(crate) fn new(stream: S, activity: Arc<Activity>, deadlines: Deadlines) -> Self {
        let now = Instant::now();
        Self {
            stream,
            framing: Framing::default(),
            activity,
            deadlines,
            active_at: now,
            head_at: None,
            fresh: true,
            refusal: Refusal::None,
            read_timer: Box::pin(sleep_until(now + deadlines.header)),
            write_timer: None,
            flushed: true,
            resting: false,
            early: Bytes::new(),
            linger_bytes: None,
        }
    }

    /// Gives bytes back that were read and not used.
    pub(crate) fn rewind(&mut self, unused: Bytes) {
        debug_assert!(self.early.is_empty(), "bytes are given back by their only reader");
        self.early = unused;
    }

    /// Whether nothing is under way in either direction: no byte is lost when the library that
    /// reads and writes here is left.
    fn may_rest(&self) -> bool {
        self.framing.place() == Place::Between
            && self.refusal == Refusal::None
            && self.flushed
            && self.write_timer.is_none()
            && !self.activity.is_busy()
    }

    /// Whether the client may still be sending a request that is not read to its end.
    fn has_unread(&self) -> bool {
        self.refusal != Refusal::None || self.framing.place() != Place::Between
    }

    /// When reading must have made progress; none while a request is being answered.
    fn read_deadline(&self) -> Option<Instant> {
        match self.framing.place() {
            Place::Head => Some(self.head_at.unwrap_or(self.active_at) + self.deadlines.header),
            Place::Body => Some(self.active_at + self.deadlines.body_idle),
            Place::Between if self.activity.is_busy() => None,
            Place::Between if self.fresh => Some(self.active_at + self.deadlines.header),
            Place::Between if self.resting => Some(self.keep_alive_deadline()),
            Place::Between => {
                Some(self.keep_alive_deadline().min(self.active_at + self.deadlines.rest))
            }
        }
    }

    fn keep_alive_deadline(&self) -> Instant {
        self.active_at + self.deadlines.keep_alive
    }

    /// Whether the deadline that has passed is only that of resting, which nothing ends by.
    fn is_only_rest(&self, now: Instant) -> bool {
        self.framing.place() == Place::Between && !self.fresh && now < self.keep_alive_deadline()
    }

    /// Arms the timer, or fails when the deadline has passed.
    fn watch_read(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            let deadline = self.read_deadline();
            let elapsed = self.read_timer.is_elapsed();
            if !elapsed && deadline.is_none_or(|at| self.read_timer.deadline() <= at) {
                // It fires before the deadline and is moved then.
            } else {
                let now = Instant::now();
                let mut at = deadline.unwrap_or(now + self.deadlines.keep_alive);
                if at <= now {
                    if !self.is_only_rest(now) {
                        return Err(io::ErrorKind::TimedOut.into());
                    }
                    self.resting = self.may_rest();
                    if self.resting {
                        self.activity.rest();
                        continue;
                    }
                    // An answer that was not taken yet: asked again.
                    let again = self.deadlines.rest.max(REST_AGAIN_MIN);
                    at = self.keep_alive_deadline().min(now + again);
                }
                self.read_timer.as_mut().reset(at);
            }
            if self.read_timer.as_mut().poll(cx).is_pending() {
                return Ok(());
            }
        }
    }

    /// Follows bytes that were read. Of an ambiguous request, `filled` keeps what is clear.
    fn follow(&mut self, buf: &mut ReadBuf<'_>, before: usize) {
        let now = Instant::now();
        self.active_at = now;
        self.resting = false;
        self.activity.stir();
        let was = self.framing.place();
        let checked = self.framing.feed(&buf.filled()[before..]);
        match self.framing.place() {
            Place::Head if was != Place::Head || self.head_at.is_none() => self.head_at = Some(now),
            Place::Head => {}
            Place::Body | Place::Between => {
                self.head_at = None;
                self.fresh = false;
            }
        }
        if let Err(violation) = checked {
            tracing::debug!(reason = violation.reason, "refused a request: {}", violation.reason);
            self.refusal = Refusal::Due;
            buf.set_filled(before + violation.at);
        }
    }

    /// Gives the poison, then the end.
    fn refuse(&mut self, buf: &mut ReadBuf<'_>) {
        if self.refusal == Refusal::Due && buf.remaining() >= POISON.len() {
            buf.put_slice(POISON);
            self.refusal = Refusal::Given;
        }
    }

    /// Notes progress of writing, or watches for the lack of it.
    fn watch_write<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        self.flushed = false;
        self.resting = false;
        self.activity.stir();
        if written.is_ready() {
            if self.write_timer.take().is_some() {
                self.active_at = Instant::now();
            }
            return written;
        }
        let idle = self.deadlines.write_idle;
        let timer =
            self.write_timer.get_or_insert_with(|| Box::pin(sleep_until(Instant::now() + idle)));
        ready!(timer.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Reads what still comes, for a moment.
    fn poll_linger(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let mut scratch = [0; 16 << 10];
        loop {
            if self.read_timer.as_mut().poll(cx).is_ready() {
                return Poll::Ready(());
            }
            let mut buf = ReadBuf::new(&mut scratch);
            // Whether the client ended well makes no difference any more.
            let read = ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buf));
            let left = self.linger_bytes.unwrap_or(0).saturating_sub(buf.filled().len());
            if read.is_err() || buf.filled().is_empty() || left == 0 {
                return Poll::Ready(());
            }
            self.linger_bytes = Some(left);
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Guard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = &mut *self;
        if this.early.has_remaining() {
            let count = this.early.remaining().min(buf.remaining());
            buf.put_slice(&this.early.split_to(count));
            return Poll::Ready(Ok(()));
        }
        if this.refusal != Refusal::None {
            this.refuse(buf);
            return Poll::Ready(Ok(()));
        }
        let before = buf.filled().len();
        match Pin::new(&mut this.stream).poll_read(cx, buf) {
            Poll::Ready(Ok(())) => {
                if buf.filled().len() > before {
                    this.follow(buf, before);
                    if buf.filled().len() == before {
                        this.refuse(buf);
                    }
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => match this.watch_read(cx) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        }
    }
}

impl<S: AsyncRead + Unpin> Guard<S> {
    /// Waits until the client sends again or ends, and keeps what it sent for the next reader.
    ///
    /// # Errors
    /// When the connection breaks, or is silent beyond its deadline.
    pub(crate) async fn wake(&mut self) -> io::Result<()> {
        poll_fn(|cx| {
            if self.early.has_remaining() {
                return Poll::Ready(Ok(()));
            }
            // Only while it is polled: a connection that rests holds no buffer.
            let mut scratch = [0; WAKE_BYTES];
            let mut buf = ReadBuf::new(&mut scratch);
            ready!(Pin::new(&mut *self).poll_read(cx, &mut buf))?;
            self.early = Bytes::copy_from_slice(buf.filled());
            Poll::Ready(Ok(()))
        })
        .await
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Guard<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch_write(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.flushed = matches!(flushed, Poll::Ready(Ok(())));
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.linger_bytes.is_none() {
            ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
            if !self.has_unread() {
                return Poll::Ready(Ok(()));
            }
            self.linger_bytes = Some(LINGER_BYTES_MAX);
            self.read_timer.as_mut().reset(Instant::now() + LINGER);
        }
        self.poll_linger(cx).map(Ok)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.watch_write(cx, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
