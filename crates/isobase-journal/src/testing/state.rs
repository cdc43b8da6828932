//! The contents of the database.

use std::collections::{BTreeMap, HashMap, VecDeque};

use isobase_types::{CollectionName, DocumentId, Timestamp};

use super::Fault;
use crate::{
    Before, CatalogueEntry, Commit, CommitError, DocumentWrite, Head, IndexNumber, LogRecord,
    META_FIELD, Meta, NativeDocument, StoredAnswer, Tag, Tree,
};

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) head: Option<Head>,
    pub(super) catalogue: BTreeMap<CollectionName, CatalogueEntry>,
    /// Log records by their last sequence.
    pub(super) log: BTreeMap<u64, (LogRecord, Timestamp)>,
    pub(super) answers: HashMap<[u8; 32], StoredAnswer>,
    /// Bodies of changes.
    pub(super) bodies: BTreeMap<u64, String>,
    pub(super) collections: BTreeMap<CollectionName, Native>,
    pub(super) note: Option<String>,
    pub(super) faults: VecDeque<Fault>,
    pub(super) purges_held: bool,
    pub(super) heads_broken: bool,
    pub(super) heads_read: u64,
    pub(super) head_way: Option<std::time::Duration>,
    pub(super) preparations_held: bool,
    pub(super) most_bytes_read: usize,
    /// Documents of a commit whose log is written.
    half_done: Vec<DocumentWrite>,
    /// A request that is still on its way.
    late: Option<Commit>,
    versions: u64,
}

/// A native collection.
#[derive(Debug, Default)]
pub(super) struct Native {
    pub(super) documents: BTreeMap<String, Stored>,
    pub(super) keys: BTreeMap<(IndexNumber, Vec<u8>), String>,
}

#[derive(Clone, Debug)]
pub(super) struct Stored {
    fields: Vec<(String, Tree)>,
    version: u64,
}

impl Stored {
    pub(super) fn meta(&self) -> Option<Meta> {
        let meta = self.fields.iter().find(|(name, _)| name == META_FIELD)?;
        Meta::from_tree(&meta.1)
    }

    pub(super) fn document(&self, id: &str) -> Option<NativeDocument> {
        let id = DocumentId::parse(id).ok()?;
        let tag = Tag(self.version.to_string());
        Some(NativeDocument::from_fields(id, self.fields.clone(), tag, None))
    }
}

impl State {
    /// The first work of a caller that asks for the head.
    pub(super) fn recover(&mut self) {
        for mut write in std::mem::take(&mut self.half_done) {
            // What a purge has deleted meanwhile has no keys either.
            let native = self.collections.get(&write.key.collection);
            let id = write.key.id.to_string();
            if !native.is_some_and(|native| native.documents.contains_key(&id)) {
                write.before = None;
            }
            self.apply(write);
        }
    }

    /// A late request arrives.
    pub(super) fn arrive(&mut self, tags: bool) {
        if let Some(commit) = self.late.take() {
            // No one waits for its answer.
            let _ = self.commit(&commit, tags, None);
        }
    }

    pub(super) fn delay(&mut self, commit: Commit) {
        self.late = Some(commit);
    }

    pub(super) fn commit(
        &mut self,
        commit: &Commit,
        tags: bool,
        fault: Option<Fault>,
    ) -> Result<(), CommitError> {
        if self.head != Some(commit.head) || fault == Some(Fault::HeadMoved) {
            if let (Some(Fault::HeadMoved), Some(head)) = (fault, &mut self.head) {
                head.commit += 1;
            }
            return Err(CommitError::HeadMoved);
        }
        assert_eq!(self.half_done, Vec::new(), "nobody commits before the commit before is done");
        let is_same = |write: &DocumentWrite| self.is_as(write, tags);
        if !commit.documents.iter().all(is_same) || fault == Some(Fault::DocumentChanged) {
            return Err(CommitError::DocumentChanged);
        }
        check(commit);
        self.head = Some(commit.next);
        if let Some(last) = commit.changes.last() {
            let record = LogRecord { changes: commit.logged() };
            self.log.insert(last.sequence.0, (record, commit.at));
        }
        self.answers.extend(commit.answers.iter().map(|answer| (answer.key, answer.clone())));
        let bodies = commit.bodies.iter();
        self.bodies.extend(bodies.map(|body| (body.sequence.0, body.text.clone())));
        let entries = commit.catalogue.iter();
        self.catalogue.extend(entries.map(|entry| (entry.collection.clone(), entry.clone())));
        self.half_done.clone_from(&commit.documents);
        if fault != Some(Fault::HalfDone) {
            self.recover();
        }
        Ok(())
    }

