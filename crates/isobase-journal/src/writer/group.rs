//! What a group of operations does to the database, worked out in memory.
//!
//! A [`Group`] knows the documents that were read for it. Operations are applied one after the
//! other, later ones seeing what earlier ones did; any number of the last can be taken back. The
//! sum is one [`Commit`].

use std::collections::{BTreeMap, HashMap, HashSet};

use isobase_engine::{
    AllTerms, BatchProgress, Current, Cutoff, Effect, Idempotency, Indexed, KEPT_BYTES_MAX, Others,
    Referred, Rejection, UniqueHolders, WriteOperation, WriteOutcome, Written, decide,
    listing::StoredKeys, next_id, refers,
};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, FieldPath, Kept, KeptText, Revision, Sequence,
    Timestamp,
};

use crate::{
    After, Before, CatalogueEntry, Commit, Cost, DocumentDatabase, DocumentKey, DocumentWrite,
    Head, IndexEntry, IndexNumber, KeptBody, Meta, NativeDocument, StoredAnswer,
    catalogue::Catalogue,
    keys::keys_of,
    shared::{Shared, is_gone},
    unique::Wanted,
    writer::others::{Reference, WantedOthers, index_of_referrers},
};

/// Most changes of one commit, where the database does not promise more: they are one record of
/// the log, which is one document.
const CHANGES_MAX: u64 = 1_000;

/// Bytes of a change in the log beside its names.
const CHANGE_BYTES: u64 = 130;

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
    /// What is remembered of idempotency keys, also what this group adds.
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

/// A document of the group.
struct Working {
    /// As it was read, also when a deletion of its collection has taken it away.
    native: Option<NativeDocument>,
    state: State,
}

impl Working {
    /// Its last change; none when it is not there.
    fn updated_at(&self) -> Option<Timestamp> {
        self.state.content.as_ref().map(|content| content.updated_at)
    }

    /// Its body as it is now; none when it is not there.
    fn body(&self) -> Option<&str> {
        self.state.content.as_ref().map(|content| &*content.body)
    }
}

#[derive(Default)]
struct State {
    content: Option<Content>,
    /// An operation of this group changed it.
    touched: bool,
    /// What is to be written; none when nothing was and nothing is.
    write: Option<DocumentWrite>,
    cost: Cost,
}

struct Content {
    revision: Revision,
    created_at: Timestamp,
    updated_at: Timestamp,
    body: String,
    /// Natively it stays as another program wrote it.
    keeps_native: bool,
}

/// The state of a document before an operation; none when the group did not know it.
struct Undo {
    key: DocumentKey,
    before: Option<State>,
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

/// What a stamp did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stamped {
    /// It was ours already, or is gone.
    No,
    /// Another program had made it.
    Created,
    /// Another program had changed it.
    Updated,
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

    /// What it writes so far.
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

    /// Deletes a document whose time is over, by a write of its own: whatever comes of the
    /// operation that names it, it meets none.
    fn remove_expired(&mut self, key: &DocumentKey, cutoff: Cutoff) -> Result<(), Rejection> {
        let content = self.documents.get(key).and_then(|known| known.state.content.as_ref());
        let Some(expired) = content.filter(|content| cutoff.is_past(content.updated_at)) else {
            return Ok(());
        };
        let indexes = self.catalogue.entry(&key.collection).into_iter().flat_map(|e| &e.indexes);
        let unique = indexes.filter(|i| i.definition.is_unique());
        let unique = unique.map(|i| ((key.collection.clone(), i.number), &i.definition));
        self.holders.write(unique, &key.id, Some(&expired.body), None)?;
        self.write(key.clone(), None, ChangeKind::Deleted)
    }

