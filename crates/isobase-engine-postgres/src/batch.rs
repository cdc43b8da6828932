//! What a batch of writes does to the tables, worked out in memory. Asks and stores nothing.
//!
//! [`Batch::new`] says which rows must be known; with them [`Batch::apply`] carries out one job
//! after the other, later ones seeing what earlier ones did; [`Batch::mutations`] is the sum.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet},
    sync::Arc,
};

use isobase_engine::{
    Action, AllTerms, BatchProgress, Current, Cutoff, Effect, EngineError, ErrorKind, Idempotency,
    Indexed, Keep, Keeping, Others, Referred, Rejection, UniqueHolders, UniqueKey, WriteBatch,
    WriteOperation, WriteOutcome, WriteReport, Written, decide, decode_outcomes, encode_outcomes,
    finds_referrers, next_id, refers,
};
use isobase_types::{ChangeKind, CollectionName, DocumentId, FieldPath, Kept, Revision, Timestamp};

use crate::{
    catalogue::{IndexCatalogue, IndexRow, RowState},
    codec::id_bytes,
    limits::LIMITS,
    others::{Reference, WantedOthers},
};

/// A write as it was asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct WriteJob<'j> {
    pub(crate) batch: &'j WriteBatch,
    /// All operations or none.
    pub(crate) atomic: bool,
}

/// The row of the table `clock`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ClockRow {
    /// Of the last write.
    pub(crate) sequence: i64,
    /// The next integer id.
    pub(crate) next_id: i64,
    /// The last change that is no longer kept.
    pub(crate) changes_floor: i64,
    pub(crate) catalogue_version: i64,
}

/// A document as stored, or to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored<'j> {
    pub(crate) revision: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// Empty when nobody needs it.
    pub(crate) body: Cow<'j, str>,
}

/// The answer kept with an idempotency key.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) outcomes: String,
    /// Given in this batch, to be stored with it.
    pub(crate) is_new: bool,
}

/// A collection that the batch touches.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) name: CollectionName,
    /// None when it has no row yet.
    pub(crate) id: Option<i32>,
    pub(crate) indexes: Arc<[IndexRow]>,
    /// What its changes keep, if anything.
    keep: Option<Arc<Keep>>,
    /// The change feed tells of its writes.
    is_told: bool,
    /// Which of its documents have expired.
    cutoff: Option<Cutoff>,
}

/// A document that the batch touches.
#[derive(Debug)]
struct Touched<'j> {
    /// Its place in `collections`.
    collection: usize,
    id: DocumentId,
    id_bytes: Vec<u8>,
    /// An operation looks into the body.
    needs_body: bool,
    before: Option<Stored<'j>>,
    now: Now<'j>,
}

/// What the batch made of a document so far.
#[derive(Clone, Debug)]
enum Now<'j> {
    AsBefore,
    Is(Stored<'j>),
    Gone,
}

#[derive(Debug)]
struct NewChange {
    sequence: i64,
    touched: usize,
    kind: ChangeKind,
    kept: Kept,
}

/// The batch under way.
#[derive(Debug)]
pub(crate) struct Batch<'j> {
    now: Timestamp,
    pub(crate) clock: ClockRow,
    pub(crate) collections: Vec<Collection>,
    touched: Vec<Touched<'j>>,
    by_id: HashMap<(usize, Vec<u8>), usize>,
    /// For each job, for each operation: its collection, and its document unless that is new.
    operations: Vec<Vec<(usize, Option<usize>)>>,
    changes: Vec<NewChange>,
    answers: HashMap<[u8; 32], Answer>,
    /// Of unique indexes, by their numbers.
    holders: UniqueHolders<i32>,
    /// References of which enough documents are touched to know whether one is left.
    known_referrers: HashSet<Reference>,
    wanted_others: WantedOthers,
}

/// The rows a batch must know, column by column.
#[derive(Debug, Default)]
pub(crate) struct WantedRows<'b> {
    /// Places for [`Batch::set_current`].
    pub(crate) touched: Vec<usize>,
    pub(crate) collections: Vec<i32>,
    pub(crate) ids: Vec<&'b [u8]>,
    pub(crate) with_body: Vec<bool>,
}

