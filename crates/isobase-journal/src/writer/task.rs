//! The writing task.

use std::{collections::VecDeque, sync::Arc, sync::atomic::Ordering, time::Duration};

use futures_util::future::{BoxFuture, OptionFuture, join};
use isobase_engine::{EngineError, ErrorKind, Rejection, WriteReport, being_loaded};
use isobase_writer::{Asked, Jobs, Taken};
use tokio::time::Instant;

use super::attempted::{Again, Attempted, Failure, Scope};
use crate::{
    Commit, CommitError, DocumentDatabase, DocumentKey, Head,
    catalogue::{CATALOGUE_AGE_MAX, Catalogue, LOADS_SEEN_AFTER},
    error::{pauses, within},
    maintenance::Maintenance,
    shared::{Shared, Status},
    writer::job::{Active, Write},
    writer::share::{End, Share},
    writer::turns::Turns,
};

/// Most bytes of the documents that one batch in one piece changes.
pub(super) const PIECE_BYTES_MAX: usize = 256 << 20;

/// Most batches that are taken off the queue at a time.
const JOBS_MAX: usize = 256;

/// How often a group is tried when other programs change its documents: all of it, and then its
/// first batch. About two seconds.
const CHANGED_TOGETHER_MAX: u32 = 6;
const CHANGED_MAX: u32 = 14;

/// How often another process may be faster before we pause.
const LOST_MAX: u32 = 8;

pub(super) struct Task<B: DocumentDatabase> {
    pub(super) shared: Arc<Shared<B>>,
    jobs: Jobs<Work<B>>,
    /// Taken off the queue, not answered.
    pub(super) active: VecDeque<Active>,
    pub(super) turns: Turns,
    /// What the commit of the last group took; nothing where it had none.
    commit_took: Duration,
    /// The head as it was after our last commit, or when it was read. `None` when another process
    /// is known to have moved it.
    pub(super) head: Option<(Head, Instant)>,
    /// When no one was loading the database.
    pub(super) free_at: Option<Instant>,
    maintenance: Maintenance,
}

/// A request to the task.
pub(super) enum Work<B: DocumentDatabase> {
    Write(Asked<Write, EngineError>),
    /// What is no batch, with the way back to its caller.
    Other(Box<dyn AnyWork<B>>),
}

/// Work whose type only it knows itself.
pub(super) trait AnyWork<B: DocumentDatabase>: Send + Sync {
    /// Carries it out and answers it.
    fn run<'t>(self: Box<Self>, task: &'t mut Task<B>) -> BoxFuture<'t, ()>;
}

/// The next step.
enum Next<B: DocumentDatabase> {
    Writes,
    Other(Box<dyn AnyWork<B>>),
    End,
}

/// Whether writes that are queued later may join a group that is tried again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Intake {
    Open,
    /// Something else is asked for, which has its turn next.
    Closed,
}

impl<B: DocumentDatabase> Task<B> {
    pub(super) fn new(shared: Arc<Shared<B>>, jobs: Jobs<Work<B>>, head: Head) -> Self {
        let mut turns = Turns::new(shared.author);
        turns.saw(&head);
        Self {
            shared,
            jobs,
            active: VecDeque::new(),
            turns,
            commit_took: Duration::ZERO,
            head: Some((head, Instant::now())),
            free_at: None,
            maintenance: Maintenance::default(),
        }
    }

