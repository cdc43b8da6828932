//! The callers' end of a queue.

use std::fmt;

use tokio::sync::{mpsc, oneshot, watch};

use crate::{
    Asked, Bounds, Job, Jobs, NotDone, Patience, Place, Receipt, Reply, Size,
    jobs::{Message, Queued},
    place::Places,
    stage::Stage,
};

/// The callers' end of a queue. Clones share it.
pub struct Queue<W> {
    jobs: mpsc::UnboundedSender<Message<W>>,
    places: Places,
    /// Changes never; closed when the writer's end is dropped.
    writer: watch::Receiver<()>,
    name: &'static str,
}

impl<W> Clone for Queue<W> {
    fn clone(&self) -> Self {
        let Self { jobs, places, writer, name } = self;
        Self { jobs: jobs.clone(), places: places.clone(), writer: writer.clone(), name }
    }
}

impl<W> fmt::Debug for Queue<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<W> Queue<W> {
    /// An empty queue; `name` is the database's, for messages.
    #[must_use]
    pub fn new(name: &'static str, bounds: Bounds) -> (Self, Jobs<W>) {
        let (jobs, queue) = mpsc::unbounded_channel();
        let (alive, writer) = watch::channel(());
        let places = Places::new(bounds);
        let jobs_end = Jobs::new(queue, places.clone(), alive);
        (Self { jobs, places, writer, name }, jobs_end)
    }

    /// Queues a job, and waits for its answer.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub async fn ask<J: Job, E>(
        &self,
        job: J,
        size: Size,
        patience: Patience,
    ) -> Result<Result<J::Reply, E>, NotDone>
    where
        W: From<Asked<J, E>>,
    {
        let work = |reply: Reply<Result<J::Reply, E>>| W::from(Asked { job, reply });
        self.enqueue(size, patience, work).await?.answer().await
    }

    /// Queues a job; the receipt waits for the answer. So one task can queue many in order.
    ///
    /// # Errors
    /// [`NotDone::Full`] or [`NotDone::Closed`]: the job was not queued.
    pub async fn enqueue<T>(
        &self,
        size: Size,
        patience: Patience,
        work: impl FnOnce(Reply<T>) -> W,
    ) -> Result<Receipt<T>, NotDone> {
        let place = self.places.take(size, patience.place, self.name).await?;
        self.append(size, place, patience, work)
    }

    /// As [`Queue::enqueue`], on a thread that may block.
    ///
    /// # Errors
    /// As [`Queue::enqueue`].
    pub fn enqueue_blocking<T>(
        &self,
        size: Size,
        patience: Patience,
        work: impl FnOnce(Reply<T>) -> W,
    ) -> Result<Receipt<T>, NotDone> {
        let place = self.places.take_blocking(size, patience.place, self.name)?;
        self.append(size, place, patience, work)
    }

    fn append<T>(
        &self,
        size: Size,
        place: Place,
        patience: Patience,
        work: impl FnOnce(Reply<T>) -> W,
    ) -> Result<Receipt<T>, NotDone> {
        let (reply, answer) = oneshot::channel();
        let stage = Stage::default();
        let work = work(Reply(reply));
        let queued = Queued { work, size, stage: stage.clone(), place };
        self.jobs.send(Message::Job(queued)).map_err(|_| NotDone::Closed)?;
        Ok(Receipt { answer, stage, patience, name: self.name })
    }

    /// Places in use.
    #[must_use]
    pub fn places_used(&self) -> usize {
        self.places.used()
    }

    /// Takes no more jobs. The writer ends after those that are queued.
    pub fn close(&self) {
        self.places.close();
        // A writer that has ended needs no notice.
        let _ = self.jobs.send(Message::Close);
    }

    /// Whether no more jobs are taken.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.places.is_closed() || self.jobs.is_closed()
    }

    /// Waits until the writer has ended.
    pub async fn ended(&self) {
        let mut writer = self.writer.clone();
        while writer.changed().await.is_ok() {}
    }
}