/// What is to be stored, column by column.
#[derive(Debug, Default)]
pub(crate) struct Mutations<'b> {
    pub(crate) upserts: Upserts<'b>,
    pub(crate) deleted: Keys<'b>,
    pub(crate) changes: Changes<'b>,
    pub(crate) deleted_entries: Entries<'b>,
    pub(crate) new_entries: Entries<'b>,
    /// Collections whose number of documents changes, and by how much.
    pub(crate) counted: (Vec<i32>, Vec<i64>),
    pub(crate) answers: NewAnswers<'b>,
    /// Places of the feed are taken, whether or not it tells of them.
    moves_on: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Upserts<'b> {
    pub(crate) keys: Keys<'b>,
    pub(crate) revisions: Vec<i64>,
    pub(crate) created_at: Vec<i64>,
    pub(crate) updated_at: Vec<i64>,
    pub(crate) bodies: Vec<&'b str>,
}

#[derive(Debug, Default)]
pub(crate) struct Keys<'b> {
    pub(crate) collections: Vec<i32>,
    pub(crate) ids: Vec<&'b [u8]>,
}

#[derive(Debug, Default)]
pub(crate) struct Changes<'b> {
    pub(crate) sequences: Vec<i64>,
    pub(crate) keys: Keys<'b>,
    pub(crate) kinds: Vec<i16>,
    pub(crate) revisions: Vec<Option<i64>>,
    pub(crate) former: Vec<Option<&'b str>>,
    pub(crate) bodies: Vec<Option<&'b str>>,
}

#[derive(Debug, Default)]
pub(crate) struct Entries<'b> {
    pub(crate) indexes: Vec<i32>,
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) documents: Keys<'b>,
}

#[derive(Debug, Default)]
pub(crate) struct NewAnswers<'b> {
    pub(crate) keys: Vec<&'b [u8]>,
    pub(crate) fingerprints: Vec<&'b [u8]>,
    pub(crate) outcomes: Vec<&'b str>,
}

impl<'j> Batch<'j> {
    /// Looks at the jobs, without deciding anything. `number` knows collections.
    pub(crate) fn new(
        jobs: &[WriteJob<'j>],
        now: Timestamp,
        number: impl Fn(&CollectionName) -> Option<i32>,
    ) -> Self {
        let mut batch = Self {
            now,
            clock: ClockRow::default(),
            collections: Vec::new(),
            touched: Vec::new(),
            by_id: HashMap::new(),
            operations: Vec::with_capacity(jobs.len()),
            changes: Vec::new(),
            answers: HashMap::new(),
            holders: UniqueHolders::default(),
            known_referrers: HashSet::new(),
            wanted_others: WantedOthers::default(),
        };
        let mut known: HashMap<&CollectionName, usize> = HashMap::new();
        for job in jobs {
            let needs_before = job.batch.needs_before();
            let mut places = Vec::with_capacity(job.batch.operations.len());
            for operation in &job.batch.operations {
                let name = &operation.collection;
                let collection = *known.entry(name).or_insert_with(|| {
                    let id = number(name);
                    batch.collections.push(Collection::new(name.clone(), id));
                    batch.collections.len() - 1
                });
                let touched = operation.action.id().map(|id| {
                    let place = batch.touch(collection, id.clone());
                    let patches = matches!(operation.action, Action::Patch { .. });
                    batch.touched[place].needs_body |= patches || needs_before;
                    place
                });
                places.push((collection, touched));
            }
            batch.operations.push(places);
        }
        batch
    }

    /// Names of collections that have no known number.
    pub(crate) fn unknown_collections(&self) -> Vec<&str> {
        let unknown = self.collections.iter().filter(|collection| collection.id.is_none());
        unknown.map(|collection| collection.name.as_str()).collect()
    }

    /// Says the number of a collection that was unknown; whether it is one of this batch.
    pub(crate) fn set_collection_id(&mut self, name: &str, id: i32) -> bool {
        let found = self.collections.iter_mut().find(|known| known.name.as_str() == name);
        found.map(|collection| collection.id = Some(id)).is_some()
    }

    /// Says what changes keep of their documents.
    pub(crate) fn set_keeping(&mut self, keeping: &Keeping) {
        for collection in &mut self.collections {
            collection.keep = keeping.of(&collection.name);
        }
    }

    /// Says on which terms collections keep their documents.
    pub(crate) fn set_terms(&mut self, terms: &AllTerms) {
        for collection in &mut self.collections {
            collection.is_told = terms.of(&collection.name).changes;
            collection.cutoff = terms.cutoff(&collection.name, || self.now);
        }
    }

    /// The last change of documents that have expired, of the collection of an index; the first
    /// moment of all where none do.
    pub(crate) fn cutoff_of(&self, index: i32) -> i64 {
        let has = |collection: &&Collection| collection.indexes.iter().any(|it| it.id == index);
        let cutoff = self.collections.iter().find(has).and_then(|found| found.cutoff);
        cutoff.map_or(i64::MIN, |cutoff| cutoff.0.unix_us)
    }

    /// Says which indexes there are. Rows wanted before may lack bodies that are needed now.
    pub(crate) fn set_indexes(&mut self, catalogue: &IndexCatalogue) {
        for collection in &mut self.collections {
            let Some(id) = collection.id else { continue };
            collection.indexes = catalogue.maintained(id).cloned().collect();
        }
    }

    /// The rows to read: those whose collection has a number.
    pub(crate) fn wanted_rows(&self) -> WantedRows<'_> {
        self.wanted_rows_from(0)
    }