    pub(super) async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Writes => Box::pin(self.write(Intake::Open)).await,
                Next::Other(work) => work.run(&mut self).await,
                Next::End => return,
            }
            self.maintenance.look_after(&self.shared);
        }
    }

    /// Takes what is queued; waits when there is nothing to do.
    async fn next(&mut self) -> Next<B> {
        loop {
            if self.active.is_empty() && !self.jobs.wait().await {
                return Next::End;
            }
            self.jobs.gather(self.active.len()).await;
            while self.active.len() < JOBS_MAX {
                let Some((Taken { work, .. }, place)) = self.jobs.take_next() else { break };
                match work {
                    Work::Write(asked) => self.active.push_back(Active::new(asked, place)),
                    // What was asked for before has its turn before. The rest of a large batch
                    // does not: it would hold up the next one.
                    Work::Other(work) => {
                        while self.active.iter().any(Active::waits_for_its_turn) {
                            Box::pin(self.write(Intake::Closed)).await;
                        }
                        return Next::Other(work);
                    }
                }
            }
            if !self.active.is_empty() {
                return Next::Writes;
            }
        }
    }

    /// Takes writes in that were queued since the last attempt: the next one carries them too.
    fn take_in(&mut self) {
        while self.active.len() < JOBS_MAX {
            // Something else has its turn next, before what was queued behind it.
            let taken = self.jobs.take_next_if(|work| matches!(work, Work::Write(_)));
            let Some((Taken { work: Work::Write(asked), .. }, place)) = taken else { return };
            self.active.push_back(Active::new(asked, place));
        }
    }

    /// Writes one group and answers what is done then.
    async fn write(&mut self, intake: Intake) {
        let deadline = self.shared.deadline();
        self.commit_took = Duration::ZERO;
        // Those that come in later have a deadline of their own.
        let begun = self.active.len();
        let mut pauses = pauses();
        let mut scope = Scope { batches: usize::MAX, ids_ahead: 0, ids_passed: 0 };
        let (mut changed, mut lost) = (0, 0);
        loop {
            if let Err(error) = within(deadline, "the head", self.wait_for_turn()).await {
                return self.fail(begun, &error);
            }
            if intake == Intake::Open {
                self.take_in();
            }
            match self.attempt(scope, deadline).await {
                Ok(Attempted::Done) => return,
                Ok(Attempted::Again { again: Again::DocumentChanged, ids_taken }) => {
                    changed += 1;
                    scope.look_further(ids_taken);
                    // One document that cannot be written must not hold up the others for long.
                    match changed {
                        ..CHANGED_TOGETHER_MAX => {}
                        CHANGED_TOGETHER_MAX..CHANGED_MAX => scope.batches = 1,
                        _ => return self.fail(1, &too_busy(&Again::DocumentChanged)),
                    }
                    pauses.wait().await;
                }
                Ok(Attempted::Again { again, .. }) if Instant::now() >= deadline => {
                    return self.fail(begun, &too_busy(&again));
                }
                Ok(Attempted::Again { again: Again::HeadMoved, .. }) => {
                    lost += 1;
                    if lost > LOST_MAX {
                        pauses.wait().await;
                    }
                }
                // One of them may be what cannot be done; the others need not suffer.
                Err(Failure { error, batches: 2.. })
                    if !error.is_temporary() && Instant::now() < deadline =>
                {
                    self.head = None;
                    scope.batches = 1;
                }
                Err(Failure { error, batches }) => return self.fail(batches, &error),
            }
        }
    }

    /// Answers the first batches that they failed.
    fn fail(&mut self, count: usize, error: &EngineError) {
        Status::count(&self.shared.status.groups_failed);
        tracing::warn!(%error, batches = count, "a group of writes failed: {error}");
        // Whatever happened, the next group asks how things are.
        self.head = None;
        for active in self.active.drain(..count) {
            active.fail(error);
        }
    }

    /// The head and its catalogue, young enough to answer refusals with.
    pub(super) async fn fresh_head(
        &mut self,
    ) -> Result<(Head, Instant, Arc<Catalogue>), EngineError> {
        let now = Instant::now();
        let is_young = |at: &Instant| at.elapsed() < CATALOGUE_AGE_MAX;
        let known = self.head.filter(|(_, at)| is_young(at));
        let is_free = self.free_at.as_ref().is_some_and(is_young) || self.shared.loading.is_here();
        let database = &self.shared.database;
        let head = OptionFuture::from(known.is_none().then(|| database.head()));
        let note = OptionFuture::from((!is_free).then(|| database.unfinished()));
        let (head, note) = join(head, note).await;
        if let Some(note) = note.transpose()? {
            if let Some(note) = note {
                return Err(being_loaded(Some(&note)));
            }
            self.free_at = Some(now);
        }
        let (head, at) = match (known, head.transpose()?) {
            (Some(known), _) => known,
            (None, Some(head)) => (head, now),
            (None, None) => (database.head().await?, now),
        };
        // A head that was long on its way may be one after the beginning of a load.
        let is_heard = |at: &Instant| at.elapsed() < LOADS_SEEN_AFTER;
        if !self.shared.loading.is_here() && !self.free_at.as_ref().is_some_and(is_heard) {
            let asked = Instant::now();
            if let Some(note) = database.unfinished().await? {
                return Err(being_loaded(Some(&note)));
            }
            self.free_at = Some(asked);
        }
        let catalogue = self.shared.catalogue.get();
        if catalogue.number == head.catalogue {
            return Ok((head, at, catalogue));
        }
        database.settle(&head).await?;
        // A newer one belongs to a newer head, for which no commit of this one succeeds.
        Ok((head, at, self.shared.catalogue_of(&head, at).await?))
    }

    /// Commits, and remembers what is true then.
    pub(super) async fn commit(
        &mut self,
        commit: &Commit,
        catalogue: &Catalogue,
        deadline: Instant,
    ) -> Result<Option<Again>, EngineError> {
        let asked = Instant::now();
        let status = &self.shared.status;
        match self.shared.commit(commit, deadline).await? {
            Ok(()) => {}
            Err(CommitError::HeadMoved) => {
                Status::count(&status.heads_moved);
                self.head = None;
                return Ok(Some(Again::HeadMoved));
            }
            Err(CommitError::DocumentChanged) => {
                Status::count(&status.documents_changed);
                return Ok(Some(Again::DocumentChanged));
            }
        }
        if let (Some(first), Some(last)) = (commit.changes.first(), commit.changes.last()) {
            let collections = commit.told().map(|change| &change.collection);
            self.shared.waiting.committed(first.sequence, last.sequence, collections);
        }
        self.turns.committed(&commit.next, asked.elapsed());
        self.commit_took = asked.elapsed();
        Status::count(&status.commits);
        status.documents.fetch_add(commit.documents.len() as u64, Ordering::Relaxed);
        self.head = Some((commit.next, asked));
        status.floor.store(commit.next.floor.0, Ordering::Relaxed);
        if commit.catalogue.is_empty() {
            self.shared.catalogue.confirm(commit.next.catalogue, asked);
        } else {
            let changed = catalogue.with(&commit.next, &commit.catalogue);
            self.shared.catalogue.store(Arc::new(changed), asked);
        }
        Ok(None)
    }

    /// Tells whose documents the database refused after their commit. An atomic batch is neither
    /// done nor undone then, and says so.
    pub(super) fn refuse(&self, shares: &mut [Share], refused: &[(DocumentKey, String)]) {
        for (active, share) in self.active.iter().zip(shares) {
            let done = share.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            let operations = active.batch.operations.iter().skip(active.outcomes.len());
            for (operation, outcome) in operations.zip(&mut share.outcomes) {
                let Ok(written) = &*outcome else { continue };
                let reason = refused.iter().find(|(key, _)| {
                    key.collection == operation.collection && key.id == written.id
                });
                if let Some((_, reason)) = reason {
                    let reason = format!("the database refused it: {reason}");
                    if active.atomic && done > 1 {
                        let message = format!(
                            "the batch was recorded, and of the document {} of {} {reason}; the \
                             others are written",
                            written.id, operation.collection
                        );
                        let error = EngineError::new(ErrorKind::OutcomeUnknown, message);
                        share.end = Some(End::Failed(error));
                        break;
                    }
                    *outcome = Err(Rejection::Unholdable { path: String::new(), reason });
                }
            }
        }
    }

    /// Answers the batches that are whole, and notes how far the last one is.
    pub(super) fn hand_out(&mut self, shares: Vec<Share>) {
        self.jobs.answered(shares.len(), self.commit_took);
        for share in shares {
            let Some(mut active) = self.active.pop_front() else { return };
            let written = share.outcomes.iter().any(Result::is_ok);
            active.outcomes.extend(share.outcomes);
            active.progress = share.progress;
            match share.end {
                // It is the last of the group; others have their turn before the rest of it.
                None => {
                    active.is_begun |= written;
                    self.active.push_back(active);
                    return;
                }
                Some(End::Done) => {
                    let outcomes = std::mem::take(&mut active.outcomes);
                    active.answer(Ok(WriteReport { outcomes, replayed: false }));
                }
                Some(End::Replayed(outcomes)) => {
                    active.answer(Ok(WriteReport { outcomes, replayed: true }));
                }
                Some(End::Failed(error)) => active.answer(Err(error)),
            }
        }
    }
}

/// A batch in one piece changes documents that do not fit into memory together.
pub(super) fn large_piece() -> EngineError {
    let message = format!(
        "the documents that the batch changes in one piece have more than {PIECE_BYTES_MAX} bytes; \
         divide it"
    );
    EngineError::new(ErrorKind::LimitExceeded, message)
}

/// Others were faster until the deadline.
pub(super) fn too_busy(again: &Again) -> EngineError {
    let reason = match again {
        Again::HeadMoved => "other processes committed again and again",
        Again::DocumentChanged => "other programs changed the documents again and again",
    };
    let message = format!("the write was not carried out: {reason}; try again");
    EngineError::new(ErrorKind::Unavailable, message)
}
