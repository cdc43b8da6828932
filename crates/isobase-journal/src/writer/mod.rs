//! The one writer of the process: a queue, and a task that commits whatever is queued as groups.

mod commit;
mod decide;
pub(crate) mod group;
mod job;
pub(crate) mod others;
mod special;
mod task;
mod turns;
mod waiting;

use std::{sync::Arc, time::Duration};

use isobase_engine::{EngineError, ErrorKind, WriteBatch, WriteReport};
use isobase_queue::{Bounds, Patience, Queue, action_bytes};
use tokio::{sync::oneshot, time::Instant};

pub(crate) use special::{Found, SpecialAnswer, SpecialJob};

use crate::{
    DocumentDatabase,
    shared::Shared,
    writer::{job::Work, task::Task},
};

/// Jobs of a usual size in the queue, and bytes of all: at most 256 MiB.
const QUEUE: Bounds = Bounds { slots: 4_096, slot_bytes: 64 << 10 };
/// Largest job: more could never be queued.
const JOB_BYTES_MAX: usize = 128 << 20;

/// Time that an operation of a large batch may take beside the deadline of the whole: such a
/// batch is many commits one after the other.
const OPERATION_TIME: Duration = Duration::from_millis(25);

/// The way to the writing task. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    queue: Queue<Work>,
    deadline: Duration,
    atomic_max: u64,
    name: &'static str,
}

impl Writer {
    /// Starts the writing task.
    pub(crate) fn start<B: DocumentDatabase>(shared: Arc<Shared<B>>, head: crate::Head) -> Self {
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
        let bytes: usize =
            batch.operations.iter().map(|operation| action_bytes(&operation.action)).sum();
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
        let time = OPERATION_TIME * u32::try_from(operations).unwrap_or(u32::MAX);
        self.submit(|reply| Work::Write { batch, atomic, reply }, bytes, time).await
    }

    /// Has something else done.
    pub(crate) async fn special(&self, job: SpecialJob) -> Result<SpecialAnswer, EngineError> {
        let time = OPERATION_TIME * u32::try_from(job.operations()).unwrap_or(u32::MAX);
        self.submit(|reply| Work::Special { job, reply }, 0, time).await
    }

    /// Finishes what is queued and ends the task.
    pub(crate) async fn close(&self) -> Result<(), EngineError> {
        if self.queue.is_closed() {
            return Ok(());
        }
        self.submit(|reply| Work::Close { reply }, 0, self.deadline).await
    }

    /// Slots of the queue in use.
    pub(crate) fn queued(&self) -> usize {
        self.queue.queued()
    }

    /// `time` is what the job may take beside the usual.
    async fn submit<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Work,
        bytes: usize,
        time: Duration,
    ) -> Result<T, EngineError> {
        let taken = Instant::now() + self.deadline;
        // One deadline for the group before it, and one for its own.
        let patience = Patience { taken, answered: taken + self.deadline * 2 + time };
        self.queue.submit(bytes, patience, work).await
    }
}