    /// How many documents are touched.
    pub(crate) fn touched(&self) -> usize {
        self.touched.len()
    }

    /// The rows to read of documents that were touched after some.
    pub(crate) fn wanted_rows_from(&self, from: usize) -> WantedRows<'_> {
        let mut wanted = WantedRows::default();
        for (place, touched) in self.touched.iter().enumerate().skip(from) {
            let collection = &self.collections[touched.collection];
            if let Some(id) = collection.id {
                wanted.touched.push(place);
                wanted.collections.push(id);
                wanted.ids.push(&touched.id_bytes);
                let keeps = collection.keep.as_ref().is_some_and(|keep| keep.needs_former());
                let is_indexed = !collection.indexes.is_empty();
                wanted.with_body.push(touched.needs_body || is_indexed || keeps);
            }
        }
        wanted
    }

    /// Says what a row holds now.
    pub(crate) fn set_current(&mut self, place: usize, stored: Stored<'j>) {
        self.touched[place].before = Some(stored);
    }

    /// Idempotency keys of the jobs.
    pub(crate) fn keys<'b>(jobs: &'b [WriteJob<'_>]) -> Vec<&'b [u8]> {
        jobs.iter()
            .filter_map(|job| job.batch.idempotency.as_ref())
            .map(|idempotency| idempotency.key.as_slice())
            .collect()
    }

    /// Says what was answered to a key before.
    pub(crate) fn set_answer(&mut self, key: &[u8], fingerprint: &[u8], outcomes: &str) {
        if let Ok(key) = key.try_into() {
            let (fingerprint, outcomes) = (fingerprint.to_vec(), outcomes.to_owned());
            self.answers.insert(key, Answer { fingerprint, outcomes, is_new: false });
        }
    }

    /// The unique values of which must be known who has them, before what was carried out counts.
    pub(crate) fn wanted_holders(&mut self) -> Vec<(i32, UniqueKey)> {
        self.holders.take_wanted()
    }

    /// Says who has a unique value.
    pub(crate) fn set_holders(&mut self, index: i32, key: UniqueKey, holders: Vec<DocumentId>) {
        self.holders.learn(index, key, holders);
    }

    /// The other documents that must be known before what was carried out counts.
    pub(crate) fn wanted_others(&mut self) -> WantedOthers {
        std::mem::take(&mut self.wanted_others)
    }

    /// How many operations there are.
    pub(crate) fn operations(&self) -> usize {
        self.operations.iter().map(Vec::len).sum()
    }

    /// Makes a collection one of this batch, if it is none yet.
    pub(crate) fn add_collection(&mut self, name: &CollectionName, id: Option<i32>) -> usize {
        let known = self.collections.iter().position(|collection| collection.name == *name);
        known.unwrap_or_else(|| {
            // It is only read: nothing is kept of a change in it.
            self.collections.push(Collection::new(name.clone(), id));
            self.collections.len() - 1
        })
    }

    /// Another document is to be known, with its body; its row is read next.
    pub(crate) fn want(&mut self, collection: usize, id: DocumentId) {
        let (known, place) = (self.touched.len(), self.touch(collection, id));
        self.touched[place].needs_body |= place >= known;
    }

    /// So many of the documents that refer to another are touched that one is left among them
    /// whatever this batch does, if there are more.
    pub(crate) fn set_referrers_known(&mut self, reference: Reference) {
        self.known_referrers.insert(reference);
    }

    /// Takes back every job. `clock` is the row as it was read.
    pub(crate) fn restart(&mut self, clock: ClockRow) {
        for touched in &mut self.touched {
            touched.now = Now::AsBefore;
        }
        self.clock = clock;
        self.changes.clear();
        self.answers.retain(|_, answer| !answer.is_new);
        self.holders.restart();
    }

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
        let kept = self.collections[collection].keep.as_ref().map_or_else(Kept::default, |keep| {
            let after = match &effect {
                Effect::Insert { body, .. } | Effect::Replace { body, .. } => Some(&**body),
                Effect::Remove => None,
            };
            keep.kept(current.map(|stored| &*stored.body), after)
        });
        let created_at = current.map_or(self.now, |stored| stored.created_at);
        let id = match touched {
            Some(place) => self.touched[place].id.clone(),
            None => DocumentId::Integer(next_id(self.clock.next_id - 1)?),
        };
        let indexes = self.collections[collection].indexes.iter();
        let declared = indexes.filter(|index| index.is_declared());
        let unique = declared.map(|index| (index.id, &index.definition));
        let before = current.map(|stored| &*stored.body);
        self.holders.write(unique, &id, before, effect.body())?;
        let place = touched.unwrap_or_else(|| self.touch(collection, id));
        if let Some(id) = self.touched[place].id.counted() {
            self.clock.next_id = self.clock.next_id.max(id + 1);
        }
        // A clock that was set back changes nothing before it was changed last.
        let updated_at =
            self.touched[place].current().map_or(self.now, |it| self.now.max(it.updated_at));
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
        Ok(Written {
            id: self.touched[place].id.clone(),
            kind,
            revision: Revision::from_number(revision.cast_unsigned()),
            created_at,
            updated_at,
            body: returned,
        })
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
        let Collection { indexes, keep, .. } = &self.collections[collection];
        let kept = keep.as_ref();
        let kept = kept.map_or_else(Kept::default, |keep| keep.kept(Some(&expired.body), None));
        let unique = indexes.iter().filter(|index| index.is_declared());
        let unique = unique.map(|index| (index.id, &index.definition));
        let id = &self.touched[place].id;
        // Only values that are taken are refused.
        let _ = self.holders.write(unique, id, Some(&expired.body), None);
        self.clock.sequence += 1;
        undo.push((place, std::mem::replace(&mut self.touched[place].now, Now::Gone)));
        let (sequence, kind) = (self.clock.sequence, ChangeKind::Deleted);
        self.changes.push(NewChange { sequence, touched: place, kind, kept });
    }

    fn touch(&mut self, collection: usize, id: DocumentId) -> usize {
        let id_bytes = id_bytes(&id);
        let touched = &mut self.touched;
        *self.by_id.entry((collection, id_bytes.clone())).or_insert_with(|| {
            let (before, now) = (None, Now::AsBefore);
            touched.push(Touched { collection, id, id_bytes, needs_body: false, before, now });
            touched.len() - 1
        })
    }

    /// Names of collections that need a row now.
    pub(crate) fn new_collections(&self) -> Vec<&str> {
        let new = self.changed().filter(|collection| collection.id.is_none());
        new.map(|collection| collection.name.as_str()).collect()
    }

    /// Names of collections that have changes in the batch.
    pub(crate) fn changed_collections(&self) -> impl Iterator<Item = &CollectionName> {
        self.changed().filter(|collection| collection.is_told).map(|collection| &collection.name)
    }

    fn changed(&self) -> impl Iterator<Item = &Collection> {
        let mut is_changed = vec![false; self.collections.len()];
        for change in &self.changes {
            is_changed[self.touched[change.touched].collection] = true;
        }
        let all = self.collections.iter().zip(is_changed);
        all.filter(|(_, is_changed)| *is_changed).map(|(collection, _)| collection)
    }

    /// What is to be stored. Every collection with a change has a number by now.
    pub(crate) fn mutations(&self) -> Mutations<'_> {
        let mut mutations = Mutations::default();
        let mut added = vec![0; self.collections.len()];
        for touched in &self.touched {
            let collection = &self.collections[touched.collection];
            let Some(id) = collection.id else { continue };
            let now = match &touched.now {
                Now::AsBefore => continue,
                Now::Is(stored) => Some(stored),
                Now::Gone => None,
            };
            match (&touched.before, now) {
                (_, Some(stored)) => {
                    mutations.upserts.push(id, touched, stored);
                }
                (Some(_), None) => mutations.deleted.push(id, &touched.id_bytes),
                (None, None) => {}
            }
            added[touched.collection] +=
                i64::from(now.is_some()) - i64::from(touched.before.is_some());
            for index in collection.indexes.iter() {
                mutations.push_entries(id, index, touched, now);
            }
        }
        mutations.counted = self
            .collections
            .iter()
            .zip(added)
            .filter_map(|(collection, added)| Some((collection.id?, added)))
            .filter(|(_, added)| *added != 0)
            .unzip();
        mutations.moves_on = !self.changes.is_empty();
        for change in &self.changes {
            let touched = &self.touched[change.touched];
            let collection = &self.collections[touched.collection];
            if let Some(id) = collection.id.filter(|_| collection.is_told) {
                mutations.changes.push(id, &touched.id_bytes, change);
            }
        }
        for (key, answer) in self.answers.iter().filter(|(_, answer)| answer.is_new) {
            mutations.answers.keys.push(key);
            mutations.answers.fingerprints.push(&answer.fingerprint);
            mutations.answers.outcomes.push(&answer.outcomes);
        }
        mutations
    }
}

