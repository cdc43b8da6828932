//! The one writer of the process: a queue, and a task that commits whatever is queued as groups.

mod commit;
mod decide;
pub(crate) mod group;
mod job;
mod special;
mod task;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use isobase_engine::{Action, EngineError, ErrorKind, WriteBatch, WriteReport};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, timeout_at},
};

pub(crate) use special::{Found, SpecialAnswer, SpecialJob};

use crate::{
    Backend,
    error::closed,
    shared::Shared,
    writer::{
        job::{Job, Work, stage},
        task::Task,
    },
};

/// Slots of the queue. A job takes one, and one more for every [`SLOT_BYTES`].
const QUEUE_SLOTS: usize = 4_096;
/// So the whole queue holds at most 256 MiB.
const SLOT_BYTES: usize = 64 << 10;
/// Largest job: more could never be queued.
const JOB_BYTES_MAX: usize = 128 << 20;

/// Time that an operation of a large batch may take beside the deadline of the whole: such a
/// batch is many commits one after the other.
const OPERATION_TIME: Duration = Duration::from_millis(25);

/// The way to the writing task. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Writer {
    jobs: mpsc::UnboundedSender<Job>,
    slots: Arc<Semaphore>,
    deadline: Duration,
    atomic_max: u64,
    name: &'static str,
}

impl Writer {
    /// Starts the writing task.
    pub(crate) fn start<B: Backend>(shared: Arc<Shared<B>>, head: crate::Head) -> Self {
        let (jobs, queue) = mpsc::unbounded_channel();
        let slots = Arc::new(Semaphore::new(QUEUE_SLOTS));
        let writer = Self {
            jobs,
            slots,
            deadline: shared.options.deadline,
            atomic_max: shared.backend.limits().atomic_operations.max,
            name: shared.backend.name(),
        };
        tokio::spawn(Task::new(shared, queue, head).run());
        writer
    }

    /// Has a batch written.
    pub(crate) async fn write(
        &self,
        batch: WriteBatch,
        atomic: bool,
    ) -> Result<WriteReport, EngineError> {
        let bytes: usize = batch.operations.iter().map(|operation| size(&operation.action)).sum();
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
        if self.jobs.is_closed() {
            return Ok(());
        }
        self.submit(|reply| Work::Close { reply }, 0, self.deadline).await
    }

    /// Slots of the queue in use.
    pub(crate) fn queued(&self) -> usize {
        QUEUE_SLOTS.saturating_sub(self.slots.available_permits())
    }

    /// `time` is what the job may take beside the usual.
    async fn submit<T>(
        &self,
        work: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> Work,
        bytes: usize,
        time: Duration,
    ) -> Result<T, EngineError> {
        let queue_deadline = Instant::now() + self.deadline;
        let slots = self.slots(bytes, queue_deadline).await?;
        let (reply, answer) = oneshot::channel();
        let stage = Arc::new(AtomicU8::new(stage::QUEUED));
        let job = Job { work: work(reply), stage: Arc::clone(&stage), slots };
        self.jobs.send(job).map_err(|_| closed())?;
        // One deadline for the group before it, and one for its own.
        wait(answer, &stage, queue_deadline, queue_deadline + self.deadline * 2 + time).await
    }

    async fn slots(
        &self,
        bytes: usize,
        deadline: Instant,
    ) -> Result<OwnedSemaphorePermit, EngineError> {
        let slots = u32::try_from(1 + bytes / SLOT_BYTES).unwrap_or(1);
        let free = Arc::clone(&self.slots).acquire_many_owned(slots);
        match timeout_at(deadline, free).await {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(closed()),
            Err(_) => Err(EngineError::new(
                ErrorKind::Unavailable,
                format!("too many writes are waiting for {}", self.name),
            )),
        }
    }
}

/// Waits until a job is answered, or gives it up: while it is queued nothing is written, after
/// that nobody knows.
async fn wait<T>(
    mut answer: oneshot::Receiver<Result<T, EngineError>>,
    stage: &AtomicU8,
    queue_deadline: Instant,
    deadline: Instant,
) -> Result<T, EngineError> {
    let answered = match timeout_at(queue_deadline, &mut answer).await {
        Ok(answered) => answered,
        Err(_) => {
            let given_up = stage.compare_exchange(
                stage::QUEUED,
                stage::GIVEN_UP,
                Ordering::AcqRel,
                Ordering::Acquire,
            );
            if given_up.is_ok() {
                let message = "the database did not take the write in time";
                return Err(EngineError::new(ErrorKind::Unavailable, message));
            }
            match timeout_at(deadline, answer).await {
                Ok(answered) => answered,
                Err(_) => {
                    let message = "the database did not answer the write in time";
                    return Err(EngineError::new(ErrorKind::OutcomeUnknown, message));
                }
            }
        }
    };
    answered.unwrap_or_else(|_| match stage.load(Ordering::Acquire) {
        // The task ended by a panic.
        stage::TAKEN => {
            let message = "the writer ended in the middle of a write";
            Err(EngineError::new(ErrorKind::OutcomeUnknown, message))
        }
        _ => Err(closed()),
    })
}

fn size(action: &Action) -> usize {
    match action {
        Action::Create { body } | Action::Put { body, .. } => body.len(),
        Action::Patch { patch, .. } => patch.len(),
        Action::Delete { .. } => 0,
    }
}
