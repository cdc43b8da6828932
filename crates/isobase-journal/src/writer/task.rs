//! The writing task.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use futures_util::future::{BoxFuture, OptionFuture, join};
use isobase_engine::{EngineError, ErrorKind, Rejection, WriteReport, being_loaded};
use isobase_types::{CollectionName, DocumentId};
use isobase_writer::{Asked, Jobs, Taken};
use tokio::time::Instant;

use crate::{
    CatalogueEntry, Commit, CommitError, DocumentDatabase, DocumentKey, Head, NativeDocument,
    catalogue::{CATALOGUE_AGE_MAX, Catalogue, LOADS_SEEN_AFTER},
    error::{pauses, within},
    maintenance::Maintenance,
    shared::{Shared, Status},
    writer::{
        group::Group,
        job::{Active, Write},
        share::{End, Share},
        turns::Turns,
    },
};

/// Most documents read for a group, unless one batch needs more in one piece.
const READ_DOCUMENTS_MAX: usize = 128;

/// Documents read at first, where so many of the largest are too much.
const READ_DOCUMENTS_FIRST: usize = 8;

/// Bytes of documents after which no more are read for a group. Ours: as much as a batch may hold.
const READ_BYTES_MAX: usize = 64 << 20;

/// Most bytes of the documents that one batch in one piece changes.
const PIECE_BYTES_MAX: usize = 256 << 20;

/// How many times as many documents are read after a part of small ones.
const PART_GROWTH: usize = 4;

/// Most batches that are taken off the queue at a time.
const JOBS_MAX: usize = 256;

/// How often a group is tried when other programs change its documents: all of it, and then its
/// first batch. About two seconds.
const CHANGED_TOGETHER_MAX: u32 = 6;
const CHANGED_MAX: u32 = 14;

/// How often another process may be faster before we pause.
const LOST_MAX: u32 = 8;

/// Ids beyond the next ones that are looked at when other programs seem to have taken some;
/// doubles. When all of them are taken, the same number is looked at farther on; that distance
/// doubles too.
const IDS_AHEAD_FIRST: i64 = 64;
const IDS_AHEAD_MAX: i64 = 1 << 10;

pub(super) struct Task<B: DocumentDatabase> {
    pub(super) shared: Arc<Shared<B>>,
    jobs: Jobs<Work<B>>,
    /// Taken off the queue, not answered.
    pub(super) active: VecDeque<Active>,
    pub(super) turns: Turns,
    /// What the commit of the last group took; nothing where it had none.
    commit_took: Duration,
    /// The head as it was after our last commit, or when it was read. None when another process
    /// is known to have moved it.
    pub(super) head: Option<(Head, Instant)>,
    /// When nobody was loading the database.
    pub(super) free_at: Option<Instant>,
    maintenance: Maintenance,
}

/// What is asked of the task.
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

/// What to do next.
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

/// What an attempt looks at.
#[derive(Clone, Copy)]
struct Scope {
    /// At most this many batches.
    batches: usize,
    /// So many of the next integer ids may be taken by other programs.
    ids_ahead: i64,
    /// So many before them are passed over, because others seem to have taken those too.
    ids_passed: i64,
}

impl Scope {
    /// After others changed documents; `all_taken` says that all ids that were looked at are.
    fn look_further(&mut self, all_taken: bool) {
        if all_taken {
            self.ids_passed = (self.ids_passed * 2).max(self.ids_ahead);
        }
        self.ids_ahead = (self.ids_ahead * 2).clamp(IDS_AHEAD_FIRST, IDS_AHEAD_MAX);
    }
}

/// What is read for a group.
struct Wanted {
    keys: Vec<DocumentKey>,
    /// So many of the first keys are of a batch in one piece, which wants all of them.
    together: usize,
    /// The keys from here on are of ids that are not given yet.
    ids_from: usize,
    answers: Vec<[u8; 32]>,
    /// For so many batches.
    batches: usize,
}

/// An attempt failed, for the first so many batches.
struct Failure {
    error: EngineError,
    batches: usize,
}