    /// Whether a document is as it was when its write was decided.
    pub(super) fn is_as(&self, write: &DocumentWrite, tags: bool) -> bool {
        let collection = self.collections.get(&write.key.collection);
        let stored = collection.and_then(|found| found.documents.get(&write.key.id.to_string()));
        match (&write.before, stored) {
            (None, None) => true,
            (Some(Before { tag, .. }), Some(stored)) if tags => tag.0 == stored.version.to_string(),
            (Some(Before { stamp, .. }), Some(stored)) => {
                *stamp == stored.meta().map(|meta| meta.revision)
            }
            _ => false,
        }
    }

    /// Stores a document and the keys that differ.
    pub(super) fn apply(&mut self, write: DocumentWrite) {
        self.versions += 1;
        let version = self.versions;
        let native = self.collections.entry(write.key.collection).or_default();
        let id = write.key.id.to_string();
        let keys_before = write.before.map(|before| before.keys).unwrap_or_default();
        let keys_after = write.after.as_ref().map(|after| after.keys.clone()).unwrap_or_default();
        for gone in keys_before.iter().filter(|key| !keys_after.contains(key)) {
            native.keys.remove(&(gone.index, gone.key.clone()));
        }
        for new in keys_after.into_iter().filter(|key| !keys_before.contains(key)) {
            native.keys.insert((new.index, new.key), id.clone());
        }
        match write.after {
            Some(after) => {
                let mut fields = after.fields;
                if after.meta.keeps_content {
                    let old = native.documents.get(&id).map(|old| old.fields.clone());
                    fields = old.unwrap_or_default();
                    fields.retain(|(name, _)| name != META_FIELD);
                }
                let meta = Tree::Object(after.meta.to_fields());
                fields.push((META_FIELD.to_owned(), meta));
                native.documents.insert(id, Stored { fields: rewritten(fields), version });
            }
            None => {
                native.documents.remove(&id);
            }
        }
    }

    pub(super) fn put_foreign(
        &mut self,
        collection: &CollectionName,
        id: &str,
        mut fields: Vec<(String, Tree)>,
    ) {
        self.versions += 1;
        let native = self.collections.entry(collection.clone()).or_default();
        let old = native.documents.get(id).map(|old| old.fields.clone()).unwrap_or_default();
        if fields.iter().all(|(name, _)| name != META_FIELD) {
            fields.extend(old.into_iter().filter(|(name, _)| name == META_FIELD));
        }
        let version = self.versions;
        native.documents.insert(id.to_owned(), Stored { fields: rewritten(fields), version });
    }

    pub(super) fn delete_foreign(&mut self, collection: &CollectionName, id: &str) {
        if let Some(native) = self.collections.get_mut(collection) {
            native.documents.remove(id);
        }
    }

    pub(super) fn native(&self, collection: &CollectionName, id: &str) -> Option<String> {
        let stored = self.collections.get(collection)?.documents.get(id)?;
        Some(Tree::Object(stored.fields.clone()).to_text())
    }

    pub(super) fn entries(&self, collection: &CollectionName) -> usize {
        self.collections.get(collection).map_or(0, |native| native.keys.len())
    }
}

/// Invariants of every commit.
fn check(commit: &Commit) {
    let Commit { head, next, documents, changes, .. } = commit;
    assert_eq!(next.commit, head.commit + 1);
    let places = changes.iter().map(|change| change.sequence.0);
    assert!(places.eq(head.sequence.0 + 1..=next.sequence.0), "{changes:?}");
    assert!(next.last_id >= head.last_id && next.floor >= head.floor);
    assert_eq!(next.catalogue != head.catalogue, !commit.catalogue.is_empty());
    let mut keys: Vec<_> = documents.iter().map(|write| &write.key).collect();
    keys.sort();
    assert!(keys.windows(2).all(|pair| pair[0] != pair[1]), "a document twice");
}

/// Fields as a database without an order of fields and with two kinds of numbers gives them.
fn rewritten(mut fields: Vec<(String, Tree)>) -> Vec<(String, Tree)> {
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    fields.into_iter().map(|(name, value)| (name, rewritten_value(value))).collect()
}

fn rewritten_value(value: Tree) -> Tree {
    match value {
        Tree::Number(text) => Tree::Number(match text.parse::<i64>() {
            Ok(integer) => integer.to_string().into(),
            Err(_) => format!("{:?}", text.parse::<f64>().unwrap_or_default()).into(),
        }),
        Tree::Array(elements) => Tree::Array(elements.into_iter().map(rewritten_value).collect()),
        Tree::Object(fields) => Tree::Object(rewritten(fields)),
        scalar => scalar,
    }
}
