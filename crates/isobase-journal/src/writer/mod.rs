//! The one writer of the process: a queue, and a task that commits whatever is queued as groups.

mod attempt;
mod attempted;
mod collections;
mod commit;
mod decide;
pub(crate) mod group;
mod indexes;
mod job;
pub(crate) mod others;
mod share;
mod special;
mod stamp;
mod task;
mod turns;
mod waiting;

use std::{sync::Arc, time::Duration};

use isobase_engine::{EngineError, ErrorKind, WriteBatch, WriteReport};
use isobase_writer::{Asked, Bounds, Patience, Queue, Reply, Size};
use tokio::time::{Instant, timeout};

pub(crate) use collections::{DeleteCollection, Deleted, Register, SetAdopted, SetPurged};
pub(crate) use indexes::{DeclareIndex, DropIndex, SetIndexReady};
pub(crate) use special::Fence;
pub(crate) use stamp::{Found, Stamp, StampCounts};

use crate::{
    DocumentDatabase,
    error::not_done,
    shared::Shared,
    writer::{
        job::Write,
        special::{AskedSpecial, Special},
        task::{Task, Work},
    },
};

/// Jobs of a usual size in the queue, and bytes of all: at most 256 MiB.
const QUEUE: Bounds = Bounds { places: 4_096, place_bytes: 64 << 10 };
/// Largest job: more could never be queued.
const JOB_BYTES_MAX: usize = 128 << 20;

/// Time that an operation of a large batch may take beside the deadline of the whole: such a
/// batch is many commits one after the other.
const OPERATION_TIME: Duration = Duration::from_millis(25);

/// The way to the writing task. Cheap to clone.
pub(crate) struct Writer<B: DocumentDatabase> {
    queue: Queue<Work<B>>,
    deadline: Duration,
    atomic_max: u64,
    name: &'static str,
}

impl<B: DocumentDatabase> Clone for Writer<B> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone(), ..*self }
    }
}

impl<B: DocumentDatabase> Writer<B> {
    /// Starts the writing task.
    pub(crate) fn start(shared: Arc<Shared<B>>, head: crate::Head) -> Self {
        let (queue, jobs) = Queue::new(shared.database.name(), QUEUE);
        let writer = Self {
            queue,
            deadline: shared.options.deadline,
            atomic_max: shared.database.limits().atomic_operations.max,
            name: shared.database.name(),
        };
        tokio::spawn(Task::new(shared, jobs, head).run());
        writer
    }

    /// Has a batch written.
    pub(crate) async fn write(
        &self,
        batch: WriteBatch,
        atomic: bool,
    ) -> Result<WriteReport, EngineError> {
        let bytes: usize = batch.operations.iter().map(|operation| operation.action.bytes()).sum();
        let (operations, max) = (batch.operations.len() as u64, self.atomic_max);
        let limit_exceeded = |message| Err(EngineError::new(ErrorKind::LimitExceeded, message));
        if bytes > JOB_BYTES_MAX {
            return limit_exceeded(format!(
                "the batch has {bytes} bytes, at most {JOB_BYTES_MAX} are taken"
            ));
        }
        if (atomic || batch.idempotency.is_some()) && operations > max {
            return limit_exceeded(format!(
                "the batch has {operations} operations, at most {max} can be written in one \
                 piece on {}; divide it",
                self.name
            ));
        }
        let size = Size { bytes, operations: batch.operations.len() };
        let job = Write { batch, atomic };
        self.ask(size, |reply| Work::Write(Asked { job, reply })).await
    }

    /// Has something else done.
    pub(crate) async fn special<J: Special<B>>(&self, job: J) -> Result<J::Reply, EngineError> {
        let size = Size { bytes: 0, operations: 1 };
        self.ask(size, |reply| Work::Other(Box::new(AskedSpecial(Asked { job, reply })))).await
    }

    /// Has documents taken in that other programs wrote.
    pub(crate) async fn stamp(&self, job: Stamp) -> Result<StampCounts, EngineError> {
        let size = Size { bytes: 0, operations: job.documents.len() };
        self.ask(size, |reply| Work::Other(Box::new(Asked { job, reply }))).await
    }

    /// Finishes what is queued and ends the task.
    pub(crate) async fn close(&self) -> Result<(), EngineError> {
        self.queue.close();
        timeout(self.deadline * 3, self.queue.ended()).await.map_err(|_| {
            let message = format!("{} did not finish what was queued in time", self.name);
            EngineError::new(ErrorKind::OutcomeUnknown, message)
        })
    }

    /// Places of the queue in use.
    pub(crate) fn queued(&self) -> usize {
        self.queue.places_used()
    }

    async fn ask<T>(
        &self,
        size: Size,
        work: impl FnOnce(Reply<Result<T, EngineError>>) -> Work<B>,
    ) -> Result<T, EngineError> {
        let taken = Instant::now() + self.deadline;
        // One deadline for the group before it, and one for its own.
        let time = OPERATION_TIME * u32::try_from(size.operations).unwrap_or(u32::MAX);
        let patience = Patience::until(taken, taken + self.deadline * 2 + time);
        let receipt = self.queue.enqueue(size, patience, work).await.map_err(not_done)?;
        receipt.answer().await.map_err(not_done)?
    }
}