    /// Applies one operation. A rejected one leaves no trace, but that an expired document it
    /// names is gone.
    pub(crate) fn apply(
        &mut self,
        operation: &WriteOperation,
        progress: &mut BatchProgress,
    ) -> WriteOutcome {
        let key = match operation.action.id() {
            Some(id) => DocumentKey { collection: operation.collection.clone(), id: id.clone() },
            None => self.next_key(&operation.collection)?,
        };
        if let Some(cutoff) = self.shared.terms.cutoff(&key.collection, || self.now) {
            self.remove_expired(&key, cutoff)?;
        }
        let current = self.documents.get(&key).and_then(|known| known.state.content.as_ref());
        let (created_at, existing) = match current {
            // Another program's document may not say when it was made.
            Some(content) if content.created_at != Timestamp::default() => {
                (content.created_at, true)
            }
            Some(_) => (self.now, true),
            None => (self.now, false),
        };
        // A clock that was set back changes nothing before it was changed last.
        let updated_at = current.map_or(self.now, |content| self.now.max(content.updated_at));
        let current = current.map(|content| Current {
            revision: &content.revision,
            created_at: content.created_at,
            body: &content.body,
        });
        let limits = self.shared.database.limits();
        let database = &self.shared.database;
        let mut beside = Beside {
            catalogue: self.catalogue,
            documents: &self.documents,
            known_referrers: &self.known_referrers,
            wanted: &mut self.wanted_others,
            terms: &self.shared.terms,
            now: self.now,
            refuses: &|collection| database.refuses_collection(collection).is_some(),
        };
        let effect = decide(operation, current, limits, progress, &mut beside)?;
        let collection = &operation.collection;
        let indexes = self.catalogue.entry(collection).into_iter().flat_map(|e| &e.indexes);
        let unique = indexes.filter(|i| i.definition.is_unique());
        let indexes = unique.map(|i| ((collection.clone(), i.number), &i.definition));
        let holders = self.holders.mark();
        let before = current.map(|current| current.body);
        self.holders.write(indexes, &key.id, before, effect.body())?;
        let returned = effect.returned_body().map(str::to_owned);
        let (kind, body) = match effect {
            Effect::Insert { body, .. } => (ChangeKind::Created, Some(body.into_owned())),
            Effect::Replace { body, .. } => (ChangeKind::Updated, Some(body.into_owned())),
            Effect::Remove => (ChangeKind::Deleted, None),
        };
        debug_assert!(existing || kind == ChangeKind::Created);
        let sequence = Sequence(self.next.sequence.0 + 1);
        let revision = Revision::from_number(sequence.0);
        let content = body.map(|body| Content {
            revision: revision.clone(),
            created_at,
            updated_at,
            body,
            keeps_native: false,
        });
        if let Err(unholdable) = self.write(key.clone(), content, kind) {
            self.holders.back_to(holders);
            return Err(unholdable);
        }
        Ok(Written { id: key.id, kind, revision, created_at, updated_at, body: returned })
    }

    /// Takes a document in, as it is, that another program wrote, or whose bookkeeping is of
    /// another journal and has this revision.
    pub(crate) fn stamp(
        &mut self,
        key: &DocumentKey,
        elsewhere: Option<Sequence>,
    ) -> Result<Stamped, Rejection> {
        let Some(Working { native: Some(native), state }) = self.documents.get(key) else {
            return Ok(Stamped::No);
        };
        let Some(content) = &state.content else { return Ok(Stamped::No) };
        let stamp = native.meta.as_ref().map(|meta| meta.revision);
        let is_elsewhere = elsewhere.is_some() && elsewhere == stamp;
        if !(native.is_foreign() || is_elsewhere) || state.touched {
            return Ok(Stamped::No);
        }
        let (kind, stamped) = match &native.meta {
            Some(meta) if meta.is_bound_to(&key.id) && !is_elsewhere => {
                (ChangeKind::Updated, Stamped::Updated)
            }
            _ => (ChangeKind::Created, Stamped::Created),
        };
        let or_now = |at: Timestamp| if at == Timestamp::default() { self.now } else { at };
        let content = Content {
            revision: Revision::from_number(self.next.sequence.0 + 1),
            created_at: or_now(content.created_at),
            updated_at: or_now(content.updated_at),
            body: content.body.clone(),
            keeps_native: true,
        };
        self.write(key.clone(), Some(content), kind)?;
        Ok(stamped)
    }