/// How an attempt ended that must be repeated.
pub(super) enum Again {
    HeadMoved,
    DocumentChanged,
}

/// What [`Task::attempt`] did.
enum Attempted {
    Done,
    Again {
        again: Again,
        /// Other programs have taken all of the next ids that were looked at.
        ids_taken: bool,
    },
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
                    // does not: it would hold up whoever comes after this.
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

    async fn attempt(&mut self, scope: Scope, deadline: Instant) -> Result<Attempted, Failure> {
        let shared = Arc::clone(&self.shared);
        let Wanted { mut keys, together, ids_from, answers, batches } = self.wanted(scope);
        let failed = |error| Failure { error, batches };
        // Before everything else: what was written before this head is seen by the reads. A key
        // whose answer came with it must not be carried out again.
        let head = within(deadline, "the head", self.fresh_head()).await;
        let (head, at, catalogue) = head.map_err(failed)?;
        self.head = Some((head, at));
        if !keys.is_empty() || !answers.is_empty() {
            let settled = within(deadline, "the last commit", shared.database.settle(&head));
            settled.await.map_err(failed)?;
        }
        let reads = join(
            OptionFuture::from((!keys.is_empty()).then(|| self.read_known(&keys, together))),
            OptionFuture::from(
                (!answers.is_empty()).then(|| shared.database.read_answers(&answers)),
            ),
        );
        let reads = within(deadline, "reading before a write", async { Ok(reads.await) });
        let (documents, known) = reads.await.map_err(failed)?;
        let mut group = Group::new(&shared, &catalogue, head);
        let documents = documents.transpose().map_err(failed)?.unwrap_or_default();
        if documents.len() < together {
            let error = large_piece();
            return Err(Failure { error, batches: 1 });
        }
        let mut next_ids = documents.iter().skip(ids_from).peekable();
        let ids_taken = next_ids.peek().is_some() && next_ids.all(Option::is_some);
        group.pass_ids(scope.ids_passed);
        keys.truncate(documents.len());
        for (key, document) in keys.into_iter().zip(documents) {
            group.know(key, document);
        }
        for answer in known.transpose().map_err(failed)?.unwrap_or_default().into_iter().flatten() {
            group.know_answer(answer);
        }
        let decided = self.decide_knowing(&mut group, &catalogue, (&head, batches), deadline);
        let mut shares = decided.await.map_err(failed)?;
        let failed = |error| Failure { error, batches: shares.len() };
        if !group.is_empty() {
            for collection in group.unknown_collections() {
                let prepare = shared.database.prepare_collection(&collection);
                let prepared = within(deadline, "preparing a collection", prepare).await;
                let entry = CatalogueEntry::new(collection, !prepared.map_err(failed)?);
                group.set_entry(entry);
            }
            let commit = group.into_commit();
            let committed = self.commit(&commit, &catalogue, deadline).await.map_err(failed)?;
            if let Some(again) = committed {
                return Ok(Attempted::Again { again, ids_taken });
            }
            let refused = shared.database.take_refused(commit.next.commit);
            if !refused.is_empty() {
                self.refuse(&mut shares, &refused);
            }
        }
        self.hand_out(shares);
        Ok(Attempted::Done)
    }

    /// Decides the first batches. Which unique values and which other documents they touch is known
    /// only then: those are read, and everything is decided anew, until nothing is left to ask.
    async fn decide_knowing(
        &self,
        group: &mut Group<'_, B>,
        catalogue: &Catalogue,
        (head, batches): (&Head, usize),
        deadline: Instant,
    ) -> Result<Vec<Share>, EngineError> {
        let shared = &self.shared;
        loop {
            let shares = self.decide(group, batches);
            let (wanted, others) = (group.wanted_holders(), group.wanted_others());
            if wanted.is_empty() && others.is_empty() {
                return Ok(shares);
            }
            within(deadline, "the last commit", shared.database.settle(head)).await?;
            let holders = shared.holders(catalogue, &wanted);
            let holders = within(deadline, "reading unique values", holders).await?;
            group.know_holders(wanted, holders);
            group.restart();
            let operations = self.active.iter().take(batches);
            let operations: usize = operations.map(|active| active.batch.operations.len()).sum();
            let read = shared.read_others(catalogue, others, operations, group);
            within(deadline, "reading other documents", read).await?;
        }
    }

