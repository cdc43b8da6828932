//! Carrying out jobs, one after the other: later ones see what earlier ones did.

use isobase_engine::{
    BatchProgress, Current, Effect, EngineError, ErrorKind, Idempotency, Rejection, WriteOperation,
    WriteOutcome, WriteReport, Written, decide, decode_outcomes, encode_outcomes, next_id,
};
use isobase_types::{ChangeKind, DocumentId, Kept, Revision};

use super::{
    Batch, WriteJob,
    beside::Beside,
    touched::{Answer, NewChange, Now, Stored, Touched},
};
use crate::limits::LIMITS;

impl<'j> Batch<'j> {
    /// Carries out one job.
    pub(crate) fn apply(
        &mut self,
        at: usize,
        job: WriteJob<'j>,
    ) -> Result<WriteReport, EngineError> {
        let idempotency = job.batch.idempotency.as_ref();
        if let Some(outcomes) = self.replay(idempotency)? {
            return Ok(WriteReport { outcomes, replayed: true });
        }
        let (clock, changes, holders) = (self.clock, self.changes.len(), self.holders.mark());
        let mut undo = Vec::new();
        let mut progress = BatchProgress::of(job.batch);
        let places = self.operations[at].clone();
        let mut outcomes: Vec<WriteOutcome> = Vec::with_capacity(places.len());
        for (operation, place) in job.batch.operations.iter().zip(places) {
            outcomes.push(self.carry_out(operation, place, &mut undo, &mut progress));
            if job.atomic && outcomes.last().is_some_and(Result::is_err) {
                break;
            }
        }
        if job.atomic && outcomes.last().is_some_and(Result::is_err) {
            for (touched, now) in undo.into_iter().rev() {
                let touched: &mut Touched<'j> = &mut self.touched[touched];
                touched.now = now;
            }
            self.clock = clock;
            self.changes.truncate(changes);
            self.holders.back_to(holders);
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(Rejection::BatchRejected);
            }
            // What comes after the first rejected one is not looked at.
            outcomes.resize(job.batch.operations.len(), Err(Rejection::BatchRejected));
        }
        if let Some(Idempotency { key, fingerprint }) = idempotency {
            let outcomes = encode_outcomes(&outcomes);
            let answer = Answer { fingerprint: fingerprint.to_vec(), outcomes, is_new: true };
            self.answers.insert(*key, answer);
        }
        Ok(WriteReport { outcomes, replayed: false })
    }

    fn replay(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Vec<WriteOutcome>>, EngineError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        let Some(answer) = self.answers.get(&idempotency.key) else { return Ok(None) };
        if answer.fingerprint != idempotency.fingerprint {
            return Err(EngineError::new(
                ErrorKind::IdempotencyMismatch,
                "the idempotency key was used before with another request",
            ));
        }
        decode_outcomes(&answer.outcomes).map(Some).ok_or_else(|| {
            let message = "the stored answer to an idempotency key cannot be read";
            EngineError::new(ErrorKind::Corrupted, message)
        })
    }

    fn carry_out(
        &mut self,
        operation: &'j WriteOperation,
        (collection, touched): (usize, Option<usize>),
        undo: &mut Vec<(usize, Now<'j>)>,
        progress: &mut BatchProgress,
    ) -> WriteOutcome {
        if let Some(place) = touched {
            self.remove_expired(collection, place, undo);
        }
        let current = touched.and_then(|place| self.touched[place].current());
        let revision = current.map(|stored| Revision::from_number(stored.revision.cast_unsigned()));
        let known = current.zip(revision.as_ref()).map(|(stored, revision)| Current {
            revision,
            created_at: stored.created_at,
            body: &stored.body,
        });
        let mut beside = Beside {
            collections: &self.collections,
            touched: &self.touched,
            by_id: &self.by_id,
            known_referrers: &self.known_referrers,
            wanted: &mut self.wanted_others,
        };
        let effect = decide(operation, known, &LIMITS, progress, &mut beside)?;
        let before = current.map(|stored| &*stored.body);
        let keep = self.collections[collection].keep.as_ref();
        let kept = keep.map_or_else(Kept::default, |keep| keep.kept(before, effect.body()));
        let created_at = current.map_or(self.now, |stored| stored.created_at);
        // A clock that was set back changes nothing before it was changed last.
        let updated_at = current.map_or(self.now, |stored| self.now.max(stored.updated_at));
        let id = match touched {
            Some(place) => self.touched[place].id.clone(),
            None => DocumentId::Integer(next_id(self.clock.next_id - 1)?),
        };
        let unique = self.collections[collection].unique();
        self.holders.write(unique, &id, before, effect.body())?;
        let place = touched.unwrap_or_else(|| self.touch(collection, id));
        if let Some(id) = self.touched[place].id.counted() {
            self.clock.next_id = self.clock.next_id.max(id + 1);
        }
        let stored = |revision, body| Stored { revision, created_at, updated_at, body };
        self.clock.sequence += 1;
        let revision = self.clock.sequence;
        let returned = effect.returned_body().map(str::to_owned);
        let (kind, now) = match effect {
            Effect::Insert { body, .. } => (ChangeKind::Created, Now::Is(stored(revision, body))),
            Effect::Replace { body, .. } => (ChangeKind::Updated, Now::Is(stored(revision, body))),
            Effect::Remove => (ChangeKind::Deleted, Now::Gone),
        };
        undo.push((place, std::mem::replace(&mut self.touched[place].now, now)));
        self.changes.push(NewChange { sequence: revision, touched: place, kind, kept });
        let id = self.touched[place].id.clone();
        let revision = Revision::from_number(revision.cast_unsigned());
        Ok(Written { id, kind, revision, created_at, updated_at, body: returned })
    }

    /// Deletes a document whose time is over, by a write of its own: whatever comes of the
    /// operation that names it, it meets none.
    fn remove_expired(
        &mut self,
        collection: usize,
        place: usize,
        undo: &mut Vec<(usize, Now<'j>)>,
    ) {
        let Some(cutoff) = self.collections[collection].cutoff else { return };
        let Some(expired) =
            self.touched[place].current().filter(|stored| cutoff.is_past(stored.updated_at))
        else {
            return;
        };
        let collection = &self.collections[collection];
        let kept = collection.keep.as_ref();
        let kept = kept.map_or_else(Kept::default, |keep| keep.kept(Some(&expired.body), None));
        let id = &self.touched[place].id;
        // Only values that are taken are refused.
        let _ = self.holders.write(collection.unique(), id, Some(&expired.body), None);
        self.clock.sequence += 1;
        undo.push((place, std::mem::replace(&mut self.touched[place].now, Now::Gone)));
        let (sequence, kind) = (self.clock.sequence, ChangeKind::Deleted);
        self.changes.push(NewChange { sequence, touched: place, kind, kept });
    }
}