impl Collection {
    fn new(name: CollectionName, id: Option<i32>) -> Self {
        Self { name, id, indexes: Arc::default(), keep: None, is_told: true, cutoff: None }
    }
}

impl<'j> Touched<'j> {
    fn current(&self) -> Option<&Stored<'j>> {
        match &self.now {
            Now::AsBefore => self.before.as_ref(),
            Now::Is(stored) => Some(stored),
            Now::Gone => None,
        }
    }
}

/// What checks ask beside the document that is written.
struct Beside<'b, 'j> {
    collections: &'b [Collection],
    touched: &'b [Touched<'j>],
    by_id: &'b HashMap<(usize, Vec<u8>), usize>,
    /// Those of which enough documents are among the touched.
    known_referrers: &'b HashSet<Reference>,
    wanted: &'b mut WantedOthers,
}

impl Beside<'_, '_> {
    fn collection(&self, name: &CollectionName) -> Option<usize> {
        self.collections.iter().position(|known| known.name == *name)
    }
}

impl Others for Beside<'_, '_> {
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool> {
        let known = self.collection(collection).and_then(|at| self.by_id.get(&(at, id_bytes(id))));
        if let Some(place) = known {
            let cutoff = self.collections[self.touched[*place].collection].cutoff;
            let has_expired = |at| cutoff.is_some_and(|cutoff| cutoff.is_past(at));
            let current = self.touched[*place].current();
            return Some(current.is_some_and(|stored| !has_expired(stored.updated_at)));
        }
        self.wanted.documents.insert((collection.clone(), id.clone()));
        None
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
    ) -> Referred {
        let reference = (collection.clone(), field.clone(), id.clone());
        let (Some(at), true) =
            (self.collection(collection), self.known_referrers.contains(&reference))
        else {
            self.wanted.referrers.insert(reference);
            return Referred::Unknown;
        };
        let is_index = self.collections[at].indexes.iter().any(|index| {
            index.state == RowState::Ready && finds_referrers(index.definition.order(), field)
        });
        if !is_index {
            return Referred::NoIndex;
        }
        let mut of_this = self.touched.iter().filter(|touched| touched.collection == at);
        let referring = of_this
            .any(|touched| touched.current().is_some_and(|stored| refers(&stored.body, field, id)));
        if referring { Referred::Yes } else { Referred::No }
    }
}

