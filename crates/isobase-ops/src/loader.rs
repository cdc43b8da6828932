//! Writing documents, several parts at once, with a note of how far it has come.

use std::{
    collections::VecDeque,
    num::NonZeroU32,
    sync::Arc,
    time::{Duration, Instant},
};

use isobase_engine::{Engine, EngineError};
use isobase_types::{CollectionName, Document, DocumentId, Revision, Sequence};
use tokio::sync::Semaphore;
use tokio_util::{sync::CancellationToken, task::AbortOnDropHandle};

use crate::{
    Control, OpsError, Progress, Stage,
    again::{ATTEMPTS, again, pauses},
    existing::{Existing, check_empty},
    note::{LoadNote, Reached, random_name},
    pace::Pace,
};

/// How often the note is renewed: what is written again after a cut is at most this.
const NOTE_EVERY: Duration = Duration::from_secs(2);
const NOTE_EVERY_BYTES: u64 = 64 << 20;

/// Numbers from here on stand for revisions that are no numbers: `revision_number` of the contract
/// gives them to what other programs wrote.
const BEYOND_SEQUENCES: u64 = 1 << 62;

/// How often a load looks whether it was taken over, and how long one that takes over waits: until
/// the other must have looked.
const OWNER_EVERY: Duration = Duration::from_millis(500);
const TAKEN_OVER_AFTER: Duration = Duration::from_millis(1_500);

/// Writes parts into a target that is marked as unfinished.
pub(crate) struct Loader {
    to: Arc<dyn Engine>,
    control: Control,
    pub(crate) note: LoadNote,
    /// The last two texts of the note: one of them is the engine's, whatever became of the last.
    noted: [String; 2],
    /// Documents to write, as far as anybody knows; for progress.
    pub(crate) total: Option<u64>,
    /// Documents that were written by earlier runs.
    before: u64,
    /// Up to here everything is written, though perhaps not noted.
    reached: Reached,
    /// Up to here everything is under way or written.
    handed_over: Reached,
    under_way: VecDeque<UnderWay>,
    slots: Arc<Semaphore>,
    /// Cancelled when the work ends early: parts that wait, for their turn or for another attempt,
    /// are not written then. One that is being written cannot be called back.
    given_up: CancellationToken,
    parallel: usize,
    pace: Pace,
    noted_at: Instant,
    /// When the note in the target was ours.
    owned_at: Instant,
    bytes_since_note: u64,
    /// Documents handed over in this process.
    pub(crate) documents: u64,
    /// Bytes of their text.
    pub(crate) bytes: u64,
}

/// How fast.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Speed {
    pub(crate) parallel: usize,
    pub(crate) per_second: Option<NonZeroU32>,
}

struct UnderWay {
    /// Anyone who drops the work waits for nothing: what has not begun does not begin then.
    task: AbortOnDropHandle<Result<(), EngineError>>,
    documents: u64,
    reached: Reached,
}

impl Loader {
    /// Marks the target with the note. Where a load was begun before, its process may still be
    /// there: it ends when it finds the note of this one.
    pub(crate) async fn begin(
        to: &Arc<dyn Engine>,
        note: LoadNote,
        reached: Reached,
        speed: Speed,
        existing: Existing,
        control: &Control,
    ) -> Result<Self, OpsError> {
        let parallel = speed.parallel.max(1);
        let before = to.unfinished().await.map_err(OpsError::target_failed)?;
        // Since it was looked at, the load may have ended, or another one begun.
        if before.as_deref().and_then(LoadNote::parse).map(|it| it.begun_at) != note.found {
            return Err(OpsError::TakenOver);
        }
        let mut note = note;
        note.owner = random_name()?;
        let mut loader = Self {
            to: to.clone(),
            control: control.clone(),
            total: None,
            before: note.documents,
            note,
            noted: Default::default(),
            handed_over: reached.clone(),
            reached,
            under_way: VecDeque::new(),
            slots: Arc::new(Semaphore::new(parallel)),
            given_up: CancellationToken::new(),
            parallel,
            pace: Pace::new(speed.per_second),
            noted_at: Instant::now(),
            owned_at: Instant::now(),
            bytes_since_note: 0,
            documents: 0,
            bytes: 0,
        };
        let at_once = loader.write_note(before.as_deref()).await?;
        if before.is_some() || !at_once {
            tokio::time::sleep(TAKEN_OVER_AFTER).await;
        }
        if !loader.note.fenced {
            loader.fence(existing).await?;
        }
        Ok(loader)
    }

