//! The writer's end of a queue.

use std::{collections::VecDeque, time::Duration};

use tokio::{
    sync::{mpsc, watch},
    time::{Instant, timeout_at},
};

use crate::{Place, Size, gathering::Gathering, place::Places, stage::Stage};

/// A message of the channel.
#[derive(Debug)]
pub(crate) enum Message<W> {
    Job(Queued<W>),
    /// No more jobs follow, but for those that were being queued.
    Close,
}

/// Something to do, in its place of the queue.
#[derive(Debug)]
pub(crate) struct Queued<W> {
    pub(crate) work: W,
    pub(crate) size: Size,
    pub(crate) stage: Stage,
    pub(crate) place: Place,
}

/// Something to do that was taken off the queue: its caller waits for the answer.
#[derive(Debug)]
pub struct Taken<W> {
    /// The work to be done.
    pub work: W,
    /// How large it is.
    pub size: Size,
}

/// The bounds of a group; its first job is taken however large it is.
#[derive(Clone, Copy, Debug)]
pub struct GroupBounds {
    /// Jobs.
    pub jobs: usize,
    /// Operations of all jobs.
    pub operations: usize,
    /// Bytes of all jobs.
    pub bytes: usize,
}

/// The writer's end of a queue. Dropped, it closes the queue, and what waits in it is told so.
#[derive(Debug)]
pub struct Jobs<W> {
    queue: mpsc::UnboundedReceiver<Message<W>>,
    /// Read from the channel, not taken, in the order in which they came.
    waiting: VecDeque<Queued<W>>,
    gathering: Gathering,
    places: Places,
    _alive: watch::Sender<()>,
}

impl<W> Jobs<W> {
    pub(crate) fn new(
        queue: mpsc::UnboundedReceiver<Message<W>>,
        places: Places,
        alive: watch::Sender<()>,
    ) -> Self {
        let (waiting, gathering) = (VecDeque::new(), Gathering::default());
        Self { queue, waiting, gathering, places, _alive: alive }
    }

    /// Waits until a job can be taken; false if there will be none any more.
    pub async fn wait(&mut self) -> bool {
        while self.waiting.is_empty() {
            if !self.receive().await {
                return false;
            }
        }
        true
    }

    /// As [`Jobs::wait`], on a thread that may block.
    pub fn wait_blocking(&mut self) -> bool {
        while self.waiting.is_empty() {
            match self.queue.blocking_recv() {
                Some(message) => self.keep(message),
                None => return false,
            }
        }
        true
    }

    /// Whether nothing has been read from the queue that waits to be taken.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Says that a group of so many jobs is answered now, which took so long to write:
    /// [`Jobs::gather`] waits for those callers to ask again.
    pub fn answered(&mut self, jobs: usize, took: Duration) {
        self.gathering.answered(jobs, took);
    }

    /// Reads what is queued, and lets those who were just answered ask again, at most for a
    /// quarter of the time that their group took: they are written together then. So many jobs
    /// were taken before, and are to be written, too.
    pub async fn gather(&mut self, taken: usize) {
        loop {
            self.receive_all();
            let Some(until) = self.gathering.until(taken + self.waiting.len()) else { return };
            if !matches!(timeout_at(until, self.receive()).await, Ok(true)) {
                return;
            }
        }
    }

    /// Lets jobs gather until a moment; false if the queue is closed, which ends the wait.
    pub async fn gather_until(&mut self, until: Instant) -> bool {
        loop {
            match timeout_at(until, self.receive()).await {
                Ok(true) if !self.is_closing() => {}
                Ok(_) => return false,
                Err(_) => return true,
            }
        }
    }

    /// Takes as many jobs as fit a group, in the order in which they came. One that does not
    /// travel with others is a group of its own. Jobs that were given up are passed by. The places
    /// of those that are taken are free for others.
    pub fn take_group(
        &mut self,
        bounds: GroupBounds,
        travels: impl Fn(&W) -> bool,
        group: &mut Vec<Taken<W>>,
    ) {
        self.receive_all();
        let (mut operations, mut bytes) = (0_usize, 0_usize);
        while let Some(next) = self.waiting.front() {
            let travels = travels(&next.work);
            operations = operations.saturating_add(next.size.operations);
            bytes = bytes.saturating_add(next.size.bytes);
            let is_full = group.len() >= bounds.jobs
                || operations > bounds.operations
                || bytes > bounds.bytes;
            if !group.is_empty() && (is_full || !travels) {
                return;
            }
            let Some(Queued { work, size, stage, .. }) = self.waiting.pop_front() else { return };
            if !stage.take() {
                operations = operations.saturating_sub(size.operations);
                bytes = bytes.saturating_sub(size.bytes);
                continue;
            }
            group.push(Taken { work, size });
            if !travels {
                return;
            }
        }
    }

    /// Takes the next job, if there is one. Its place is taken as long as the writer holds it.
    pub fn take_next(&mut self) -> Option<(Taken<W>, Place)> {
        self.take_next_if(|_| true)
    }

    /// Takes the next job if it is wanted; another one stays the next.
    pub fn take_next_if(&mut self, is_wanted: impl Fn(&W) -> bool) -> Option<(Taken<W>, Place)> {
        self.receive_all();
        loop {
            let next = self
                .waiting
                .pop_front_if(|queued| is_wanted(&queued.work) || queued.stage.is_given_up());
            let Queued { work, size, stage, place } = next?;
            if stage.take() {
                return Some((Taken { work, size }, place));
            }
        }
    }

    /// Forgets jobs that were given up, so that their places are free.
    pub fn forget_given_up(&mut self) {
        self.waiting.retain(|queued| !queued.stage.is_given_up());
    }

    /// Takes no more jobs, and hands out all that were queued, to be refused.
    pub fn close(&mut self) -> Vec<W> {
        self.places.close();
        self.queue.close();
        self.receive_all();
        let taken = self.waiting.drain(..).filter(|queued| queued.stage.take());
        taken.map(|queued| queued.work).collect()
    }

    /// Whether no more jobs are taken: the writer ends after those that wait.
    #[must_use]
    pub fn is_closing(&self) -> bool {
        self.places.is_closed()
    }

    async fn receive(&mut self) -> bool {
        match self.queue.recv().await {
            Some(message) => {
                self.keep(message);
                true
            }
            None => false,
        }
    }

    fn receive_all(&mut self) {
        while let Ok(message) = self.queue.try_recv() {
            self.keep(message);
        }
    }

    fn keep(&mut self, message: Message<W>) {
        match message {
            Message::Job(queued) => self.waiting.push_back(queued),
            Message::Close => self.queue.close(),
        }
    }
}

impl<W> Drop for Jobs<W> {
    fn drop(&mut self) {
        // Those who wait for a place are told at once.
        self.places.close();
    }
}
