//! The queue in front of the writer: bounded, and emptied as a whole.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::{Semaphore, TryAcquireError, oneshot};

use crate::error::Error;
use crate::handler::WriteHandler;
use crate::metrics::WriterStatus;
use crate::wait::{block_on, lock};
use crate::writer::Answer;

/// A job takes one slot per this many bytes begun, so that the slots bound the memory, too.
const SLOT_BYTES: usize = 16 * 1024;

pub(crate) struct Queue<H: WriteHandler> {
    inner: Mutex<Inner<H>>,
    /// The writer sleeps here.
    wake: Condvar,
    /// Free slots. Taken by submitters, given back by the writer when it begins a batch.
    slots: Semaphore,
    slots_max: u32,
    status: Arc<WriterStatus>,
}

struct Inner<H: WriteHandler> {
    entries: VecDeque<Entry<H>>,
    /// The writer waits on the condition variable; only then is waking it worth a system call.
    asleep: bool,
    /// No more jobs are taken. The writer ends when the queue is empty.
    closing: bool,
}

/// A job, and the way back to its submitter.
pub(crate) struct Entry<H: WriteHandler> {
    pub(crate) job: H::Job,
    pub(crate) reply: oneshot::Sender<Answer<H>>,
    pub(crate) bytes: usize,
    slots: u32,
}

impl<H: WriteHandler> Queue<H> {
    pub(crate) fn new(jobs_max: usize, status: Arc<WriterStatus>) -> Self {
        let slots_max =
            u32::try_from(jobs_max.clamp(1, Semaphore::MAX_PERMITS)).unwrap_or(u32::MAX);
        Self {
            inner: Mutex::new(Inner { entries: VecDeque::new(), asleep: false, closing: false }),
            wake: Condvar::new(),
            slots: Semaphore::new(slots_max as usize),
            slots_max,
            status,
        }
    }

    /// Queues a job. Waits for free slots, at most for `timeout`.
    pub(crate) async fn push(
        &self,
        job: H::Job,
        timeout: Duration,
    ) -> Result<oneshot::Receiver<Answer<H>>, Error> {
        let (bytes, slots) = self.size(&job);
        match self.slots.try_acquire_many(slots) {
            Ok(permit) => permit.forget(),
            Err(TryAcquireError::Closed) => return Err(self.stopped()),
            Err(TryAcquireError::NoPermits) => {
                match tokio::time::timeout(timeout, self.slots.acquire_many(slots)).await {
                    Ok(Ok(permit)) => permit.forget(),
                    Ok(Err(_)) => return Err(self.stopped()),
                    Err(_) => return Err(Error::Busy),
                }
            }
        }
        self.append(job, bytes, slots)
    }

    /// As `push`, on a thread that may block.
    pub(crate) fn push_blocking(
        &self,
        job: H::Job,
        timeout: Duration,
    ) -> Result<oneshot::Receiver<Answer<H>>, Error> {
        let (bytes, slots) = self.size(&job);
        let deadline = Instant::now() + timeout;
        match block_on(self.slots.acquire_many(slots), Some(deadline)) {
            Some(Ok(permit)) => permit.forget(),
            Some(Err(_)) => return Err(self.stopped()),
            None => return Err(Error::Busy),
        }
        self.append(job, bytes, slots)
    }

    /// Moves all queued jobs behind `pending`. Sleeps while there is none at all; `false` when
    /// there will be none any more.
    pub(crate) fn take(&self, pending: &mut VecDeque<Entry<H>>) -> bool {
        let mut inner = lock(&self.inner);
        while pending.is_empty() && inner.entries.is_empty() {
            if inner.closing {
                return false;
            }
            inner.asleep = true;
            inner = self.wake.wait(inner).unwrap_or_else(PoisonError::into_inner);
        }
        inner.asleep = false;
        if pending.is_empty() {
            mem::swap(&mut inner.entries, pending);
        } else {
            pending.append(&mut inner.entries);
        }
        true
    }

    /// Gives the slots of jobs back that have left the queue.
    pub(crate) fn release(&self, batch: &[Entry<H>]) {
        let slots = batch.iter().map(|entry| entry.slots as usize).sum();
        self.slots.add_permits(slots);
        self.status.queue_jobs.fetch_sub(batch.len() as u64, Relaxed);
    }

    /// Refuses all jobs from now on, and answers the waiting ones. The status has the failure.
    pub(crate) fn fail(&self, pending: &mut VecDeque<Entry<H>>) {
        self.slots.close();
        let mut left = mem::take(pending);
        // Jobs are refused under the lock, so none can slip in after this.
        left.append(&mut lock(&self.inner).entries);
        self.status.queue_jobs.fetch_sub(left.len() as u64, Relaxed);
        for entry in left {
            // Nobody waits any more when this fails.
            let _ = entry.reply.send(Err(self.stopped()));
        }
    }

    fn size(&self, job: &H::Job) -> (usize, u32) {
        let bytes = H::job_bytes(job);
        let slots = u32::try_from(bytes.div_ceil(SLOT_BYTES)).unwrap_or(u32::MAX);
        // A job larger than the whole queue waits until it has the queue for itself.
        (bytes, slots.clamp(1, self.slots_max))
    }

    fn append(
        &self,
        job: H::Job,
        bytes: usize,
        slots: u32,
    ) -> Result<oneshot::Receiver<Answer<H>>, Error> {
        let (reply, receiver) = oneshot::channel();
        let mut inner = lock(&self.inner);
        if let Some(failure) = self.status.failure() {
            return Err(failure);
        }
        if inner.closing {
            return Err(Error::Closed);
        }
        inner.entries.push_back(Entry { job, reply, bytes, slots });
        self.status.queue_jobs.fetch_add(1, Relaxed);
        let asleep = mem::take(&mut inner.asleep);
        drop(inner);
        if asleep {
            self.wake.notify_one();
        }
        Ok(receiver)
    }

    fn stopped(&self) -> Error {
        self.status.failure().unwrap_or(Error::Closed)
    }
}

/// What the database needs of a queue whose jobs it does not know.
pub(crate) trait Close: Send + Sync {
    /// Takes no more jobs; the writer ends after the ones it has.
    fn close(&self);
}

impl<H: WriteHandler> Close for Queue<H> {
    fn close(&self) {
        lock(&self.inner).closing = true;
        self.slots.close();
        self.wake.notify_one();
    }
}