    /// Reads documents, the first ones when all of them are more than fit into memory. At least
    /// one is read, and those that are wanted together unless they are too large.
    async fn read_known(
        &self,
        keys: &[DocumentKey],
        together: usize,
    ) -> Result<Vec<Option<NativeDocument>>, EngineError> {
        let database = &self.shared.database;
        // Before anything is known of their sizes, all may be as large as documents can be.
        let largest = usize::try_from(database.limits().document_bytes.max).unwrap_or(usize::MAX);
        let mut part = (READ_BYTES_MAX / largest.max(1)).max(READ_DOCUMENTS_FIRST);
        let mut documents = Vec::with_capacity(keys.len());
        let mut bytes = 0;
        while documents.len() < keys.len() {
            let left = &keys[documents.len()..];
            let read = database.read(&left[..part.min(left.len())]).await?;
            bytes += read.iter().flatten().map(|document| document.body.len()).sum::<usize>();
            documents.extend(read);
            let bytes_max =
                if documents.len() < together { PIECE_BYTES_MAX } else { READ_BYTES_MAX };
            if bytes >= bytes_max {
                break;
            }
            // As many as fit if the others are like those, and not many more than before: they may
            // be larger.
            let fitting = (bytes_max - bytes) / (bytes / documents.len()).max(1);
            part = fitting.clamp(1, part.saturating_mul(PART_GROWTH));
        }
        Ok(documents)
    }

    /// The documents and answers to read for the next group.
    fn wanted(&self, scope: Scope) -> Wanted {
        let mut keys = Vec::new();
        let mut seen = HashSet::new();
        let mut answers = Vec::new();
        let mut created_in = HashSet::new();
        let (mut batches, mut together) = (0, 0);
        // Names that the database cannot have lead to no document.
        let database = &self.shared.database;
        let can_have =
            |collection: &CollectionName| database.refuses_collection(collection).is_none();
        for active in self.active.iter().take(scope.batches) {
            if batches == 1 && self.active.front().is_some_and(Active::in_one_piece) {
                together = keys.len();
            }
            batches += 1;
            if let Some(idempotency) = &active.batch.idempotency {
                answers.push(idempotency.key);
            }
            let begun = active.outcomes.len();
            for operation in &active.batch.operations[begun..] {
                if keys.len() >= READ_DOCUMENTS_MAX && !active.in_one_piece() {
                    break;
                }
                let collection = &operation.collection;
                if !can_have(collection) {
                    continue;
                }
                let Some(id) = operation.action.id() else {
                    created_in.insert(collection.clone());
                    continue;
                };
                let key = DocumentKey { collection: collection.clone(), id: id.clone() };
                if seen.insert(key.clone()) {
                    keys.push(key);
                }
            }
            if keys.len() >= READ_DOCUMENTS_MAX {
                break;
            }
        }
        if batches == 1 && self.active.front().is_some_and(Active::in_one_piece) {
            together = keys.len();
        }
        let ids_from = keys.len();
        if let (Some((head, _)), 1..) = (self.head, scope.ids_ahead) {
            let last_id = head.last_id.saturating_add(scope.ids_passed);
            for collection in created_in {
                for ahead in 1..=scope.ids_ahead {
                    let id = DocumentId::Integer(last_id.saturating_add(ahead));
                    let key = DocumentKey { collection: collection.clone(), id };
                    if seen.insert(key.clone()) {
                        keys.push(key);
                    }
                }
            }
        }
        Wanted { keys, together, ids_from, answers, batches }
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
    fn refuse(&self, shares: &mut [Share], refused: &[(DocumentKey, String)]) {
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
    fn hand_out(&mut self, shares: Vec<Share>) {
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
fn large_piece() -> EngineError {
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
