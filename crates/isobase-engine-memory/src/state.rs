//! The contents of the engine.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, VecDeque},
    sync::Arc,
};

use isobase_engine::{
    AllTerms, BatchProgress, CollectionInfo, Counters, Current, Cutoff, Duplicates, Effect,
    EngineError, ErrorKind, Idempotency, Identity, IndexDefinition, Keeping, Limits, Others,
    Referred, Rejection, UniqueKey, WriteBatch, WriteOperation, WriteOutcome, WriteReport, Written,
    decide, finds_referrers, next_id, not_unique, refers,
};
use isobase_types::{
    Change, ChangeKind, CollectionName, Document, DocumentId, FieldPath, Kept, Revision, Sequence,
    Timestamp,
};

use crate::MemoryOptions;

/// Documents are shared with snapshots, and so is their map until one of both changes.
pub(crate) type Documents = BTreeMap<DocumentId, Arc<Document>>;

/// Everything the engine holds. Only the holder of the lock sees or changes it.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) keeping: Keeping,
    /// Shared with reads.
    pub(crate) terms: Arc<AllTerms>,
    pub(crate) identity: Identity,
    /// Collections with at least one document.
    pub(crate) collections: BTreeMap<CollectionName, Arc<Documents>>,
    /// Declared indexes; listings do not use them.
    pub(crate) indexes: HashMap<CollectionName, Vec<Index>>,
    /// The kept part of the change feed, oldest first.
    pub(crate) changes: VecDeque<Change>,
    /// The place of the last change that is no longer kept.
    pub(crate) changes_floor: Sequence,
    /// The number of the last write.
    pub(crate) sequence: u64,
    /// The last integer id given out.
    last_id: i64,
    answers: HashMap<[u8; 32], Answer>,
    /// Keys of `answers`, oldest first.
    answer_order: VecDeque<[u8; 32]>,
    /// The note of a load that was begun and not finished.
    pub(crate) unfinished: Option<String>,
}

/// A declared index.
#[derive(Debug)]
pub(crate) struct Index {
    pub(crate) definition: IndexDefinition,
    /// Who has which values, of a unique one. Several have one only while a load is unfinished.
    holders: HashMap<UniqueKey, BTreeSet<DocumentId>>,
}

impl Index {
    fn key(&self, id: &DocumentId, document: Option<&Arc<Document>>) -> Option<UniqueKey> {
        UniqueKey::of(&self.definition, &document?.body, id)
    }

    /// Follows a document that becomes another.
    fn follow(
        &mut self,
        id: &DocumentId,
        before: Option<&Arc<Document>>,
        after: Option<&Arc<Document>>,
    ) {
        let (old, new) = (self.key(id, before), self.key(id, after));
        if let Some(holders) = old.and_then(|old| self.holders.get_mut(&old)) {
            holders.remove(id);
        }
        if let Some(new) = new {
            self.holders.entry(new).or_default().insert(id.clone());
        }
        if let Some(old) = old
            && self.holders.get(&old).is_some_and(BTreeSet::is_empty)
        {
            self.holders.remove(&old);
        }
    }

    fn check(&self, collection: &CollectionName) -> Result<(), EngineError> {
        let mut duplicates = Duplicates::default();
        let mut several: Vec<_> =
            self.holders.values().filter(|holders| holders.len() > 1).collect();
        several.sort();
        for holders in several {
            duplicates.add(holders.iter().cloned().collect());
        }
        duplicates.refuse(collection, &self.definition)
    }
}

/// The first answer to an idempotency key.
#[derive(Debug)]
struct Answer {
    fingerprint: [u8; 32],
    outcomes: Vec<WriteOutcome>,
    at: Timestamp,
}

/// The time of a batch.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) now: Timestamp,
    /// Answers given before are forgotten.
    pub(crate) oldest_answer: Timestamp,
}

/// How to take back one operation.
struct Undo {
    collection: CollectionName,
    id: DocumentId,
    before: Option<Arc<Document>>,
}

impl State {
    /// An empty database.
    pub(crate) fn new(terms: Arc<AllTerms>) -> Self {
        Self { terms, ..Self::default() }
    }