    /// Writes a part; everything up to `reached` has been handed over with it. Waits while enough
    /// is under way.
    pub(crate) async fn push(
        &mut self,
        collection: &CollectionName,
        documents: Vec<Document>,
        reached: Reached,
    ) -> Result<(), OpsError> {
        let mut rest = documents;
        while !rest.is_empty() {
            self.rest().await?;
            let part_max = self.pace.part_max().min(rest.len());
            let after = rest.split_off(part_max);
            let part = std::mem::replace(&mut rest, after);
            let delay = self.pace.delay(part.len());
            if !delay.is_zero() {
                tokio::select! {
                    () = tokio::time::sleep(delay) => {}
                    () = self.control.stopped() => return self.stop().await,
                }
            }
            let reached = match part.last() {
                Some(_) if rest.is_empty() => reached.clone(),
                Some(last) if matches!(reached, Reached::After(..)) => {
                    Reached::After(collection.clone(), last.id.clone())
                }
                // Only the whole part counts.
                _ => self.handed_over.clone(),
            };
            self.push_part(collection, part, reached).await?;
        }
        Ok(())
    }

    /// Rests while it is told to. Another one may take the target over meanwhile, which is noticed.
    async fn rest(&mut self) -> Result<(), OpsError> {
        while self.control.is_resting() {
            let control = self.control.clone();
            let _ = tokio::time::timeout(OWNER_EVERY, control.rest()).await;
            self.check_owner_now_and_then().await?;
        }
        Ok(())
    }

    async fn push_part(
        &mut self,
        collection: &CollectionName,
        mut part: Vec<Document>,
        reached: Reached,
    ) -> Result<(), OpsError> {
        self.handed_over = reached.clone();
        move_revisions(&mut part, self.note.base().sequence);
        self.note.revision_max = self.note.revision_max.max(revision_max(&part));
        let bytes: u64 = part.iter().map(|document| document.body.len() as u64).sum();
        let documents = part.len() as u64;
        self.documents += documents;
        self.bytes += bytes;
        self.bytes_since_note += bytes;
        self.control.progress(|| Progress {
            stage: Stage::Load,
            collection: Some(collection.clone()),
            documents: self.before + self.documents,
            documents_total: self.total,
            bytes: self.bytes,
        });
        let (to, collection) = (self.to.clone(), collection.clone());
        let (slots, given_up) = (self.slots.clone(), self.given_up.clone());
        let task = tokio::spawn(async move {
            let _slot = tokio::select! {
                biased;
                () = given_up.cancelled() => return Ok(()),
                // Never closed.
                slot = slots.acquire_owned() => slot,
            };
            load(&*to, &collection, part, &given_up).await
        });
        let task = AbortOnDropHandle::new(task);
        self.under_way.push_back(UnderWay { task, documents, reached });
        // A part more than are written at once waits, so that no writer does.
        while self.under_way.len() > self.parallel {
            self.await_first().await?;
        }
        while self.under_way.front().is_some_and(|first| first.task.is_finished()) {
            self.await_first().await?;
        }
        if self.noted_at.elapsed() >= NOTE_EVERY || self.bytes_since_note >= NOTE_EVERY_BYTES {
            self.mark().await?;
        }
        self.check_owner_now_and_then().await?;
        if self.control.is_stopped() {
            return self.stop().await;
        }
        Ok(())
    }

    async fn await_first(&mut self) -> Result<(), OpsError> {
        let Some(first) = self.under_way.pop_front() else { return Ok(()) };
        let loaded = first.task.await.map_err(|error| OpsError::Task(error.to_string()))?;
        loaded.map_err(OpsError::target_failed)?;
        self.note.documents += first.documents;
        self.reached = first.reached;
        Ok(())
    }

    /// The end of a stage that writes. After an error nothing is under way any more: no one writes
    /// into the target once the caller has been told.
    pub(crate) async fn settled<T>(&mut self, done: Result<T, OpsError>) -> Result<T, OpsError> {
        if done.is_err() {
            self.given_up.cancel();
            for part in std::mem::take(&mut self.under_way) {
                // The first error is told; that of another part changes nothing.
                let _ = part.task.await;
            }
        }
        done
    }

    /// Waits for everything that is under way, and notes it.
    pub(crate) async fn drain(&mut self) -> Result<(), OpsError> {
        while !self.under_way.is_empty() {
            self.await_first().await?;
        }
        self.mark().await
    }

    /// Everything that was there when the reading began is written.
    pub(crate) async fn reach_end(&mut self) -> Result<(), OpsError> {
        self.drain().await?;
        self.reached = Reached::End;
        self.mark().await
    }

    /// What the source wrote up to here is written too.
    pub(crate) async fn replayed(&mut self, since: Sequence) -> Result<(), OpsError> {
        if self.note.since == since.0 {
            return Ok(());
        }
        self.note.since = since.0;
        if self.noted_at.elapsed() >= NOTE_EVERY { self.mark().await } else { Ok(()) }
    }

    /// Notes what is reached, so that the same work can be resumed there.
    pub(crate) async fn stop(&mut self) -> Result<(), OpsError> {
        self.drain().await?;
        Err(OpsError::Stopped { documents: self.note.documents })
    }

    /// An error of a later stage: to be stopped there takes nothing back of what is written.
    pub(crate) fn stopped_later(&self, error: OpsError) -> OpsError {
        match error {
            OpsError::Stopped { .. } => OpsError::Stopped { documents: self.note.documents },
            error => error,
        }
    }

