//! The effect of a group of operations on the database, worked out in memory.
//!
//! A [`Group`] knows the documents that were read for it. Operations are applied one after the
//! other, later ones seeing what earlier ones did; any number of the last can be taken back. The
//! sum is one [`Commit`].

mod apply;
mod beside;
mod native;
mod working;
mod write;

use std::collections::{BTreeMap, HashMap, HashSet};

use isobase_engine::{Idempotency, UniqueHolders, WriteOperation};
use isobase_types::{Change, CollectionName, DocumentId, Sequence, Timestamp};

pub(crate) use apply::Stamped;
pub(crate) use native::{before_of, indexes_of};
use working::{Content, State, Undo, Working};

use crate::{
    CatalogueEntry, Commit, Cost, DocumentDatabase, DocumentKey, Head, IndexEntry, IndexNumber,
    KeptBody, NativeDocument, StoredAnswer,
    catalogue::Catalogue,
    shared::{Shared, is_gone},
    unique::Wanted,
    writer::others::{Reference, WantedOthers},
};

/// Most changes of one commit, where the database does not promise more: they are one record of
/// the log, which is one document.
const CHANGES_MAX: u64 = 1_000;

/// Bytes that the changes of one commit keep of documents at most, so that its record is within
/// every database's bound (400 KB on DynamoDB, of which names may be half). Bodies beyond it are
/// omitted; a commit that has half of it takes nothing more in.
const KEPT_COMMIT_BYTES_MAX: usize = 128 << 10;

/// Bytes of a stored answer beside its outcomes.
const ANSWER_BYTES: u64 = 200;

pub(crate) struct Group<'a, B> {
    shared: &'a Shared<B>,
    catalogue: &'a Catalogue,
    retired: Vec<(CollectionName, IndexEntry)>,
    now: Timestamp,
    head: Head,
    /// The head before anything was applied: no id is given before its last one.
    begun: Head,
    /// The head after what was applied so far.
    next: Head,
    /// Of unique values.
    holders: UniqueHolders<(CollectionName, IndexNumber)>,
    /// References of which enough documents are known to know whether one is left.
    known_referrers: HashSet<Reference>,
    wanted_others: WantedOthers,
    documents: HashMap<DocumentKey, Working>,
    changes: Vec<Change>,
    /// The memory of idempotency keys, also what this group adds.
    known_answers: HashMap<[u8; 32], StoredAnswer>,
    answers: Vec<StoredAnswer>,
    /// Entries that are new or changed.
    entries: BTreeMap<CollectionName, CatalogueEntry>,
    /// Of the documents.
    cost: Cost,
    change_bytes: u64,
    /// Of documents, in the changes.
    kept_bytes: usize,
    /// Bodies that changes keep and that lie apart.
    bodies: Vec<KeptBody>,
    /// Such bodies are omitted: with them the documents themselves would not fit.
    omits_bodies: bool,
    /// How many written documents each collection has.
    collections: HashMap<CollectionName, usize>,
    /// How to take back what was done, the last at the end.
    journal: Vec<Undo>,
}

/// A place in the work of a group, to go back to.
pub(crate) struct Mark {
    journal: usize,
    next: Head,
    changes: usize,
    answers: usize,
    change_bytes: u64,
    holders: usize,
    kept_bytes: usize,
    bodies: usize,
}

impl<'a, B: DocumentDatabase> Group<'a, B> {
    pub(crate) fn new(shared: &'a Shared<B>, catalogue: &'a Catalogue, head: Head) -> Self {
        let identity = Some(shared.identity(head.identity));
        let author = Some(shared.author);
        Self {
            shared,
            catalogue,
            retired: shared.catalogue.retired(),
            now: shared.time.now(),
            head,
            begun: Head { identity, author, ..head },
            next: Head { identity, author, ..head },
            holders: UniqueHolders::default(),
            known_referrers: HashSet::new(),
            wanted_others: WantedOthers::default(),
            documents: HashMap::new(),
            changes: Vec::new(),
            known_answers: HashMap::new(),
            answers: Vec::new(),
            entries: BTreeMap::new(),
            cost: Cost::default(),
            change_bytes: 0,
            kept_bytes: 0,
            bodies: Vec::new(),
            omits_bodies: false,
            collections: HashMap::new(),
            journal: Vec::new(),
        }
    }

