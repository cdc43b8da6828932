//! Whether a request of a connection is being answered.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

/// Set by the service, cleared when the answer's body is dropped, read by the guard of the
/// connection: an idle connection may be closed, a busy one may not.
#[derive(Debug)]
pub(crate) struct Activity {
    busy: AtomicBool,
    /// The connection has had nothing to do for a while; set by its guard, taken by its owner.
    rests: AtomicBool,
    /// Requests of the whole service that are being answered.
    in_flight: Arc<AtomicI64>,
}

impl Activity {
    pub(crate) fn new(in_flight: Arc<AtomicI64>) -> Arc<Self> {
        Arc::new(Self { busy: AtomicBool::new(false), rests: AtomicBool::new(false), in_flight })
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }

    /// Says that the connection has had nothing to do for a while.
    pub(crate) fn rest(&self) {
        self.rests.store(true, Ordering::Relaxed);
    }

    /// Says that something is read, written or answered: what was said of rest is no longer true.
    /// All of it happens on the connection's own task.
    pub(crate) fn stir(&self) {
        self.rests.store(false, Ordering::Relaxed);
    }

    /// Whether the connection has had nothing to do for a while, and has nothing to do now.
    pub(crate) fn is_resting(&self) -> bool {
        self.rests.load(Ordering::Relaxed) && !self.is_busy()
    }
}

/// Marks a request as under way while it lives: in the handler, then in the answer's body.
pub(crate) struct Ticket(Arc<Activity>);

impl Ticket {
    pub(crate) fn new(activity: Arc<Activity>) -> Self {
        activity.busy.store(true, Ordering::Release);
        activity.stir();
        activity.in_flight.fetch_add(1, Ordering::Relaxed);
        Self(activity)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}