impl<'b> Mutations<'b> {
    /// Whether there is nothing to store.
    pub(crate) fn is_empty(&self) -> bool {
        !self.moves_on && self.answers.keys.is_empty()
    }

    /// About how many bytes it has to send.
    pub(crate) fn bytes(&self) -> usize {
        let bodies: usize = self.upserts.bodies.iter().map(|body| body.len()).sum();
        let keys = self.new_entries.keys.iter().chain(&self.deleted_entries.keys);
        let outcomes: usize = self.answers.outcomes.iter().map(|text| text.len()).sum();
        let changes = &self.changes;
        let kept = changes.former.iter().chain(&changes.bodies).flatten();
        let kept: usize = kept.map(|text| text.len()).sum();
        bodies + keys.map(Vec::len).sum::<usize>() + outcomes + kept + 200 * changes.kinds.len()
    }

    fn push_entries(
        &mut self,
        collection: i32,
        index: &IndexRow,
        touched: &'b Touched<'_>,
        now: Option<&Stored<'_>>,
    ) {
        let keys = |stored: Option<&Stored<'_>>| {
            let document = stored.map(|stored| {
                let (body, updated_at) = (&*stored.body, stored.updated_at);
                Indexed { body, id: &touched.id, updated_at }
            });
            document.map(|document| index.keys_of(document)).unwrap_or_default()
        };
        let (before, now) = (keys(touched.before.as_ref()), keys(now));
        for (number, key) in before.iter().filter(|key| !now.contains(key)) {
            self.deleted_entries.push(*number, key.clone(), collection, &touched.id_bytes);
        }
        for (number, key) in now.into_iter().filter(|key| !before.contains(key)) {
            self.new_entries.push(number, key, collection, &touched.id_bytes);
        }
    }
}

