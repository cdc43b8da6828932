//! Writing batches.

use isobase_engine::{
    BatchProgress, Current, Cutoff, Effect, Indexed, Rejection, WriteBatch, WriteOperation,
    WriteOutcome, WriteReport, Written, decide, next_id, not_unique,
};
use isobase_sqlite::{
    WriteJob,
    rusqlite::{self, Connection},
};
use isobase_types::{ChangeKind, Document, DocumentId, Kept, Revision, Timestamp};
use isobase_writer::Job;

use crate::{
    answers::{remember, replay},
    error::Outcome,
    fetch,
    handler::Handler,
    indexes::{self, move_entry},
    limits::LIMITS,
    location::Location,
    others::Beside,
    statements::{Entry, delete, insert, insert_change, update},
};

/// About what a job keeps of a document in memory besides its body.
pub(crate) const DOCUMENT_OVERHEAD: usize = 128;

/// Writes a batch.
pub(crate) struct Write {
    pub(crate) batch: WriteBatch,
    /// All of it or nothing.
    pub(crate) atomic: bool,
}

impl Job for Write {
    type Reply = WriteReport;
}

impl WriteJob<Handler> for Write {
    fn bytes(&self) -> usize {
        let bytes = |it: &WriteOperation| it.action.bytes() + DOCUMENT_OVERHEAD;
        self.batch.operations.iter().map(bytes).sum()
    }

    /// One operation is rejected before its first change; so is each of a batch, and a batch
    /// that takes itself back has a savepoint of its own.
    fn needs_savepoint(&self) -> bool {
        false
    }

    fn run(&self, handler: &mut Handler, connection: &Connection) -> Outcome<WriteReport> {
        handler.refuse_while_loaded()?;
        handler.write(connection, &self.batch, self.atomic)
    }
}

impl Handler {
    fn write(
        &mut self,
        connection: &Connection,
        batch: &WriteBatch,
        atomic: bool,
    ) -> Outcome<WriteReport> {
        let oldest_key = self.time.oldest(self.retained.retention.idempotency);
        if let Some(outcomes) = replay(connection, batch.idempotency.as_ref(), oldest_key)? {
            return Ok(WriteReport { outcomes, replayed: true });
        }
        // One operation that is rejected has written nothing, except that it may have met, and
        // deleted, a document that had expired.
        let may_write = |it: &WriteOperation| self.terms.of(&it.collection).expires.is_some();
        let is_whole = batch.operations.len() > 1 || batch.operations.iter().any(may_write);
        let outcomes = if atomic && is_whole {
            self.apply_all_or_none(connection, batch)?
        } else {
            self.apply_each(connection, batch)?
        };
        if let Some(idempotency) = &batch.idempotency {
            remember(connection, idempotency, &outcomes, self.now)?;
        }
        Ok(WriteReport { outcomes, replayed: false })
    }

    fn apply_each(
        &mut self,
        connection: &Connection,
        batch: &WriteBatch,
    ) -> Outcome<Vec<WriteOutcome>> {
        let mut progress = BatchProgress::of(batch);
        batch
            .operations
            .iter()
            .map(|operation| self.apply(connection, operation, &mut progress))
            .collect()
    }

