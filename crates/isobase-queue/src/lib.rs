//! The queue in front of a writing task.
//!
//! Callers wait in a queue that is bounded by what it holds; one task takes their jobs and answers
//! each. Whoever waits too long gives up: while its job is queued nothing is written, and the task
//! passes it by; once it is taken nobody knows, and the caller is told so.

mod gathering;

use std::sync::{
    Arc,
    atomic::{AtomicU8, Ordering},
};

use isobase_engine::{Action, EngineError, ErrorKind};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, timeout_at},
};

pub use gathering::Gathering;

/// Where a job is. Whoever moves it away from `QUEUED` decides what becomes of it.
const QUEUED: u8 = 0;
const TAKEN: u8 = 1;
const GIVEN_UP: u8 = 2;

/// What a queue holds at most.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// Places. A job takes one, and one more for every [`Bounds::slot_bytes`] of it, but never
    /// more than there are.
    pub slots: usize,
    /// Bytes of a place.
    pub slot_bytes: usize,
}

/// Until when a caller waits.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For its job to be taken: until then it can be given up with nothing written.
    pub taken: Instant,
    /// For the answer.
    pub answered: Instant,
}

/// The callers' end of a queue. Cheap to clone.
#[derive(Debug)]
pub struct Queue<W> {
    jobs: mpsc::UnboundedSender<Job<W>>,
    slots: Arc<Semaphore>,
    bounds: Bounds,
    name: &'static str,
}

/// The task's end of a queue.
pub type Jobs<W> = mpsc::UnboundedReceiver<Job<W>>;

/// Something to do, in its place of the queue.
#[derive(Debug)]
pub struct Job<W> {
    /// What is to be done.
    pub work: W,
    stage: Arc<AtomicU8>,
    place: Place,
}

/// A place of the queue, free for another job when it is dropped.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held until the drop")] OwnedSemaphorePermit);

impl<W> Clone for Queue<W> {
    fn clone(&self) -> Self {
        Self { jobs: self.jobs.clone(), slots: Arc::clone(&self.slots), ..*self }
    }
}

impl<W> Queue<W> {
    /// An empty queue; `name` is the database's, for messages.
    #[must_use]
    pub fn new(name: &'static str, bounds: Bounds) -> (Self, Jobs<W>) {
        let (jobs, queue) = mpsc::unbounded_channel();
        let slots = Arc::new(Semaphore::new(bounds.slots));
        (Self { jobs, slots, bounds, name }, queue)
    }

    /// Whether the task has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.jobs.is_closed()
    }

    /// Places in use.
    #[must_use]
    pub fn queued(&self) -> usize {
        self.bounds.slots.saturating_sub(self.slots.available_permits())
    }

    /// Has something done, and waits for the answer.
    ///
    /// # Errors
    /// Those of the answer; [`ErrorKind::Unavailable`] when it was given up, or the queue is
    /// closed: nothing was written; [`ErrorKind::OutcomeUnknown`] when it was taken and not
    /// answered in time.
    pub async fn submit<T>(
        &self,
        bytes: usize,
        patience: Patience,
        work: impl FnOnce(oneshot::Sender<Result<T, EngineError>>) -> W,
    ) -> Result<T, EngineError> {
        let place = self.place(bytes, patience.taken).await?;
        let (reply, answer) = oneshot::channel();
        let stage = Arc::new(AtomicU8::new(QUEUED));
        let job = Job { work: work(reply), stage: Arc::clone(&stage), place };
        self.jobs.send(job).map_err(|_| closed())?;
        self.wait(answer, &stage, patience).await
    }

    async fn place(&self, bytes: usize, until: Instant) -> Result<Place, EngineError> {
        let slots = (1 + bytes / self.bounds.slot_bytes).min(self.bounds.slots);
        let slots = u32::try_from(slots).unwrap_or(u32::MAX);
        let free = Arc::clone(&self.slots).acquire_many_owned(slots);
        match timeout_at(until, free).await {
            Ok(Ok(permit)) => Ok(Place(permit)),
            Ok(Err(_)) => Err(closed()),
            Err(_) => {
                let message = format!("too many writes are waiting for {}", self.name);
                Err(EngineError::new(ErrorKind::Unavailable, message))
            }
        }
    }

    async fn wait<T>(
        &self,
        mut answer: oneshot::Receiver<Result<T, EngineError>>,
        stage: &AtomicU8,
        patience: Patience,
    ) -> Result<T, EngineError> {
        let answered = match timeout_at(patience.taken, &mut answer).await {
            Ok(answered) => answered,
            Err(_) => {
                if move_on(stage, GIVEN_UP) {
                    let message = format!("{} did not take the write in time", self.name);
                    return Err(EngineError::new(ErrorKind::Unavailable, message));
                }
                match timeout_at(patience.answered, answer).await {
                    Ok(answered) => answered,
                    Err(_) => {
                        let message = format!("{} did not answer the write in time", self.name);
                        return Err(EngineError::new(ErrorKind::OutcomeUnknown, message));
                    }
                }
            }
        };
        answered.unwrap_or_else(|_| match stage.load(Ordering::Acquire) {
            // The task ended by a panic.
            TAKEN => {
                let message = "the writer ended in the middle of a write";
                Err(EngineError::new(ErrorKind::OutcomeUnknown, message))
            }
            _ => Err(closed()),
        })
    }
}

