//! The handle that takes jobs for the one writer of a file.

use std::fmt;
use std::mem;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::thread;
use std::time::Duration;

use isobase_writer::{Bounds, Jobs, NotDone, Patience, Queue, Reply, Size};
use rusqlite::Connection;

use crate::database::{Database, WriterSlot};
use crate::error::{Error, Outcome};
use crate::handler::{WriteHandler, WriteJob};
use crate::metrics::WriterStatus;
use crate::options::Options;
use crate::work::{Answer, Submitted, Work};
use crate::writer_thread::{self, Beside};

/// A job takes one place per this many bytes begun, so that the places bound the memory, too.
const PLACE_BYTES: usize = 16 * 1024;

/// How the queue is called in messages, which are mapped to ours.
const NAME: &str = "SQLite";

/// What the queue of a writer holds at most.
pub(crate) fn queue_bounds(options: &Options) -> Bounds {
    Bounds { places: options.queue_jobs_max, place_bytes: PLACE_BYTES }
}

/// Takes jobs. Clones share one queue and one thread.
///
/// Jobs run in the order they were queued. A reply means that the job is committed: durable with
/// [`Synchronous::Full`](crate::Synchronous::Full), and seen by every read that begins later.
pub struct Writer<H: WriteHandler> {
    queue: Queue<Work<H>>,
    status: Arc<WriterStatus>,
    /// Keeps the file open.
    database: Database,
}

impl Database {
    /// Starts the writer. `build` makes the handler; it gets the writer's connection and may read
    /// what the handler keeps in memory.
    ///
    /// # Errors
    /// [`Error::WriterStarted`] on a second call, and what `build` returns; after that it can be
    /// called again.
    pub fn start_writer<H: WriteHandler>(
        &self,
        build: impl FnOnce(&Connection) -> rusqlite::Result<H>,
    ) -> Result<Writer<H>, Error> {
        let inner = &self.inner;
        let mut slot = inner.writer.lock();
        let handler = match &*slot {
            WriterSlot::Idle(connection) => build(connection)?,
            WriterSlot::Running { .. } => return Err(Error::WriterStarted),
            WriterSlot::Closed => return Err(Error::Closed),
        };
        let WriterSlot::Idle(connection) = mem::replace(&mut *slot, WriterSlot::Closed) else {
            return Err(Error::Closed);
        };
        let status = Arc::clone(&inner.status);
        let (writer, jobs) = Writer::new(self.clone(), &inner.options, Arc::clone(&status));
        let options = inner.options.clone();
        let beside = Beside { files: inner.files.clone(), pool: inner.pool.clone() };
        let thread = thread::Builder::new().name("sqlite-writer".to_owned()).spawn(move || {
            writer_thread::run(*connection, handler, jobs, &status, (&options, beside))
        });
        match thread {
            Ok(thread) => {
                *slot = WriterSlot::Running { close: writer.closer(), thread };
                Ok(writer)
            }
            Err(error) => {
                inner.status.fail(&format!("cannot start the writer thread: {error}").into());
                Err(inner.status.failure().unwrap_or(Error::Closed))
            }
        }
    }
}

impl<H: WriteHandler> Writer<H> {
    /// The writer of a database, and what its thread takes jobs from.
    pub(crate) fn new(
        database: Database,
        options: &Options,
        status: Arc<WriterStatus>,
    ) -> (Self, Jobs<Work<H>>) {
        let (queue, jobs) = Queue::new(NAME, queue_bounds(options));
        (Self { queue, status, database }, jobs)
    }

    /// Takes no more jobs; the thread ends after the ones it has.
    pub(crate) fn closer(&self) -> Box<dyn Fn() + Send> {
        let queue = self.queue.clone();
        Box::new(move || queue.close())
    }

    /// The database this writer belongs to.
    #[must_use]
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// Queues a job and waits until it is committed or refused.
    ///
    /// A full queue is waited for at most `queue_timeout`; after that the wait is only for the
    /// answer. Dropping the future after the job was queued does not take the job back: it may
    /// still run and be committed.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::DiskFull`], [`Error::WriterFailed`], [`Error::Closed`], or the
    /// SQLite error the job ended with. Only `WriterFailed` can leave the outcome open.
    pub async fn submit<J: WriteJob<H>>(
        &self,
        job: J,
        queue_timeout: Duration,
    ) -> Answer<H, J::Reply> {
        self.enqueue(job, queue_timeout).await?.answer().await
    }