    pub(crate) fn write(
        &mut self,
        batch: WriteBatch,
        atomic: bool,
        moment: Moment,
        limits: &Limits,
        options: &MemoryOptions,
    ) -> Result<WriteReport, EngineError> {
        let now = moment.now;
        self.forget_old_answers(moment.oldest_answer, options);
        if let Some(outcomes) = self.replay(batch.idempotency.as_ref())? {
            return Ok(WriteReport { outcomes, replayed: true });
        }
        let (sequence, last_id, kept) = (self.sequence, self.last_id, self.changes.len());
        let mut undo = Vec::new();
        let mut progress = BatchProgress::of(&batch);
        let mut outcomes = Vec::with_capacity(batch.operations.len());
        let operations = batch.operations.len();
        for operation in batch.operations {
            let outcome = self.apply(operation, now, limits, &mut undo, &mut progress);
            let rejected = outcome.is_err();
            outcomes.push(outcome);
            if atomic && rejected {
                break;
            }
        }
        if atomic && outcomes.last().is_some_and(Result::is_err) {
            self.take_back(undo);
            (self.sequence, self.last_id) = (sequence, last_id);
            self.changes.truncate(kept);
            for outcome in outcomes.iter_mut().filter(|outcome| outcome.is_ok()) {
                *outcome = Err(Rejection::BatchRejected);
            }
            // What comes after the first rejected one is not looked at.
            outcomes.resize(operations, Err(Rejection::BatchRejected));
        }
        if let Some(idempotency) = batch.idempotency {
            self.remember(idempotency, &outcomes, now);
        }
        self.trim_changes(options.changes_max);
        Ok(WriteReport { outcomes, replayed: false })
    }

    pub(crate) fn delete_collection(
        &mut self,
        collection: &CollectionName,
        now: Timestamp,
        options: &MemoryOptions,
    ) -> u64 {
        let cutoff = self.terms.cutoff(collection, || now);
        let Some(documents) = self.collections.remove(collection) else { return 0 };
        for index in self.indexes.get_mut(collection).into_iter().flatten() {
            index.holders.clear();
        }
        self.sequence += 1;
        self.tell(Change {
            sequence: Sequence(self.sequence),
            collection: collection.clone(),
            id: None,
            kind: ChangeKind::CollectionDeleted,
            revision: None,
            at: now,
            kept: Kept::default(),
        });
        self.trim_changes(options.changes_max);
        let has_expired =
            |document: &&Arc<Document>| Cutoff::has_passed(cutoff, document.updated_at);
        let expired = documents.values().filter(has_expired).count();
        (documents.len() - expired) as u64
    }

    fn apply(
        &mut self,
        operation: WriteOperation,
        now: Timestamp,
        limits: &Limits,
        undo: &mut Vec<Undo>,
        progress: &mut BatchProgress,
    ) -> WriteOutcome {
        let id = operation.action.id().cloned();
        let collection = operation.collection.clone();
        let cutoff = self.terms.cutoff(&collection, || now);
        let before = id.as_ref().and_then(|id| self.living(&collection, id, cutoff, now, undo));
        let current = before.as_ref().map(|document| Current {
            revision: &document.revision,
            created_at: document.created_at,
            body: &document.body,
        });
        let effect =
            decide(&operation, current, limits, progress, &mut Beside { state: self, now })?;
        let id = match id {
            Some(id) => id,
            None => DocumentId::Integer(next_id(self.last_id)?),
        };
        if let Some(body) = effect.body() {
            self.check_holders(&collection, &id, body, cutoff)?;
        }
        self.last_id = self.last_id.max(id.counted().unwrap_or_default());
        self.sequence += 1;
        let revision = Revision::from_number(self.sequence);
        let created_at = before.as_ref().map_or(now, |document| document.created_at);
        // A clock that was set back changes nothing before it was changed last.
        let updated_at = before.as_ref().map_or(now, |document| now.max(document.updated_at));
        let returned = effect.returned_body().map(str::to_owned);
        let (kind, body) = match effect {
            Effect::Insert { body, .. } => (ChangeKind::Created, Some(body.into_owned())),
            Effect::Replace { body, .. } => (ChangeKind::Updated, Some(body.into_owned())),
            Effect::Remove => (ChangeKind::Deleted, None),
        };
        let after = body.map(|body| {
            let (id, revision) = (id.clone(), revision.clone());
            Arc::new(Document { id, revision, created_at, updated_at, body })
        });
        let kept = self.kept(&collection, before.as_deref(), after.as_deref());
        self.set(&collection, &id, after);
        self.tell(Change {
            sequence: Sequence(self.sequence),
            collection: collection.clone(),
            id: Some(id.clone()),
            kind,
            revision: (kind != ChangeKind::Deleted).then(|| revision.clone()),
            at: now,
            kept,
        });
        undo.push(Undo { collection, id: id.clone(), before });
        Ok(Written { id, kind, revision, created_at, updated_at, body: returned })
    }