    /// Tells that a whole collection is gone, and lets nobody see its documents any more.
    pub(crate) fn delete_collection(&mut self, entry: &CatalogueEntry) -> Sequence {
        let sequence = Sequence(self.next.sequence.0 + 1);
        self.next.sequence = sequence;
        self.changes.push(Change {
            sequence,
            collection: entry.collection.clone(),
            id: None,
            kind: ChangeKind::CollectionDeleted,
            revision: None,
            at: self.now,
            kept: Kept::default(),
        });
        // What other programs wrote is gone too; there is nothing to adopt.
        let entry = CatalogueEntry { deleting: Some(sequence), adopted: true, ..entry.clone() };
        self.set_entry(entry);
        sequence
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

    /// The key of the next document whose id is ours to give. Ids that other programs took are
    /// passed over.
    fn next_key(&self, collection: &CollectionName) -> Result<DocumentKey, Rejection> {
        let mut last = self.next.last_id;
        loop {
            last = next_id(last)?;
            let key = DocumentKey { collection: collection.clone(), id: DocumentId::Integer(last) };
            let is_free = self
                .documents
                .get(&key)
                .is_none_or(|known| known.state.content.is_none() && !known.state.touched);
            if is_free {
                return Ok(key);
            }
        }
    }

    /// Puts a new content in the place of the old, with its change.
    fn write(
        &mut self,
        key: DocumentKey,
        content: Option<Content>,
        kind: ChangeKind,
    ) -> Result<(), Rejection> {
        let native = self.documents.get(&key).and_then(|known| known.native.as_ref());
        let write = self.write_of(&key, native, content.as_ref());
        if let Some(DocumentWrite { after: Some(after), .. }) = &write {
            self.shared.check_holdable(&key, after)?;
        }
        let cost = write.as_ref().map(|write| self.shared.database.cost(write));
        let cost = cost.unwrap_or_default();
        let revision = content.as_ref().map(|content| content.revision.clone());
        let kept = self.kept(&key, content.as_ref(), kind);
        self.kept_bytes += kept.bytes();
        let before = self.replace(&key, State { content, touched: true, write, cost });
        self.journal.push(Undo { key: key.clone(), before });
        // Also an id that a caller or another program chose must not be given again.
        self.next.last_id = self.next.last_id.max(key.id.counted().unwrap_or_default());
        self.next.sequence = Sequence(self.next.sequence.0 + 1);
        let names = key.collection.as_str().len() + key.id.to_string().len();
        self.change_bytes += names as u64 + CHANGE_BYTES;
        self.changes.push(Change {
            sequence: self.next.sequence,
            collection: key.collection,
            id: Some(key.id),
            kind,
            revision,
            at: self.now,
            kept,
        });
        Ok(())
    }

    /// What the change of a document keeps of it, as far as it may.
    fn kept(&mut self, key: &DocumentKey, content: Option<&Content>, kind: ChangeKind) -> Kept {
        let is_told = self.shared.terms.of(&key.collection).changes;
        let keep = self.shared.keeping.of(&key.collection).filter(|_| is_told);
        let Some(keep) = keep else { return Kept::default() };
        let before = self.documents.get(key).and_then(|known| known.state.content.as_ref());
        let is_foreign = content.is_some_and(|content| content.keeps_native);
        let before = before.filter(|_| !is_foreign).map(|content| &*content.body);
        let mut kept = keep.kept(before, content.map(|content| &*content.body));
        if is_foreign && kind == ChangeKind::Updated && keep.needs_former() {
            // Another program wrote over it.
            kept.former = KeptText::Omitted;
        }
        let left = KEPT_COMMIT_BYTES_MAX.saturating_sub(self.kept_bytes);
        if kept.body.bytes() > KEPT_BYTES_MAX || kept.bytes() > left {
            self.keep_apart(std::mem::replace(&mut kept.body, KeptText::Omitted));
        }
        if kept.former.bytes() > left {
            kept.former = KeptText::Omitted;
        }
        kept
    }

    /// Keeps the body of the next change apart, if it can be.
    fn keep_apart(&mut self, body: KeptText) {
        let bytes_max = self.shared.database.kept_body_bytes_max();
        if let Some(text) = body.text()
            && text.len() <= bytes_max
            && !self.omits_bodies
        {
            let sequence = Sequence(self.next.sequence.0 + 1);
            self.bodies.push(KeptBody { sequence, text: text.to_owned() });
        }
    }

    /// Exchanges the state of a document and keeps the sums. None when it was not known.
    fn replace(&mut self, key: &DocumentKey, state: State) -> Option<State> {
        let (touched, cost) = (state.touched, state.cost);
        let known = self.documents.contains_key(key);
        let working = self
            .documents
            .entry(key.clone())
            .or_insert_with(|| Working { native: None, state: State::default() });
        let before = std::mem::replace(&mut working.state, state);
        self.cost.items = self.cost.items + cost.items - before.cost.items;
        self.cost.bytes = self.cost.bytes + cost.bytes - before.cost.bytes;
        match (before.touched, touched) {
            (false, true) => *self.collections.entry(key.collection.clone()).or_default() += 1,
            (true, false) => {
                if let Some(count) = self.collections.get_mut(&key.collection) {
                    *count -= 1;
                    if *count == 0 {
                        self.collections.remove(&key.collection);
                    }
                }
            }
            _ => {}
        }
        known.then_some(before)
    }

    /// What becomes of a document natively; none when nothing was and nothing is.
    fn write_of(
        &self,
        key: &DocumentKey,
        native: Option<&NativeDocument>,
        content: Option<&Content>,
    ) -> Option<DocumentWrite> {
        if native.is_none() && content.is_none() {
            return None;
        }
        let indexes = indexes_of(self.catalogue, &self.retired, &key.collection);
        let stored = self.shared.stored_keys();
        let keeps_native = content.is_some_and(|content| content.keeps_native);
        let before = native.map(|native| {
            let mut before = before_of(native, &indexes, stored, content.is_none());
            if keeps_native {
                before.keys.clear();
            }
            before
        });
        let after = content.map(|content| {
            let revision = Sequence(content.revision.number().unwrap_or_default());
            let (fields, meta) = Meta::of_body(
                &content.body,
                self.shared.database.rules(),
                revision,
                content.created_at,
                content.updated_at,
            );
            let meta = Meta { keeps_content: content.keeps_native, ..meta.bound_to(&key.id) };
            let (body, updated_at) = (&*content.body, content.updated_at);
            let keys = keys_of(Indexed { body, id: &key.id, updated_at }, &indexes, stored);
            After { fields, meta, keys }
        });
        Some(DocumentWrite { key: key.clone(), before, after })
    }
}

/// What checks ask beside the document that is written.
struct Beside<'g> {
    catalogue: &'g Catalogue,
    documents: &'g HashMap<DocumentKey, Working>,
    /// Those of which enough documents are known.
    known_referrers: &'g HashSet<Reference>,
    wanted: &'g mut WantedOthers,
    terms: &'g AllTerms,
    now: Timestamp,
    /// The database can have no such collection.
    refuses: &'g dyn Fn(&CollectionName) -> bool,
}