    /// Queues a job; the receipt waits for the answer. So one task can queue many in order.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::WriterFailed`] or [`Error::Closed`]; the job was not queued.
    pub async fn enqueue<J: WriteJob<H>>(
        &self,
        job: J,
        queue_timeout: Duration,
    ) -> Result<Receipt<H, J::Reply>, Error> {
        self.check()?;
        let (size, patience) = (Self::size_of(&job), Patience::for_place(queue_timeout));
        let mut is_queued = false;
        let work = |reply| self.work(job, reply, &mut is_queued);
        let queued = self.queue.enqueue(size, patience, work).await;
        self.receipt(queued, is_queued)
    }

    /// As [`Writer::submit`], blocking the thread. Not for threads of an async runtime.
    ///
    /// # Errors
    /// As [`Writer::submit`].
    pub fn submit_blocking<J: WriteJob<H>>(
        &self,
        job: J,
        queue_timeout: Duration,
    ) -> Answer<H, J::Reply> {
        self.check()?;
        let (size, patience) = (Self::size_of(&job), Patience::for_place(queue_timeout));
        let mut is_queued = false;
        let work = |reply| self.work(job, reply, &mut is_queued);
        let queued = self.queue.enqueue_blocking(size, patience, work);
        let Receipt { receipt, status } = self.receipt(queued, is_queued)?;
        receipt.answer_blocking().unwrap_or_else(|not_done| Err(error_of(not_done, &status)))
    }

    fn size_of<J: WriteJob<H>>(job: &J) -> Size {
        Size { bytes: job.bytes(), operations: 1 }
    }

    fn check(&self) -> Result<(), Error> {
        self.status.failure().map_or(Ok(()), Err)
    }

    /// Counts the job before the thread can see it.
    fn work<J: WriteJob<H>>(
        &self,
        job: J,
        reply: Reply<Answer<H, J::Reply>>,
        is_queued: &mut bool,
    ) -> Work<H> {
        *is_queued = true;
        self.status.queue_jobs.fetch_add(1, Relaxed);
        Box::new(Submitted { job, replied: None, reply })
    }

    fn receipt<R>(
        &self,
        queued: Result<isobase_writer::Receipt<Answer<H, R>>, NotDone>,
        is_counted: bool,
    ) -> Result<Receipt<H, R>, Error> {
        match queued {
            Ok(receipt) => Ok(Receipt { receipt, status: Arc::clone(&self.status) }),
            Err(not_done) => {
                if is_counted {
                    self.status.queue_jobs.fetch_sub(1, Relaxed);
                }
                Err(error_of(not_done, &self.status))
            }
        }
    }
}

impl<H: WriteHandler> Clone for Writer<H> {
    fn clone(&self) -> Self {
        let Self { queue, status, database } = self;
        Self { queue: queue.clone(), status: Arc::clone(status), database: database.clone() }
    }
}

impl<H: WriteHandler> fmt::Debug for Writer<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("database", &self.database).finish_non_exhaustive()
    }
}

/// A queued job. Dropping it does not take the job back.
pub struct Receipt<H: WriteHandler, R> {
    receipt: isobase_writer::Receipt<Answer<H, R>>,
    status: Arc<WriterStatus>,
}

impl<H: WriteHandler, R> Receipt<H, R> {
    /// Waits until the job is committed or refused.
    ///
    /// # Errors
    /// As [`Writer::submit`].
    pub async fn answer(self) -> Answer<H, R> {
        let Self { receipt, status } = self;
        receipt.answer().await.unwrap_or_else(|not_done| Err(error_of(not_done, &status)))
    }
}

impl<H: WriteHandler, R> fmt::Debug for Receipt<H, R> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receipt").finish_non_exhaustive()
    }
}

fn error_of(not_done: NotDone, status: &WriterStatus) -> Error {
    match not_done {
        NotDone::Full(_) => Error::Busy,
        NotDone::GivenUp(_) | NotDone::Closed => status.failure().unwrap_or(Error::Closed),
        // The writer answers every job; should it ever not, nothing is known of the job.
        NotDone::Unanswered(_) | NotDone::Lost => {
            Error::WriterFailed { reason: "the writer ended".into(), outcome: Outcome::Unknown }
        }
    }
}