    /// Gives none of the next ids: other programs have taken them.
    pub(crate) fn pass_ids(&mut self, ids: i64) {
        self.next.last_id = self.next.last_id.saturating_add(ids);
        self.begun = self.next;
    }

    /// The unique values of which must be known who has them, before what was applied counts.
    pub(crate) fn wanted_holders(&mut self) -> Vec<Wanted> {
        self.holders.take_wanted()
    }

    /// Learns who has unique values.
    pub(crate) fn know_holders(&mut self, wanted: Vec<Wanted>, holders: Vec<Vec<DocumentId>>) {
        for ((index, key), holders) in wanted.into_iter().zip(holders) {
            self.holders.learn(index, key, holders);
        }
    }

    /// The other documents that must be known before what was applied counts.
    pub(crate) fn wanted_others(&mut self) -> WantedOthers {
        std::mem::take(&mut self.wanted_others)
    }

    /// Learns of another document, unless it is known.
    pub(crate) fn know_other(&mut self, key: DocumentKey, native: Option<NativeDocument>) {
        if !self.documents.contains_key(&key) {
            self.know(key, native);
        }
    }

    /// Enough documents that refer to another are known.
    pub(crate) fn set_referrers_known(&mut self, reference: Reference) {
        self.known_referrers.insert(reference);
    }

    /// Takes back everything that was applied.
    pub(crate) fn restart(&mut self) {
        for answer in &self.answers {
            self.known_answers.remove(&answer.key);
        }
        self.back_to(&Mark {
            journal: 0,
            next: self.begun,
            changes: 0,
            answers: 0,
            change_bytes: 0,
            kept_bytes: 0,
            bodies: 0,
            holders: 0,
        });
        self.holders.restart();
    }

    /// Learns how a document is.
    pub(crate) fn know(&mut self, key: DocumentKey, native: Option<NativeDocument>) {
        let deleting = self.catalogue.deleting(&key.collection);
        let content =
            native.as_ref().filter(|native| !is_gone(native, deleting)).map(|native| Content {
                revision: native.revision.clone(),
                created_at: native.created_at,
                updated_at: native.updated_at,
                body: native.body.clone(),
                keeps_native: false,
            });
        let state = State { content, ..State::default() };
        self.documents.insert(key, Working { native, state });
    }

    /// Learns a first answer.
    pub(crate) fn know_answer(&mut self, answer: StoredAnswer) {
        self.known_answers.insert(answer.key, answer);
    }

    /// Whether an operation can be applied: what it must know is known.
    pub(crate) fn knows(&self, operation: &WriteOperation) -> bool {
        operation.action.id().is_none_or(|id| {
            let key = DocumentKey { collection: operation.collection.clone(), id: id.clone() };
            self.documents.contains_key(&key)
        })
    }

    /// The first answer to a key, if it is remembered.
    pub(crate) fn answer(&self, idempotency: &Idempotency) -> Option<&StoredAnswer> {
        let oldest = self.shared.ago(self.shared.options.idempotency_retention);
        self.known_answers.get(&idempotency.key).filter(|answer| answer.at >= oldest)
    }

    /// Remembers an answer with what was applied.
    pub(crate) fn remember(&mut self, idempotency: &Idempotency, outcomes: String) {
        let Idempotency { key, fingerprint } = *idempotency;
        let answer = StoredAnswer { key, fingerprint, outcomes, at: self.now };
        self.answers.push(answer);
    }

    /// Lets later jobs see the answers given so far. They cannot be taken back any more.
    pub(crate) fn keep_answers(&mut self) {
        let given = self.answers.iter().map(|answer| (answer.key, answer.clone()));
        self.known_answers.extend(given);
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark {
            journal: self.journal.len(),
            next: self.next,
            changes: self.changes.len(),
            answers: self.answers.len(),
            change_bytes: self.change_bytes,
            holders: self.holders.mark(),
            kept_bytes: self.kept_bytes,
            bodies: self.bodies.len(),
        }
    }