impl<'b> Upserts<'b> {
    fn push(&mut self, collection: i32, touched: &'b Touched<'_>, stored: &'b Stored<'_>) {
        self.keys.push(collection, &touched.id_bytes);
        self.revisions.push(stored.revision);
        self.created_at.push(stored.created_at.unix_us);
        self.updated_at.push(stored.updated_at.unix_us);
        self.bodies.push(&stored.body);
    }
}

impl<'b> Keys<'b> {
    pub(crate) fn push(&mut self, collection: i32, id: &'b [u8]) {
        self.collections.push(collection);
        self.ids.push(id);
    }
}

impl<'b> Changes<'b> {
    fn push(&mut self, collection: i32, id: &'b [u8], change: &'b NewChange) {
        self.sequences.push(change.sequence);
        self.keys.push(collection, id);
        // The codes are 1 to 4.
        self.kinds.push(i16::try_from(change.kind.code()).unwrap_or_default());
        self.revisions.push((change.kind != ChangeKind::Deleted).then_some(change.sequence));
        self.former.push(change.kept.former.stored());
        self.bodies.push(change.kept.body.stored());
    }
}

impl<'b> Entries<'b> {
    pub(crate) fn push(&mut self, index: i32, key: Vec<u8>, collection: i32, id: &'b [u8]) {
        self.indexes.push(index);
        self.keys.push(key);
        self.documents.push(collection, id);
    }
}

#[cfg(test)]
mod tests {
    use isobase_engine::{IfMissing, Precondition};

    use super::*;

    fn name() -> CollectionName {
        CollectionName::new("notes").unwrap()
    }

    fn operation(action: Action) -> WriteOperation {
        WriteOperation { collection: name(), action, precondition: Precondition::None }
    }

