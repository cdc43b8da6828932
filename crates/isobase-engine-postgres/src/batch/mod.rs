//! The effect of a batch of writes on the tables, worked out in memory. Asks and stores nothing.
//!
//! [`Batch::new`] says which rows must be known; with them [`Batch::apply`] carries out one job
//! after the other, later ones seeing what earlier ones did; [`Batch::mutations`] is the sum.

mod apply;
mod beside;
mod mutations;
mod touched;

use std::collections::{HashMap, HashSet};

use isobase_engine::{Action, AllTerms, Keeping, UniqueHolders, UniqueKey, WriteBatch};
use isobase_types::{CollectionName, DocumentId, Timestamp};

pub(crate) use mutations::{Entries, Keys, Mutations, Upserts};
pub(crate) use touched::Stored;
use touched::{Answer, Collection, NewChange, Now, Touched};

use crate::{
    catalogue::IndexCatalogue,
    codec::id_bytes,
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
}

#[cfg(test)]
mod tests {
    use isobase_engine::{
        ErrorKind, Idempotency, IfMissing, Precondition, Rejection, WriteOperation,
    };
    use isobase_types::Revision;

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
