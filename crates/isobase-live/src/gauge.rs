//! How far behind a listener is.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::mailbox::Mailbox;

/// Tells how far behind a listener is, also while somebody else waits for its events, and ends it.
#[derive(Clone, Debug)]
pub struct Gauge(Arc<Mailbox>);

/// The backlog of a listener.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Behind {
    /// Events.
    pub events: usize,
    /// Their bytes.
    pub bytes: usize,
    /// For how long something has waited without a moment in which nothing did: the oldest event
    /// waits no longer than that.
    pub lag: Duration,
}

impl Gauge {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self(mailbox)
    }

    /// Ends the listener's stream.
    pub fn end(&self) {
        self.0.end();
    }

    /// The present backlog.
    #[must_use]
    pub fn read(&self) -> Behind {
        let (events, bytes, since) = self.0.size();
        let lag = since.map(|since| Instant::now().saturating_duration_since(since));
        Behind { events, bytes, lag: lag.unwrap_or_default() }
    }
}
