//! What the writer does.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use arc_swap::ArcSwap;
use isobase_engine::{
    AllTerms, BatchProgress, Counters, Current, Cutoff, Effect, EngineError, Idempotency, Identity,
    IndexDefinition, Indexed, KEPT_BYTES_MAX, Keeping, Loading, Rejection, SteadyTime, Waiting,
    WriteBatch, WriteOperation, WriteOutcome, WriteReport, Written, decide, decode_outcomes,
    encode_outcomes, next_id, not_unique,
};
use isobase_sqlite::{
    JobFailure, WriteHandler,
    rusqlite::{self, Connection, OptionalExtension, params},
};
use isobase_types::{
    ChangeKind, CollectionName, Document, DocumentId, Kept, Revision, Sequence, Timestamp,
};

use crate::{
    catalogue::{Catalogue, Index},
    indexes::{self, Fill, Filled},
    journal::{Mark, Working},
    limits::LIMITS,
    load,
    location::{COLLECTION_ID_MAX, IdColumn, Location, record_key},
    others::Beside,
    read,
};

/// Rows that retention removes with one commit: more than a batch can add.
const TRIM_ROWS: u64 = 4_096;

/// How often rows whose time is over are looked for when there were none.
const LOOK_EVERY: Duration = Duration::from_secs(10);

/// About what a job keeps of a document in memory besides its body.
const DOCUMENT_OVERHEAD: usize = 128;

/// What the writer is asked for.
pub(crate) enum Job {
    Write {
        batch: WriteBatch,
        atomic: bool,
    },
    DeleteCollection(CollectionName),
    DeclareIndex {
        collection: CollectionName,
        definition: IndexDefinition,
    },
    FillIndex(Fill),
    DropIndex {
        collection: CollectionName,
        definition: IndexDefinition,
    },
    /// Marks the file as unfinished, with a note.
    MarkLoad(String),
    /// Documents in the order of their ids, each once.
    Load {
        collection: CollectionName,
        documents: Vec<Document>,
    },
    Unload {
        collection: CollectionName,
        ids: Vec<DocumentId>,
    },
    FinishLoad(Counters),
}

/// What the writer answers.
pub(crate) enum Reply {
    Written(WriteReport),
    Deleted(u64),
    /// The index, and where to begin filling it; none when it is ready.
    Declared(Option<Fill>),
    /// Where to go on filling; none when the index is ready.
    Filled(Option<Fill>),
    /// The index is dropped again: documents have equal values. Or a load cannot end for it.
    NotUnique(EngineError),
    Dropped(bool),
    Done,
}

/// Why the writer refuses a job.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Refusal {
    BeingLoaded,
    IdempotencyMismatch,
    TooManyCollections,
}

type Outcome<T> = Result<T, JobFailure<Refusal>>;

/// How long things are kept.
pub(crate) struct Retention {
    pub(crate) changes: Duration,
    pub(crate) changes_max: u64,
    pub(crate) idempotency: Duration,
}

/// What the writer and the rest of the engine tell each other.
#[derive(Clone, Default)]
pub(crate) struct Told {
    pub(crate) loading: Arc<Loading>,
    pub(crate) waiting: Arc<Waiting>,
    pub(crate) keeping: Arc<Keeping>,
    pub(crate) terms: Arc<AllTerms>,
}

/// The state of the writer thread.
pub(crate) struct Handler {
    working: Working,
    /// What readers see.
    published: Arc<ArcSwap<Catalogue>>,
    /// Whether this process is the one that loads.
    loading: Arc<Loading>,
    /// Those who wait for changes.
    waiting: Arc<Waiting>,
    /// What changes keep of their documents.
    keeping: Arc<Keeping>,
    /// On which terms collections keep their documents.
    terms: Arc<AllTerms>,
    /// Collections that have changes in the batch, by their place among the working ones. May
    /// hold some whose changes were undone.
    changed: BTreeSet<usize>,
    /// The file has the note of a load, and what it was before the batch.
    is_unfinished: bool,
    was_unfinished: bool,
    time: Arc<SteadyTime>,
    retention: Retention,
    /// The moment of the batch.
    now: Timestamp,
    batch: Mark,
    job: Mark,
    /// The place of the last change that is no longer kept.
    changes_floor: u64,
    /// What it was before the batch.
    floor_before: u64,
    /// Nothing expires before so much time has passed.
    trim_at: Duration,
}

