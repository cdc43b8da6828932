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
    /// Requests of the whole service that are being answered.
    in_flight: Arc<AtomicI64>,
}

impl Activity {
    pub(crate) fn new(in_flight: Arc<AtomicI64>) -> Arc<Self> {
        Arc::new(Self { busy: AtomicBool::new(false), in_flight })
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Acquire)
    }
}

/// Marks a request as under way while it lives: in the handler, then in the answer's body.
pub(crate) struct Ticket(Arc<Activity>);

impl Ticket {
    pub(crate) fn new(activity: Arc<Activity>) -> Self {
        activity.busy.store(true, Ordering::Release);
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