    fn apply_all_or_none(
        &mut self,
        connection: &Connection,
        batch: &WriteBatch,
    ) -> Outcome<Vec<WriteOutcome>> {
        let mark = self.working.mark();
        connection.prepare_cached("SAVEPOINT whole_batch")?.execute([])?;
        let mut progress = BatchProgress::of(batch);
        let mut outcomes = Vec::with_capacity(batch.operations.len());
        for operation in &batch.operations {
            outcomes.push(self.apply(connection, operation, &mut progress)?);
            if outcomes.last().is_some_and(Result::is_err) {
                break;
            }
        }
        if outcomes.last().is_some_and(Result::is_err) {
            connection.prepare_cached("ROLLBACK TO whole_batch")?.execute([])?;
            self.working.undo_to(mark);
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(Rejection::BatchRejected);
            }
            // What comes after the first rejected one is not looked at.
            outcomes.resize(batch.operations.len(), Err(Rejection::BatchRejected));
        }
        connection.prepare_cached("RELEASE whole_batch")?.execute([])?;
        Ok(outcomes)
    }

    /// The document that a write meets. One that has expired is deleted here: whatever the write
    /// comes to, it meets none.
    fn current(
        &mut self,
        connection: &Connection,
        at: usize,
        id: &DocumentId,
        cutoff: Option<Cutoff>,
    ) -> rusqlite::Result<Option<Document>> {
        let found = fetch::document(connection, self.working.collection(at).id, id)?;
        match found {
            Some(found) if Cutoff::has_passed(cutoff, found.updated_at) => {
                self.working.sequence += 1;
                self.store(connection, at, id, Some(&found), &Effect::Remove)?;
                Ok(None)
            }
            found => Ok(found),
        }
    }

    /// Carries out one operation. A rejection comes before the first change to anything that is
    /// there for anybody.
    fn apply(
        &mut self,
        connection: &Connection,
        operation: &WriteOperation,
        progress: &mut BatchProgress,
    ) -> Outcome<WriteOutcome> {
        let WriteOperation { collection, action, .. } = operation;
        let at = self.working.find(collection);
        let cutoff = self.terms.cutoff(collection, || self.now);
        let before = match (at, action.id()) {
            (Some(at), Some(id)) => self.current(connection, at, id, cutoff)?,
            _ => None,
        };
        let current = before.as_ref().map(|document| Current {
            revision: &document.revision,
            created_at: document.created_at,
            body: &document.body,
        });
        let mut beside = Beside {
            connection,
            working: &self.working,
            terms: &self.terms,
            now: self.now,
            failed: None,
        };
        let decided = decide(operation, current, &LIMITS, progress, &mut beside);
        if let Some(error) = beside.failed {
            return Err(error.into());
        }
        let effect = match decided {
            Ok(effect) => effect,
            Err(rejection) => return Ok(Err(rejection)),
        };
        let counted = || next_id(self.working.last_id).map(DocumentId::Integer);
        let id = match action.id().cloned().map_or_else(counted, Ok) {
            Ok(id) => id,
            Err(rejection) => return Ok(Err(rejection)),
        };
        if let (Some(at), Some(body)) = (at, effect.body())
            && let Some(rejection) = self.refuse_taken(connection, at, (body, &id), cutoff)?
        {
            return Ok(Err(rejection));
        }
        let at = match at {
            Some(at) => at,
            None => self.add_collection(connection, collection)?,
        };
        self.working.sequence += 1;
        self.working.last_id = self.working.last_id.max(id.counted().unwrap_or_default());
        let stored = self.store(connection, at, &id, before.as_ref(), &effect)?;
        let created_at = before.as_ref().map_or(self.now, |document| document.created_at);
        let updated_at = self.updated_at(before.as_ref());
        let revision = Revision::from_number(self.working.sequence);
        let body = match effect {
            Effect::Insert { body, return_body: true }
            | Effect::Replace { body, return_body: true } => Some(body.into_owned()),
            _ => None,
        };
        Ok(Ok(Written { id, kind: stored, revision, created_at, updated_at, body }))
    }

    /// The rejection of a document that has a unique value of another one.
    fn refuse_taken(
        &self,
        connection: &Connection,
        at: usize,
        document: (&str, &DocumentId),
        cutoff: Option<Cutoff>,
    ) -> rusqlite::Result<Option<Rejection>> {
        let collection = self.working.collection(at);
        for index in &collection.indexes {
            let is_taken = match cutoff {
                None => indexes::is_taken(connection, index, document.0, document.1),
                Some(cutoff) => {
                    let of = collection.id;
                    indexes::is_taken_by_living(connection, of, index, document, cutoff)
                }
            };
            if is_taken? {
                return Ok(Some(not_unique(&index.definition)));
            }
        }
        Ok(None)
    }

    /// When a document is changed now: a clock that was set back changes nothing before it was
    /// changed last.
    fn updated_at(&self, before: Option<&Document>) -> Timestamp {
        before.map_or(self.now, |document| self.now.max(document.updated_at))
    }

    /// Writes the document, its entries in indexes and its change.
    fn store(
        &mut self,
        connection: &Connection,
        at: usize,
        id: &DocumentId,
        before: Option<&Document>,
        effect: &Effect<'_>,
    ) -> rusqlite::Result<ChangeKind> {
        let collection = self.working.collection(at);
        let location = Location::of(collection.id, id);
        let (sequence, now) = (self.working.sequence, self.now.unix_us);
        let updated_at = self.updated_at(before);
        let kind = match effect {
            Effect::Insert { body, .. } => {
                insert(connection, &location, sequence, now, body)?;
                ChangeKind::Created
            }
            Effect::Replace { body, .. } => {
                update(connection, &location, sequence, updated_at.unix_us, body)?;
                ChangeKind::Updated
            }
            Effect::Remove => {
                delete(connection, &location)?;
                ChangeKind::Deleted
            }
        };
        let after = match effect {
            Effect::Insert { body, .. } | Effect::Replace { body, .. } => Some(&**body),
            Effect::Remove => None,
        };
        let created_at = match effect {
            Effect::Replace { .. } => before.map_or(self.now, |before| before.created_at),
            Effect::Insert { .. } | Effect::Remove => self.now,
        };
        let indexed = |body| Indexed { body, id, created_at, updated_at };
        let (old, new) = (before.map(Indexed::from), after.map(indexed));
        for index in &collection.indexes {
            move_entry(connection, index, old, new)?;
        }
        let before = before.map(|document| &*document.body);
        let keep = self.keeping.of(&collection.name);
        let kept = keep.map_or_else(Kept::default, |keep| keep.kept(before, after));
        if self.terms.of(&collection.name).changes {
            let entry = Entry { sequence, collection: collection.id, id: Some(id), kind, at: now };
            insert_change(connection, &entry, &kept)?;
            self.changed.insert(at);
        }
        let documents = collection.documents;
        match kind {
            ChangeKind::Created => self.working.set_documents(at, documents + 1),
            ChangeKind::Deleted => self.working.set_documents(at, documents - 1),
            ChangeKind::Updated | ChangeKind::CollectionDeleted => {}
        }
        Ok(kind)
    }
}
