//! The bounds of a queue.

use std::sync::Arc;

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, TryAcquireError},
    time::{Instant, timeout_at},
};

use crate::{NotDone, block_on};

/// The bounds of a queue.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Places. A job takes one for every [`Bounds::place_bytes`] of it that are begun, at least
    /// one and never more than there are.
    pub places: usize,
    /// Bytes of a place.
    pub place_bytes: usize,
}

/// How large a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Size {
    /// Bytes in memory, roughly.
    pub bytes: usize,
    /// Operations that it consists of.
    pub operations: usize,
}

/// A place of the queue, free for another job when it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held until the drop")] OwnedSemaphorePermit);

/// The places of a queue.
#[derive(Clone, Debug)]
pub(crate) struct Places {
    free: Arc<Semaphore>,
    all: u32,
    bytes: usize,
}

impl Places {
    pub(crate) fn new(bounds: Bounds) -> Self {
        let all = bounds.places.clamp(1, Semaphore::MAX_PERMITS);
        let all = u32::try_from(all).unwrap_or(u32::MAX);
        let free = Arc::new(Semaphore::new(all as usize));
        Self { free, all, bytes: bounds.place_bytes.max(1) }
    }

    /// Places in use.
    pub(crate) fn used(&self) -> usize {
        (self.all as usize).saturating_sub(self.free.available_permits())
    }

    pub(crate) fn close(&self) {
        self.free.close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.free.is_closed()
    }

    pub(crate) async fn take(
        &self,
        size: Size,
        until: Instant,
        name: &'static str,
    ) -> Result<Place, NotDone> {
        if let Some(place) = self.take_now(size)? {
            return Ok(place);
        }
        let free = Arc::clone(&self.free).acquire_many_owned(self.of(size));
        match timeout_at(until, free).await {
            Ok(Ok(permit)) => Ok(Place(permit)),
            Ok(Err(_)) => Err(NotDone::Closed),
            Err(_) => Err(NotDone::Full(name)),
        }
    }

    /// As [`Places::take`], on a thread that may block.
    pub(crate) fn take_blocking(
        &self,
        size: Size,
        until: Instant,
        name: &'static str,
    ) -> Result<Place, NotDone> {
        if let Some(place) = self.take_now(size)? {
            return Ok(place);
        }
        let free = Arc::clone(&self.free).acquire_many_owned(self.of(size));
        match block_on(free, Some(until.into_std())) {
            Some(Ok(permit)) => Ok(Place(permit)),
            Some(Err(_)) => Err(NotDone::Closed),
            None => Err(NotDone::Full(name)),
        }
    }

    /// Most jobs find a place at once, and need no timer.
    fn take_now(&self, size: Size) -> Result<Option<Place>, NotDone> {
        match Arc::clone(&self.free).try_acquire_many_owned(self.of(size)) {
            Ok(permit) => Ok(Some(Place(permit))),
            Err(TryAcquireError::NoPermits) => Ok(None),
            Err(TryAcquireError::Closed) => Err(NotDone::Closed),
        }
    }

    /// A job larger than the whole queue waits until it has the queue for itself.
    fn of(&self, size: Size) -> u32 {
        let places = u32::try_from(size.bytes.div_ceil(self.bytes)).unwrap_or(u32::MAX);
        places.clamp(1, self.all)
    }
}
