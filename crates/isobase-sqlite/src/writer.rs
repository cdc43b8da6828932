//! The one writer of a file: jobs of many tasks in one transaction.

use std::marker::PhantomData;
use std::time::Duration;

use crate::error::Error;
use crate::handler::WriteHandler;

/// Takes jobs. Clones share one queue and one thread.
#[derive(Debug)]
pub struct Writer<H: WriteHandler> {
    handler: PhantomData<fn(H)>,
}

impl<H: WriteHandler> Clone for Writer<H> {
    fn clone(&self) -> Self {
        Self { handler: PhantomData }
    }
}

impl<H: WriteHandler> Writer<H> {
    /// Queues a job and waits until it is committed or refused.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn submit(
        &self,
        job: H::Job,
        queue_timeout: Duration,
    ) -> Result<Result<H::Reply, H::Refusal>, Error> {
        self.enqueue(job, queue_timeout).await?.answer().await
    }

    /// Queues a job; the receipt waits for the answer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn enqueue(&self, job: H::Job, queue_timeout: Duration) -> Result<Receipt<H>, Error> {
        let _ = (job, queue_timeout, self.handler);
        Err(Error::Closed)
    }

    /// As `submit`, for threads outside an async runtime.
    ///
    /// # Errors
    /// See [`Error`].
    pub fn submit_blocking(
        &self,
        job: H::Job,
        queue_timeout: Duration,
    ) -> Result<Result<H::Reply, H::Refusal>, Error> {
        let _ = (job, queue_timeout);
        Err(Error::Closed)
    }
}

/// A queued job.
#[derive(Debug)]
pub struct Receipt<H: WriteHandler> {
    handler: PhantomData<fn(H)>,
}

impl<H: WriteHandler> Receipt<H> {
    /// Waits for the answer.
    ///
    /// # Errors
    /// See [`Error`].
    pub async fn answer(self) -> Result<Result<H::Reply, H::Refusal>, Error> {
        let _ = self.handler;
        Err(Error::Closed)
    }
}