    /// No one else writes any more, and nothing is loaded yet: what was written until now is
    /// theirs.
    async fn fence(&mut self, existing: Existing) -> Result<(), OpsError> {
        let latest = self.to.latest().await.map_err(OpsError::target_failed)?;
        if latest > self.note.base().sequence {
            // Anyone who wants an empty target was told of an empty one.
            check_empty(&self.to, existing).await?;
            self.note.begins_after(latest);
        }
        self.note.fenced = true;
        self.mark().await
    }

    /// Notes how far it is, unless it was taken over.
    pub(crate) async fn mark(&mut self) -> Result<(), OpsError> {
        self.write_note(None).await.map(drop)
    }

    /// Ends the work when another process has begun the same load meanwhile, or has ended it:
    /// what is written now may be newer than what would be written here.
    pub(crate) async fn check_owner(&mut self) -> Result<(), OpsError> {
        let found = self.to.unfinished().await.map_err(OpsError::target_failed)?;
        let owner = found.as_deref().and_then(LoadNote::parse).map(|note| note.owner);
        if owner.as_ref() != Some(&self.note.owner) {
            return Err(OpsError::TakenOver);
        }
        self.owned_at = Instant::now();
        Ok(())
    }

    pub(crate) async fn check_owner_now_and_then(&mut self) -> Result<(), OpsError> {
        if self.owned_at.elapsed() < OWNER_EVERY {
            return Ok(());
        }
        match self.check_owner().await {
            // Writing fails too then, and is tried again for longer.
            Err(OpsError::Engine { source, .. }) if source.is_temporary() => Ok(()),
            checked => checked,
        }
    }

    /// Writes the note where its last one stands, or the one that was found. Says whether that
    /// went well at once: after a failure another process may have come between.
    async fn write_note(&mut self, found: Option<&str>) -> Result<bool, OpsError> {
        self.note.set_reached(&self.reached);
        let text = self.note.to_text();
        self.noted = [std::mem::take(&mut self.noted[1]), text.clone()];
        let is_first = self.noted[0].is_empty();
        let (mut attempts, mut pauses) = (1, pauses());
        loop {
            let tried = self.try_note(&text, is_first.then_some(found)).await;
            match tried {
                Err(OpsError::Engine { source, .. })
                    if source.is_temporary() && attempts < ATTEMPTS =>
                {
                    tracing::warn!(error = %source, "the target is marked again: {source}");
                    pauses.wait().await;
                    attempts += 1;
                }
                Err(error) => return Err(error),
                Ok(()) => break,
            }
        }
        self.noted_at = Instant::now();
        self.bytes_since_note = 0;
        Ok(attempts == 1)
    }

    /// `found` is what stood there before the first note of this run, and may still.
    async fn try_note(&mut self, text: &str, found: Option<Option<&str>>) -> Result<(), OpsError> {
        let to = self.to.clone();
        let is_as_found = match found {
            Some(found) => {
                let now = to.unfinished().await.map_err(OpsError::target_failed)?;
                now.as_deref() == found
            }
            None => false,
        };
        if !is_as_found {
            self.check_owner().await?;
        }
        to.mark(text).await.map_err(OpsError::target_failed)
    }
}

/// A load that ended well is finished by now; any other is left as it is.
impl Drop for Loader {
    fn drop(&mut self) {
        self.noted.iter().for_each(|note| self.to.leave(note));
    }
}

/// The largest revision of some documents, as far as revisions are numbers of writes; 0 when none
/// is.
pub(crate) fn revision_max(documents: &[Document]) -> u64 {
    let numbers = documents.iter().filter_map(|document| document.revision.number());
    numbers.filter(|number| *number < BEYOND_SEQUENCES).max().unwrap_or(0)
}

/// Puts revisions after those that the target gave out before, so that none is repeated.
pub(crate) fn move_revisions(documents: &mut [Document], base: Sequence) {
    if base.0 == 0 {
        return;
    }
    for document in documents {
        document.revision = moved(&document.revision, base);
    }
}

/// The revision in the target of a document that has this one in the source.
pub(crate) fn moved(revision: &Revision, base: Sequence) -> Revision {
    match revision.number() {
        Some(number) => Revision::from_number(number.saturating_add(base.0)),
        None => revision.clone(),
    }
}

/// Writes documents.
pub(crate) async fn load(
    to: &dyn Engine,
    collection: &CollectionName,
    documents: Vec<Document>,
    given_up: &CancellationToken,
) -> Result<(), EngineError> {
    let what = format!("writing a part of {collection}");
    again(&what, given_up, || to.load(collection, documents.clone())).await
}

/// Deletes documents, as [`load`] writes them.
pub(crate) async fn unload(
    to: &dyn Engine,
    collection: &CollectionName,
    ids: &[DocumentId],
) -> Result<(), EngineError> {
    let what = format!("deleting in {collection}");
    again(&what, &CancellationToken::new(), || to.unload(collection, ids)).await
}