    /// Takes back what was applied after a mark.
    pub(crate) fn back_to(&mut self, mark: &Mark) {
        while self.journal.len() > mark.journal {
            let Some(Undo { key, before }) = self.journal.pop() else { break };
            match before {
                Some(state) => {
                    self.replace(&key, state);
                }
                None => {
                    self.replace(&key, State::default());
                    self.documents.remove(&key);
                }
            }
        }
        self.next = mark.next;
        self.changes.truncate(mark.changes);
        self.answers.truncate(mark.answers);
        self.change_bytes = mark.change_bytes;
        self.holders.back_to(mark.holders);
        self.kept_bytes = mark.kept_bytes;
        self.bodies.truncate(mark.bodies);
    }

    /// Nothing is to be written.
    pub(crate) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.answers.is_empty() && self.entries.is_empty()
    }

    /// Whether it is within what one commit may write.
    pub(crate) fn fits(&self) -> bool {
        let (budget, total) = (self.shared.database.budget(), self.total());
        let atomic_max = self.shared.database.limits().atomic_operations.max;
        let changes_max = atomic_max.max(budget.items.min(CHANGES_MAX));
        total.items <= budget.items
            && total.bytes <= budget.bytes
            && self.changes.len() as u64 <= changes_max
    }

    /// Whether its changes keep so much of documents that others should wait for the next one.
    pub(crate) fn keeps_much(&self) -> bool {
        self.kept_bytes > KEPT_COMMIT_BYTES_MAX / 2
    }

    /// Whether bodies lie apart that could be omitted.
    pub(crate) fn has_bodies_apart(&self) -> bool {
        !self.bodies.is_empty()
    }

    /// Whether large bodies are omitted from now on.
    pub(crate) fn omit_bodies(&mut self, omits: bool) {
        self.omits_bodies = omits;
    }

    /// Its writes so far.
    pub(crate) fn total(&self) -> Cost {
        let per_collection = self.shared.database.budget().items_per_collection;
        let written = self.collections.keys().map(|name| match self.catalogue.entry(name) {
            Some(_) if !self.entries.contains_key(name) => per_collection,
            // It gets an entry in the catalogue.
            _ => per_collection.max(1),
        });
        let alone = self.entries.keys().filter(|name| !self.collections.contains_key(*name));
        let alone = alone.map(|_| per_collection.max(1));
        let answers: u64 =
            self.answers.iter().map(|answer| answer.outcomes.len() as u64 + ANSWER_BYTES).sum();
        let bodies: u64 = self.bodies.iter().map(|body| body.text.len() as u64).sum();
        Cost {
            items: self.cost.items
                + self.answers.len() as u64
                + self.bodies.len() as u64
                + written.sum::<u64>()
                + alone.sum::<u64>(),
            bytes: self.cost.bytes + answers + bodies + self.change_bytes + self.kept_bytes as u64,
        }
    }

    /// Changes the catalogue.
    pub(crate) fn set_entry(&mut self, entry: CatalogueEntry) {
        self.next.catalogue = self.head.catalogue + 1;
        self.entries.insert(entry.collection.clone(), entry);
    }

    /// Collections that get documents and have no entry in the catalogue yet.
    pub(crate) fn unknown_collections(&self) -> Vec<CollectionName> {
        let known = |name: &&CollectionName| {
            self.catalogue.entry(name).is_some() || self.entries.contains_key(*name)
        };
        self.collections.keys().filter(|name| !known(name)).cloned().collect()
    }

    /// The commit of all that was applied.
    pub(crate) fn into_commit(mut self) -> Commit {
        let status = &self.shared.status;
        let kept = self.shared.options.changes_max;
        let expired = status.expired.load(std::sync::atomic::Ordering::Relaxed);
        let floor = self.next.sequence.0.saturating_sub(kept).max(expired);
        let floor = Sequence(floor.min(self.next.sequence.0));
        self.next.floor = self.next.floor.max(floor);
        self.next.commit = self.head.commit + 1;
        let documents = self.documents.into_values().filter_map(|working| working.state.write);
        let documents = documents.collect();
        let mut untold: Vec<CollectionName> = Vec::new();
        for Change { collection, .. } in &self.changes {
            if !untold.contains(collection) && !self.shared.terms.of(collection).changes {
                untold.push(collection.clone());
            }
        }
        Commit {
            head: self.head,
            next: self.next,
            documents,
            changes: self.changes,
            untold,
            answers: self.answers,
            catalogue: self.entries.into_values().collect(),
            bodies: self.bodies,
            at: self.now,
        }
    }
}