    /// The document of an id. One whose time is over is deleted first.
    fn living(
        &mut self,
        collection: &CollectionName,
        id: &DocumentId,
        cutoff: Option<Cutoff>,
        now: Timestamp,
        undo: &mut Vec<Undo>,
    ) -> Option<Arc<Document>> {
        let stored = self.collections.get(collection)?.get(id)?.clone();
        if Cutoff::has_passed(cutoff, stored.updated_at) {
            self.remove_expired(collection, stored, now, undo);
            return None;
        }
        Some(stored)
    }

    /// The parts that the entry of a write keeps.
    fn kept(
        &self,
        collection: &CollectionName,
        before: Option<&Document>,
        after: Option<&Document>,
    ) -> Kept {
        self.keeping.of(collection).map_or_else(Kept::default, |keep| {
            keep.kept(before.map(|it| &*it.body), after.map(|it| &*it.body))
        })
    }

    /// Deletes a document whose time is over: a write of its own.
    fn remove_expired(
        &mut self,
        collection: &CollectionName,
        expired: Arc<Document>,
        now: Timestamp,
        undo: &mut Vec<Undo>,
    ) {
        let id = expired.id.clone();
        self.sequence += 1;
        let keep = self.keeping.of(collection);
        let kept = keep.map_or_else(Kept::default, |keep| keep.kept(Some(&expired.body), None));
        self.set(collection, &id, None);
        self.tell(Change {
            sequence: Sequence(self.sequence),
            collection: collection.clone(),
            id: Some(id.clone()),
            kind: ChangeKind::Deleted,
            revision: None,
            at: now,
            kept,
        });
        undo.push(Undo { collection: collection.clone(), id, before: Some(expired) });
    }

    /// Tells a change, unless its collection has none.
    fn tell(&mut self, change: Change) {
        if self.terms.of(&change.collection).changes {
            self.changes.push_back(change);
        }
    }

    /// Refuses values of a unique index that another document has.
    fn check_holders(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
        body: &str,
        cutoff: Option<Cutoff>,
    ) -> Result<(), Rejection> {
        let documents = self.collections.get(collection);
        let is_there = |id: &DocumentId| {
            let document = documents.and_then(|documents| documents.get(id));
            let has_expired =
                |it: &Arc<Document>| cutoff.is_some_and(|at| at.is_past(it.updated_at));
            document.is_some_and(|document| !has_expired(document))
        };
        for index in self.indexes.get(collection).into_iter().flatten() {
            let Some(key) = UniqueKey::of(&index.definition, body, id) else { continue };
            let holders = index.holders.get(&key);
            let is_other = |holder: &DocumentId| holder != id && is_there(holder);
            if holders.is_some_and(|holders| holders.iter().any(is_other)) {
                return Err(not_unique(&index.definition));
            }
        }
        Ok(())
    }