    fn create() -> WriteOperation {
        operation(Action::Create { body: "{}".into() })
    }

    fn delete(id: &str) -> WriteOperation {
        operation(Action::Delete { id: DocumentId::parse(id).unwrap() })
    }

    fn batch_of(operations: Vec<WriteOperation>) -> WriteBatch {
        WriteBatch { operations, ..WriteBatch::default() }
    }

    fn empty_database<'j>(jobs: &[WriteJob<'j>]) -> Batch<'j> {
        let mut batch = Batch::new(jobs, Timestamp { unix_us: 5 }, |_| Some(1));
        batch.clock = ClockRow { next_id: 1, ..ClockRow::default() };
        batch
    }

    #[test]
    fn later_operation_sees_the_id_of_an_earlier_create() {
        let asked = batch_of(vec![create(), delete("1"), delete("1")]);
        let job = WriteJob { batch: &asked, atomic: false };
        let mut batch = empty_database(&[job]);
        let report = batch.apply(0, job).unwrap();
        assert!(report.outcomes[0].is_ok() && report.outcomes[1].is_ok());
        assert_eq!(report.outcomes[2], Err(Rejection::NotFound));
        let mutations = batch.mutations();
        assert_eq!(mutations.changes.sequences, [1, 2]);
        assert!(mutations.upserts.bodies.is_empty() && mutations.deleted.ids.is_empty());
        assert!(mutations.counted.0.is_empty());
    }

    #[test]
    fn rejected_atomic_job_leaves_no_trace() {
        let first = batch_of(vec![create()]);
        let second = batch_of(vec![create(), delete("1"), delete("missing"), delete("gone")]);
        let third = batch_of(vec![create()]);
        let jobs = [(&first, false), (&second, true), (&third, false)]
            .map(|(batch, atomic)| WriteJob { batch, atomic });
        let mut batch = empty_database(&jobs);
        let reports: Vec<_> =
            jobs.iter().enumerate().map(|(at, job)| batch.apply(at, *job).unwrap()).collect();
        assert_eq!(reports[1].outcomes[0], Err(Rejection::BatchRejected));
        assert_eq!(reports[1].outcomes[2], Err(Rejection::NotFound));
        assert_eq!(reports[1].outcomes[3], Err(Rejection::BatchRejected));
        let written = reports[2].outcomes[0].as_ref().unwrap();
        assert_eq!(written.id, DocumentId::Integer(2));
        assert_eq!(written.revision, Revision::from_number(2));
        assert_eq!(batch.mutations().counted, (vec![1], vec![2]));
    }

    #[test]
    fn repeated_key_gives_the_first_outcomes() {
        let idempotency = Some(Idempotency { key: [1; 32], fingerprint: [2; 32] });
        let mut asked = batch_of(vec![create()]);
        asked.idempotency = idempotency;
        let mut other = asked.clone();
        other.idempotency = Some(Idempotency { key: [1; 32], fingerprint: [3; 32] });
        let jobs = [&asked, &asked, &other].map(|batch| WriteJob { batch, atomic: false });
        let mut batch = empty_database(&jobs);
        let first = batch.apply(0, jobs[0]).unwrap();
        let second = batch.apply(1, jobs[1]).unwrap();
        assert_eq!(first.outcomes, second.outcomes);
        assert!(second.replayed);
        let mismatch = batch.apply(2, jobs[2]).unwrap_err();
        assert_eq!(mismatch.kind, ErrorKind::IdempotencyMismatch);
        assert_eq!(batch.mutations().upserts.bodies.len(), 1);
    }

    #[test]
    fn rejected_write_makes_no_collection() {
        let asked = batch_of(vec![
            delete("a"),
            operation(Action::Put {
                id: DocumentId::parse("a").unwrap(),
                body: "{}".into(),
                if_missing: IfMissing::Refuse,
            }),
        ]);
        let job = WriteJob { batch: &asked, atomic: false };
        let mut batch = Batch::new(&[job], Timestamp::default(), |_| None);
        batch.apply(0, job).unwrap();
        assert!(batch.new_collections().is_empty());
        assert!(batch.mutations().is_empty());
    }
}