impl<W> Job<W> {
    /// Takes it off the queue; none when it was given up. The place stays taken as long as the
    /// task holds it.
    #[must_use]
    pub fn take(self) -> Option<(W, Place)> {
        move_on(&self.stage, TAKEN).then_some((self.work, self.place))
    }

    /// Whether nobody waits for it any more.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        self.stage.load(Ordering::Acquire) != QUEUED
    }
}

/// Decides what becomes of a queued job; false when somebody else has.
fn move_on(stage: &AtomicU8, to: u8) -> bool {
    stage.compare_exchange(QUEUED, to, Ordering::AcqRel, Ordering::Acquire).is_ok()
}

/// The database was closed.
#[must_use]
pub fn closed() -> EngineError {
    EngineError::new(ErrorKind::Unavailable, "the database was closed")
}

/// Bytes of what an operation writes.
#[must_use]
pub fn action_bytes(action: &Action) -> usize {
    match action {
        Action::Create { body } | Action::Put { body, .. } => body.len(),
        Action::Patch { patch, .. } => patch.bytes(),
        Action::Delete { .. } => 0,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    type Work = oneshot::Sender<Result<u32, EngineError>>;

    const BOUNDS: Bounds = Bounds { slots: 4, slot_bytes: 10 };

    fn patience() -> Patience {
        let now = Instant::now();
        Patience { taken: now + Duration::from_secs(1), answered: now + Duration::from_secs(3) }
    }

    fn queue() -> (Queue<Work>, Jobs<Work>) {
        Queue::new("a database", BOUNDS)
    }

    #[track_caller]
    fn failed(answer: Result<u32, EngineError>, kind: ErrorKind, part: &str) {
        let error = answer.unwrap_err();
        assert_eq!(error.kind, kind, "{error}");
        assert!(error.message.contains(part), "{error}");
    }

    #[tokio::test(start_paused = true)]
    async fn answers_reach_who_asked() {
        let (queue, mut jobs) = queue();
        let task = tokio::spawn(async move {
            while let Some(job) = jobs.recv().await {
                let (reply, _place) = job.take().unwrap();
                reply.send(Ok(7)).unwrap();
            }
        });
        assert_eq!(queue.submit(0, patience(), |reply| reply).await.unwrap(), 7);
        assert_eq!(queue.queued(), 0);
        drop(queue);
        task.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_was_given_up_is_not_done() {
        let (queue, mut jobs) = queue();
        let answer = queue.submit(0, patience(), |reply| reply).await;
        failed(answer, ErrorKind::Unavailable, "a database did not take the write");
        let job = jobs.recv().await.unwrap();
        assert!(job.is_given_up());
        assert!(job.take().is_none());
        assert_eq!(queue.queued(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_job_that_was_taken_and_not_answered_has_an_unknown_outcome() {
        let (queue, mut jobs) = queue();
        let taking = async {
            let taken = jobs.recv().await.unwrap().take();
            tokio::time::sleep(Duration::from_secs(10)).await;
            taken
        };
        let (answer, _) = tokio::join!(queue.submit(0, patience(), |reply| reply), taking);
        failed(answer, ErrorKind::OutcomeUnknown, "did not answer");
        // The task ended with it.
        let ending = async { drop(jobs.recv().await.unwrap().take()) };
        let (answer, ()) = tokio::join!(queue.submit(0, patience(), |reply| reply), ending);
        failed(answer, ErrorKind::OutcomeUnknown, "in the middle");
    }

    #[tokio::test(start_paused = true)]
    async fn a_full_queue_takes_nothing_until_there_is_room() {
        let (queue, mut jobs) = queue();
        let large = queue.submit(1_000, patience(), |reply| reply);
        let waiting = async {
            tokio::task::yield_now().await;
            assert_eq!(queue.queued(), BOUNDS.slots);
            let answer = queue.submit(0, patience(), |reply| reply).await;
            failed(answer, ErrorKind::Unavailable, "too many writes are waiting");
        };
        let (answer, ()) = tokio::join!(large, waiting);
        failed(answer, ErrorKind::Unavailable, "did not take");
        assert!(jobs.recv().await.unwrap().take().is_none());
        assert_eq!(queue.queued(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_closed_queue_takes_nothing() {
        let (queue, jobs) = queue();
        drop(jobs);
        assert!(queue.is_closed());
        let answer = queue.submit(0, patience(), |reply| reply).await;
        failed(answer, ErrorKind::Unavailable, "closed");
    }
}