impl Others for Beside<'_> {
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool> {
        if (self.refuses)(collection) {
            return Some(false);
        }
        let key = DocumentKey { collection: collection.clone(), id: id.clone() };
        if let Some(known) = self.documents.get(&key) {
            let cutoff = self.terms.cutoff(collection, || self.now);
            let has_expired = |at| cutoff.is_some_and(|cutoff| cutoff.is_past(at));
            return Some(known.updated_at().is_some_and(|at| !has_expired(at)));
        }
        self.wanted.documents.insert(key);
        None
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
    ) -> Referred {
        if index_of_referrers(self.catalogue, collection, field).is_none() {
            return Referred::NoIndex;
        }
        let reference = (collection.clone(), field.clone(), id.clone());
        if !self.known_referrers.contains(&reference) {
            self.wanted.referrers.insert(reference);
            return Referred::Unknown;
        }
        let mut of_this = self.documents.iter().filter(|(key, _)| key.collection == *collection);
        let referring =
            of_this.any(|(_, known)| known.body().is_some_and(|body| refers(body, field, id)));
        if referring { Referred::Yes } else { Referred::No }
    }
}

/// The indexes that a write keeps true.
pub(crate) fn indexes_of(
    catalogue: &Catalogue,
    retired: &[(CollectionName, IndexEntry)],
    collection: &CollectionName,
) -> Vec<IndexEntry> {
    let mut indexes = catalogue.entry(collection).map_or_else(Vec::new, |e| e.indexes.clone());
    let of_this = retired.iter().filter(|(name, _)| name == collection);
    for (_, retired) in of_this {
        if indexes.iter().all(|index| index.number != retired.number) {
            indexes.push(retired.clone());
        }
    }
    indexes
}

/// A document as it was read, before a write or before it is deleted.
pub(crate) fn before_of(
    native: &NativeDocument,
    indexes: &[IndexEntry],
    stored: StoredKeys,
    is_deleted: bool,
) -> Before {
    let stamp = native.meta.as_ref().map(|meta| meta.revision);
    // Other programs write no keys, and leave those of the content that they replace.
    let keys = match native.is_foreign() && !is_deleted {
        true => Vec::new(),
        false => keys_of(native.indexed(), indexes, stored),
    };
    Before { tag: native.tag.clone(), stamp, keys }
}