impl Handler {
    pub(crate) fn new(
        connection: &Connection,
        published: Arc<ArcSwap<Catalogue>>,
        told: Told,
        time: Arc<SteadyTime>,
        retention: Retention,
    ) -> rusqlite::Result<Self> {
        let sequence = read::counter(connection, "sequence")?;
        let last_id = read::counter(connection, "last_id")?.cast_signed();
        let working = Working::new(&published.load(), sequence, last_id);
        let mark = working.mark();
        let changes_floor = read::counter(connection, "changes_floor")?;
        let is_unfinished = read::unfinished(connection)?.is_some();
        let Told { loading, waiting, keeping, terms } = told;
        Ok(Self {
            working,
            published,
            loading,
            waiting,
            keeping,
            terms,
            changed: BTreeSet::new(),
            is_unfinished,
            was_unfinished: is_unfinished,
            now: Timestamp::default(),
            time,
            retention,
            batch: mark,
            job: mark,
            changes_floor,
            floor_before: changes_floor,
            trim_at: Duration::ZERO,
        })
    }

    // --- documents -----------------------------------------------------------------------------

    fn write(
        &mut self,
        connection: &Connection,
        batch: &WriteBatch,
        atomic: bool,
    ) -> Outcome<WriteReport> {
        let oldest_key = self.time.oldest(self.retention.idempotency);
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
        let found = read::document(connection, self.working.collection(at).id, id)?;
        match found {
            Some(found) if cutoff.is_some_and(|cutoff| cutoff.is_past(found.updated_at)) => {
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
        let id = match action.id() {
            Some(id) => id.clone(),
            None => match next_id(self.working.last_id) {
                Ok(id) => DocumentId::Integer(id),
                Err(rejection) => return Ok(Err(rejection)),
            },
        };
        if let (Some(at), Some(body)) = (at, effect.body()) {
            let collection = self.working.collection(at);
            for index in &collection.indexes {
                let is_taken = match cutoff {
                    None => indexes::is_taken(connection, index, body, &id),
                    Some(cutoff) => {
                        let document = (body, &id);
                        let of = collection.id;
                        indexes::is_taken_by_living(connection, of, index, document, cutoff)
                    }
                };
                if is_taken? {
                    return Ok(Err(not_unique(&index.definition)));
                }
            }
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
        let (old, new) =
            (before.map(Indexed::from), after.map(|body| Indexed { body, id, updated_at }));
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

    // --- collections ---------------------------------------------------------------------------

    fn add_collection(&mut self, connection: &Connection, name: &CollectionName) -> Outcome<usize> {
        if self.working.len() as u64 >= COLLECTION_ID_MAX.unsigned_abs() {
            return Err(JobFailure::Refused(Refusal::TooManyCollections));
        }
        connection
            .prepare_cached("INSERT INTO collections (name) VALUES (?1)")?
            .execute([name.as_str()])?;
        Ok(self.working.add(name, connection.last_insert_rowid()))
    }

    fn delete_collection(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
    ) -> rusqlite::Result<u64> {
        let Some(at) = self.working.find(name) else { return Ok(0) };
        let collection = self.working.collection(at);
        let (id, documents) = (collection.id, collection.documents);
        if documents == 0 {
            return Ok(0);
        }
        let expired = self.count_expired(connection, at)?;
        for index in &collection.indexes {
            indexes::delete_entries(connection, index.id)?;
        }
        connection
            .prepare_cached("DELETE FROM records WHERE key >= ?1 AND key < ?2")?
            .execute([record_key(id, 0), record_key(id + 1, 0)])?;
        connection
            .prepare_cached("DELETE FROM named_records WHERE collection = ?1")?
            .execute([id])?;
        self.working.sequence += 1;
        let entry = Entry {
            sequence: self.working.sequence,
            collection: id,
            id: None,
            kind: ChangeKind::CollectionDeleted,
            at: self.now.unix_us,
        };
        if self.terms.of(name).changes {
            insert_change(connection, &entry, &Kept::default())?;
            self.changed.insert(at);
        }
        self.working.set_documents(at, 0);
        Ok(documents.saturating_sub(expired))
    }

    /// Documents of a collection that have expired and are stored still.
    fn count_expired(&self, connection: &Connection, at: usize) -> rusqlite::Result<u64> {
        let collection = self.working.collection(at);
        let Some(cutoff) = self.terms.cutoff(&collection.name, || self.now) else { return Ok(0) };
        let index = collection.indexes.iter().find(|index| index.definition.is_age());
        index.map_or(Ok(0), |index| {
            read::count_expired(connection, read::Expired { cutoff, index: index.id })
        })
    }

    // --- indexes -------------------------------------------------------------------------------

    fn declare_index(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> Outcome<Option<Fill>> {
        let at = match self.working.find(name) {
            Some(at) => at,
            None => self.add_collection(connection, name)?,
        };
        let collection = self.working.collection(at);
        let known = collection.indexes.iter().find(|index| index.definition == *definition);
        let fill = |index| Fill { collection: name.clone(), index, after: None };
        if let Some(index) = known {
            let building = index.state == isobase_engine::IndexState::Building;
            return Ok(building.then(|| fill(index.id)));
        }
        let index = indexes::insert(connection, collection.id, definition)?;
        self.working.add_index(at, index, definition.clone());
        Ok(Some(fill(index)))
    }

    fn fill_index(&mut self, connection: &Connection, fill: &Fill) -> rusqlite::Result<Reply> {
        let Some(at) = self.working.find(&fill.collection) else { return Ok(Reply::Filled(None)) };
        let collection = self.working.collection(at);
        let Some(index) = collection.indexes.iter().find(|index| index.id == fill.index).cloned()
        else {
            return Ok(Reply::Filled(None));
        };
        match indexes::fill(connection, collection.id, &index, fill)? {
            Filled::Whole => {}
            Filled::Part(next) => return Ok(Reply::Filled(Some(next))),
            Filled::Duplicates(found) => {
                self.drop_index(connection, &fill.collection, &index.definition)?;
                let refused = found.refuse(&fill.collection, &index.definition);
                return Ok(refused.map_or_else(Reply::NotUnique, |()| Reply::Filled(None)));
            }
        }
        indexes::set_ready(connection, fill.index)?;
        self.working.index_is_ready(at, fill.index);
        Ok(Reply::Filled(None))
    }

    fn drop_index(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> rusqlite::Result<bool> {
        let Some(at) = self.working.find(name) else { return Ok(false) };
        let collection = self.working.collection(at);
        let known = collection.indexes.iter().find(|index| index.definition == *definition);
        let Some(index) = known.map(|index| index.id) else { return Ok(false) };
        indexes::delete_entries(connection, index)?;
        indexes::delete(connection, index)?;
        self.working.remove_index(at, index);
        Ok(true)
    }

    // --- loads ---------------------------------------------------------------------------------

    fn load(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        documents: &[Document],
    ) -> Outcome<()> {
        if documents.is_empty() {
            return Ok(());
        }
        let at = match self.working.find(name) {
            Some(at) => at,
            None => self.add_collection(connection, name)?,
        };
        let collection = self.working.collection(at);
        let added = load::store(connection, collection.id, &collection.indexes, documents)?;
        let count = collection.documents + added;
        self.working.set_documents(at, count);
        let largest = documents.iter().rev().find_map(|document| document.id.counted());
        self.working.last_id = self.working.last_id.max(largest.unwrap_or_default());
        Ok(())
    }

    fn unload(
        &mut self,
        connection: &Connection,
        name: &CollectionName,
        ids: &[DocumentId],
    ) -> rusqlite::Result<()> {
        let Some(at) = self.working.find(name) else { return Ok(()) };
        let collection = self.working.collection(at);
        let mut count = collection.documents;
        for id in ids {
            let Some(before) = read::document(connection, collection.id, id)? else { continue };
            delete(connection, &Location::of(collection.id, id))?;
            for index in &collection.indexes {
                move_entry(connection, index, Some((&before).into()), None)?;
            }
            count -= 1;
        }
        self.working.set_documents(at, count);
        Ok(())
    }

    fn finish_load(
        &mut self,
        connection: &Connection,
        counters: Counters,
    ) -> rusqlite::Result<Reply> {
        for at in 0..self.working.len() {
            let collection = self.working.collection(at);
            for index in collection.indexes.iter().filter(|index| index.definition.is_unique()) {
                let duplicates = indexes::duplicates(connection, index)?;
                if let Err(error) = duplicates.refuse(&collection.name, &index.definition) {
                    return Ok(Reply::NotUnique(error));
                }
            }
        }
        self.working.sequence = self.working.sequence.max(counters.sequence.0);
        self.working.last_id = self.working.last_id.max(counters.last_id);
        self.changes_floor = self.working.sequence;
        set_counter(connection, "changes_floor", self.changes_floor)?;
        let renewed = Identity::renewed(Some(read::identity(connection)?));
        set_counter(connection, "epoch", renewed.epoch)?;
        connection.execute("DELETE FROM changes", [])?;
        connection.execute("DELETE FROM change_bodies", [])?;
        connection.execute("DELETE FROM unfinished", [])?;
        self.is_unfinished = false;
        Ok(Reply::Done)
    }

    // --- retention -----------------------------------------------------------------------------

    /// Removes a bounded number of rows whose time is over.
    fn trim(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let kept = self.working.sequence.saturating_sub(self.changes_floor);
        let passed = self.time.monotonic();
        if passed < self.trim_at && kept <= self.retention.changes_max {
            return Ok(());
        }
        let oldest_change = self.time.oldest(self.retention.changes);
        let surplus = self.working.sequence.saturating_sub(self.retention.changes_max);
        let last: Option<u64> = connection
            .prepare_cached(
                "SELECT max(sequence) FROM (SELECT sequence, at FROM changes ORDER BY sequence
                 LIMIT ?1) WHERE at < ?2 OR sequence <= ?3",
            )?
            .query_row(params![TRIM_ROWS, oldest_change.unix_us, surplus], |row| row.get(0))?;
        if let Some(last) = last {
            connection
                .prepare_cached("DELETE FROM changes WHERE sequence <= ?1")?
                .execute([last])?;
            connection
                .prepare_cached("DELETE FROM change_bodies WHERE sequence <= ?1")?
                .execute([last])?;
            self.changes_floor = last;
            set_counter(connection, "changes_floor", last)?;
        }
        let oldest_key = self.time.oldest(self.retention.idempotency);
        let keys = connection
            .prepare_cached(
                "DELETE FROM idempotency WHERE number IN (
                   SELECT number FROM (SELECT number, at FROM idempotency ORDER BY number LIMIT ?1)
                   WHERE at < ?2)",
            )?
            .execute(params![TRIM_ROWS, oldest_key.unix_us])?;
        if last.is_none() && keys == 0 {
            // Nothing was due: look again in a while, not with every commit.
            self.trim_at = passed + LOOK_EVERY;
        }
        Ok(())
    }
}

impl WriteHandler for Handler {
    type Job = Job;
    type Reply = Reply;
    type Refusal = Refusal;

    fn job_bytes(job: &Job) -> usize {
        match job {
            Job::Write { batch, .. } => batch.operations.iter().map(operation_bytes).sum(),
            Job::FillIndex(_) => indexes::FILL_BYTES,
            Job::MarkLoad(note) => note.len(),
            Job::Load { documents, .. } => {
                documents.iter().map(|document| document.body.len() + DOCUMENT_OVERHEAD).sum()
            }
            Job::Unload { ids, .. } => ids.len() * DOCUMENT_OVERHEAD,
            Job::DeleteCollection(_)
            | Job::DeclareIndex { .. }
            | Job::DropIndex { .. }
            | Job::FinishLoad(_) => 256,
        }
    }

    /// One operation is rejected before its first change; so is each of a batch, and a batch
    /// that takes itself back has a savepoint of its own. A load fails with the disk only.
    fn needs_savepoint(&self, job: &Job) -> bool {
        !matches!(job, Job::Write { .. } | Job::Load { .. })
    }

    fn begin(&mut self, _connection: &Connection) -> rusqlite::Result<()> {
        self.now = self.time.now();
        self.batch = self.working.mark();
        self.changed.clear();
        self.floor_before = self.changes_floor;
        self.was_unfinished = self.is_unfinished;
        Ok(())
    }

    fn job_begins(&mut self) {
        self.job = self.working.mark();
    }

    fn run(&mut self, connection: &Connection, job: &Job) -> Result<Reply, JobFailure<Refusal>> {
        let loads = matches!(
            job,
            Job::MarkLoad(_) | Job::Load { .. } | Job::Unload { .. } | Job::FinishLoad(_)
        );
        if self.is_unfinished && !loads && !self.loading.is_here() {
            return Err(JobFailure::Refused(Refusal::BeingLoaded));
        }
        match job {
            Job::Write { batch, atomic } => {
                self.write(connection, batch, *atomic).map(Reply::Written)
            }
            Job::DeleteCollection(name) => {
                Ok(Reply::Deleted(self.delete_collection(connection, name)?))
            }
            Job::DeclareIndex { collection, definition } => {
                self.declare_index(connection, collection, definition).map(Reply::Declared)
            }
            Job::FillIndex(fill) => Ok(self.fill_index(connection, fill)?),
            Job::DropIndex { collection, definition } => {
                Ok(Reply::Dropped(self.drop_index(connection, collection, definition)?))
            }
            Job::MarkLoad(note) => {
                load::mark(connection, note)?;
                self.is_unfinished = true;
                Ok(Reply::Done)
            }
            Job::Load { collection, documents } => {
                self.load(connection, collection, documents).map(|()| Reply::Done)
            }
            Job::Unload { collection, ids } => {
                Ok(self.unload(connection, collection, ids).map(|()| Reply::Done)?)
            }
            Job::FinishLoad(counters) => Ok(self.finish_load(connection, *counters)?),
        }
    }

    fn job_undone(&mut self) {
        self.working.undo_to(self.job);
    }

    fn before_commit(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        for (collection, documents) in self.working.changed_sizes() {
            connection
                .prepare_cached("UPDATE collections SET documents = ?2 WHERE id = ?1")?
                .execute(params![collection, documents])?;
        }
        set_counter(connection, "sequence", self.working.sequence)?;
        set_counter(connection, "last_id", self.working.last_id.cast_unsigned())?;
        self.trim(connection)
    }

    fn committed(&mut self) {
        if let Some(catalogue) = self.working.publish() {
            self.published.store(Arc::new(catalogue));
        }
        let (first, last) = (Sequence(self.batch.sequence + 1), Sequence(self.working.sequence));
        let working = &self.working;
        // Collections that an undone job added are there no more.
        let changed = self.changed.iter().filter(|at| **at < working.len());
        self.waiting.committed(first, last, changed.map(|at| &working.collection(*at).name));
    }

    fn rolled_back(&mut self) {
        self.changes_floor = self.floor_before;
        self.is_unfinished = self.was_unfinished;
        self.working.undo_to(self.batch);
    }
}

fn operation_bytes(operation: &WriteOperation) -> usize {
    use isobase_engine::Action;
    let body = match &operation.action {
        Action::Create { body } | Action::Put { body, .. } => body.len(),
        Action::Patch { patch, .. } => patch.bytes(),
        Action::Delete { .. } => 0,
    };
    body + DOCUMENT_OVERHEAD
}

// --- statements --------------------------------------------------------------------------------

fn insert(
    connection: &Connection,
    location: &Location<'_>,
    sequence: u64,
    now: i64,
    body: &str,
) -> rusqlite::Result<()> {
    match location {
        Location::Record(key) => connection
            .prepare_cached(
                "INSERT INTO records (key, revision, created_at, updated_at, body)
                 VALUES (?1, ?2, ?3, ?3, ?4)",
            )?
            .execute(params![key, sequence, now, body])?,
        Location::Named(collection, id) => connection
            .prepare_cached(
                "INSERT INTO named_records (collection, id, revision, created_at, updated_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            )?
            .execute(params![collection, id, sequence, now, body])?,
    };
    Ok(())
}

fn update(
    connection: &Connection,
    location: &Location<'_>,
    sequence: u64,
    now: i64,
    body: &str,
) -> rusqlite::Result<()> {
    match location {
        Location::Record(key) => connection
            .prepare_cached(
                "UPDATE records SET revision = ?2, updated_at = ?3, body = ?4 WHERE key = ?1",
            )?
            .execute(params![key, sequence, now, body])?,
        Location::Named(collection, id) => connection
            .prepare_cached(
                "UPDATE named_records SET revision = ?3, updated_at = ?4, body = ?5
                 WHERE collection = ?1 AND id = ?2",
            )?
            .execute(params![collection, id, sequence, now, body])?,
    };
    Ok(())
}

fn delete(connection: &Connection, location: &Location<'_>) -> rusqlite::Result<()> {
    match location {
        Location::Record(key) => {
            connection.prepare_cached("DELETE FROM records WHERE key = ?1")?.execute([key])?
        }
        Location::Named(collection, id) => connection
            .prepare_cached("DELETE FROM named_records WHERE collection = ?1 AND id = ?2")?
            .execute(params![collection, id])?,
    };
    Ok(())
}

pub(crate) fn move_entry(
    connection: &Connection,
    index: &Index,
    before: Option<Indexed<'_>>,
    after: Option<Indexed<'_>>,
) -> rusqlite::Result<()> {
    let keys = |document: Option<Indexed<'_>>| {
        document.map(|document| indexes::keys_of(index, document)).unwrap_or_default()
    };
    let (old, new) = (keys(before), keys(after));
    let Some(id) = before.or(after).map(|document| document.id) else { return Ok(()) };
    for (number, key) in old.iter().filter(|key| !new.contains(key)) {
        indexes::delete_entry(connection, *number, key)?;
    }
    for (number, key) in new.iter().filter(|key| !old.contains(key)) {
        indexes::insert_entry(connection, *number, key, id)?;
    }
    Ok(())
}

/// A row of the change feed.
struct Entry<'a> {
    sequence: u64,
    collection: i64,
    id: Option<&'a DocumentId>,
    kind: ChangeKind,
    at: i64,
}

fn insert_change(connection: &Connection, entry: &Entry<'_>, kept: &Kept) -> rusqlite::Result<()> {
    let Entry { sequence, collection, id, kind, at } = entry;
    let id = id.map(IdColumn);
    if *kept == Kept::default() {
        connection
            .prepare_cached(
                "INSERT INTO changes (sequence, collection, id, kind, at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![sequence, collection, id, kind.code(), at])?;
        return Ok(());
    }
    let apart = kept.body.text().filter(|body| body.len() > KEPT_BYTES_MAX);
    let body = if apart.is_some() { Some("") } else { kept.body.stored() };
    connection
        .prepare_cached(
            "INSERT INTO changes (sequence, collection, id, kind, at, former, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![sequence, collection, id, kind.code(), at, kept.former.stored(), body])?;
    if let Some(body) = apart {
        connection
            .prepare_cached("INSERT INTO change_bodies (sequence, body) VALUES (?1, ?2)")?
            .execute(params![sequence, body])?;
    }
    Ok(())
}

fn set_counter(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE counters SET value = ?2 WHERE name = ?1 AND value <> ?2")?
        .execute(params![name, value])?;
    Ok(())
}

/// The first outcomes of a key that is younger than `oldest`. Retention removes old keys in a
/// while; until then they are as good as removed.
fn replay(
    connection: &Connection,
    idempotency: Option<&Idempotency>,
    oldest: Timestamp,
) -> Outcome<Option<Vec<WriteOutcome>>> {
    let Some(idempotency) = idempotency else { return Ok(None) };
    let found: Option<(Vec<u8>, String)> = connection
        .prepare_cached(
            "SELECT fingerprint, outcomes FROM idempotency WHERE key = ?1 AND at >= ?2",
        )?
        .query_row(params![&idempotency.key[..], oldest.unix_us], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    match found {
        None => Ok(None),
        Some((fingerprint, outcomes)) if fingerprint == idempotency.fingerprint => {
            let outcomes = decode_outcomes(&outcomes);
            Ok(Some(outcomes.ok_or(rusqlite::Error::InvalidQuery)?))
        }
        Some(_) => Err(JobFailure::Refused(Refusal::IdempotencyMismatch)),
    }
}

fn remember(
    connection: &Connection,
    idempotency: &Idempotency,
    outcomes: &[WriteOutcome],
    now: Timestamp,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO idempotency (key, fingerprint, outcomes, at)
             VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![
            &idempotency.key[..],
            &idempotency.fingerprint[..],
            encode_outcomes(outcomes),
            now.unix_us
        ])?;
    Ok(())
}
