//! The handle that takes jobs for the one writer of a file.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::database::Database;
use crate::error::{Error, Outcome};
use crate::handler::WriteHandler;
use crate::queue::Queue;
use crate::wait::block_on;

/// What a submitter gets: the handler's reply or refusal, or an error of this layer.
pub type Answer<H> =
    Result<Result<<H as WriteHandler>::Reply, <H as WriteHandler>::Refusal>, Error>;

/// Takes jobs. Clones share one queue and one thread.
///
/// Jobs run in the order they were queued. A reply means that the job is committed: durable with
/// [`Synchronous::Full`](crate::Synchronous::Full), and seen by every read that begins later.
pub struct Writer<H: WriteHandler> {
    queue: Arc<Queue<H>>,
    /// Keeps the file open.
    database: Database,
}

impl<H: WriteHandler> Writer<H> {
    pub(crate) fn new(queue: Arc<Queue<H>>, database: Database) -> Self {
        Self { queue, database }
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
    pub async fn submit(&self, job: H::Job, queue_timeout: Duration) -> Answer<H> {
        self.enqueue(job, queue_timeout).await?.answer().await
    }

    /// Queues a job; the receipt waits for the answer. So one task can queue many in order.
    ///
    /// # Errors
    /// [`Error::Busy`], [`Error::WriterFailed`] or [`Error::Closed`]; the job was not queued.
    pub async fn enqueue(&self, job: H::Job, queue_timeout: Duration) -> Result<Receipt<H>, Error> {
        let receiver = self.queue.push(job, queue_timeout).await?;
        Ok(Receipt { receiver })
    }

    /// As [`Writer::submit`], blocking the thread. Not for threads of an async runtime.
    ///
    /// # Errors
    /// As [`Writer::submit`].
    pub fn submit_blocking(&self, job: H::Job, queue_timeout: Duration) -> Answer<H> {
        let receiver = self.queue.push_blocking(job, queue_timeout)?;
        match block_on(receiver, None) {
            Some(Ok(answer)) => answer,
            Some(Err(_)) | None => Err(lost()),
        }
    }
}

impl<H: WriteHandler> Clone for Writer<H> {
    fn clone(&self) -> Self {
        Self { queue: Arc::clone(&self.queue), database: self.database.clone() }
    }
}

impl<H: WriteHandler> fmt::Debug for Writer<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("database", &self.database).finish_non_exhaustive()
    }
}

/// A queued job. Dropping it does not take the job back.
pub struct Receipt<H: WriteHandler> {
    receiver: oneshot::Receiver<Answer<H>>,
}

impl<H: WriteHandler> Receipt<H> {
    /// Waits until the job is committed or refused.
    ///
    /// # Errors
    /// As [`Writer::submit`].
    pub async fn answer(self) -> Answer<H> {
        self.receiver.await.unwrap_or_else(|_| Err(lost()))
    }
}

impl<H: WriteHandler> fmt::Debug for Receipt<H> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Receipt").finish_non_exhaustive()
    }
}

/// The writer answers every job; should it ever not, nothing is known of the job.
fn lost() -> Error {
    Error::WriterFailed { reason: "the writer ended".into(), outcome: Outcome::Unknown }
}