    /// Declares an index, if it is not declared.
    pub(crate) fn declare(
        &mut self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<(), EngineError> {
        let declared = self.indexes.entry(collection.clone()).or_default();
        if declared.iter().any(|known| known.definition == *definition) {
            return Ok(());
        }
        let mut index = Index { definition: definition.clone(), holders: HashMap::new() };
        for (id, document) in self.collections.get(collection).into_iter().flat_map(|all| &**all) {
            index.follow(id, None, Some(document));
        }
        index.check(collection)?;
        declared.push(index);
        Ok(())
    }

    /// Whether every unique index is one, after a load.
    pub(crate) fn check_unique(&self) -> Result<(), EngineError> {
        let all = self.indexes.iter();
        all.flat_map(|(collection, indexes)| indexes.iter().map(move |index| (collection, index)))
            .try_for_each(|(collection, index)| index.check(collection))
    }

    fn take_back(&mut self, undo: Vec<Undo>) {
        for Undo { collection, id, before } in undo.into_iter().rev() {
            self.set(&collection, &id, before);
        }
    }

    /// A collection exists exactly while it has a document.
    fn set(
        &mut self,
        collection: &CollectionName,
        id: &DocumentId,
        document: Option<Arc<Document>>,
    ) {
        if let Some(indexes) = self.indexes.get_mut(collection) {
            let before = self.collections.get(collection).and_then(|all| all.get(id));
            for index in indexes {
                index.follow(id, before, document.as_ref());
            }
        }
        match document {
            Some(document) => {
                let documents = self.collections.entry(collection.clone()).or_default();
                Arc::make_mut(documents).insert(id.clone(), document);
            }
            None => {
                if let Some(documents) = self.collections.get_mut(collection) {
                    Arc::make_mut(documents).remove(id);
                    if documents.is_empty() {
                        self.collections.remove(collection);
                    }
                }
            }
        }
    }

    pub(crate) fn load(&mut self, collection: &CollectionName, loaded: Vec<Document>) {
        for document in loaded {
            self.last_id = self.last_id.max(document.id.counted().unwrap_or_default());
            let id = document.id.clone();
            self.set(collection, &id, Some(Arc::new(document)));
        }
    }

    pub(crate) fn unload(&mut self, collection: &CollectionName, ids: &[DocumentId]) {
        for id in ids {
            self.set(collection, id, None);
        }
    }

    pub(crate) fn finish_load(&mut self, counters: Counters) {
        self.sequence = self.sequence.max(counters.sequence.0);
        self.last_id = self.last_id.max(counters.last_id);
        self.changes.clear();
        self.changes_floor = Sequence(self.sequence);
        self.identity = Identity::renewed(Some(self.identity));
        self.unfinished = None;
    }

    pub(crate) fn counters(&self) -> Counters {
        Counters { sequence: Sequence(self.sequence), last_id: self.last_id }
    }

    fn replay(
        &self,
        idempotency: Option<&Idempotency>,
    ) -> Result<Option<Vec<WriteOutcome>>, EngineError> {
        let Some(idempotency) = idempotency else { return Ok(None) };
        match self.answers.get(&idempotency.key) {
            None => Ok(None),
            Some(answer) if answer.fingerprint == idempotency.fingerprint => {
                Ok(Some(answer.outcomes.clone()))
            }
            Some(_) => Err(EngineError::new(
                ErrorKind::IdempotencyMismatch,
                "the idempotency key was used before with another request",
            )),
        }
    }

    fn remember(&mut self, idempotency: Idempotency, outcomes: &[WriteOutcome], at: Timestamp) {
        let without_body = |written: &Written| Written { body: None, ..written.clone() };
        let outcomes = outcomes
            .iter()
            .map(|outcome| outcome.as_ref().map(without_body).map_err(Clone::clone))
            .collect();
        self.answer_order.push_back(idempotency.key);
        let fingerprint = idempotency.fingerprint;
        self.answers.insert(idempotency.key, Answer { fingerprint, outcomes, at });
    }

    fn forget_old_answers(&mut self, oldest: Timestamp, options: &MemoryOptions) {
        while let Some(key) = self.answer_order.front() {
            let expired = self.answers.get(key).is_none_or(|answer| answer.at < oldest);
            if !expired && self.answer_order.len() <= options.idempotency_keys_max {
                return;
            }
            self.answers.remove(key);
            self.answer_order.pop_front();
        }
    }

    fn trim_changes(&mut self, changes_max: usize) {
        while self.changes.len() > changes_max {
            if let Some(change) = self.changes.pop_front() {
                self.changes_floor = change.sequence;
            }
        }
    }
}

/// Everything is known, and found by looking at everything.
struct Beside<'a> {
    state: &'a State,
    now: Timestamp,
}

impl Others for Beside<'_> {
    fn exists(&mut self, collection: &CollectionName, id: &DocumentId) -> Option<bool> {
        let found = self.state.collections.get(collection).and_then(|all| all.get(id));
        let cutoff = self.state.terms.cutoff(collection, || self.now);
        Some(found.is_some_and(|it| !Cutoff::has_passed(cutoff, it.updated_at)))
    }

    fn is_referred_to(
        &mut self,
        collection: &CollectionName,
        field: &FieldPath,
        id: &DocumentId,
        leaves: &dyn Fn(&DocumentId) -> bool,
    ) -> Referred {
        let declared = self.state.indexes.get(collection).into_iter().flatten();
        if !declared.into_iter().any(|index| finds_referrers(index.definition.order(), field)) {
            return Referred::NoIndex;
        }
        let cutoff = self.state.terms.cutoff(collection, || self.now);
        let mut all = self.state.collections.get(collection).into_iter().flat_map(|all| all.iter());
        let refers = |(key, found): (&DocumentId, &Arc<Document>)| {
            refers(&found.body, field, id)
                && !leaves(key)
                && !Cutoff::has_passed(cutoff, found.updated_at)
        };
        all.any(refers).into()
    }
}

/// Collections and their sizes.
pub(crate) fn infos(collections: &BTreeMap<CollectionName, Arc<Documents>>) -> Vec<CollectionInfo> {
    let info = |(name, documents): (&CollectionName, &Arc<Documents>)| CollectionInfo {
        name: name.clone(),
        documents: documents.len() as u64,
    };
    collections.iter().map(info).collect()
}
