//! Reading and loading everything.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use isobase_engine::{
    BulkLoad, CollectionInfo, Counters, Pending, Snapshot, Snapshots, check_note, prepare_load,
};
use isobase_types::{CollectionName, Document, DocumentId};

use crate::{
    MemoryEngine,
    engine::ready,
    state::{Documents, infos},
};

impl Snapshots for MemoryEngine {
    fn snapshot(&self) -> Pending<'_, Box<dyn Snapshot>> {
        let state = self.state();
        let snapshot =
            MemorySnapshot { collections: state.collections.clone(), counters: state.counters() };
        ready(Ok(Box::new(snapshot)))
    }
}

/// The collections of one moment. They are shared with the engine until it changes them.
struct MemorySnapshot {
    collections: BTreeMap<CollectionName, Arc<Documents>>,
    counters: Counters,
}

impl Snapshot for MemorySnapshot {
    fn is_of_one_moment(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    fn collections(&mut self) -> Pending<'_, Vec<CollectionInfo>> {
        ready(Ok(infos(&self.collections)))
    }

    fn read<'a>(
        &'a mut self,
        collection: &'a CollectionName,
        after: Option<&'a DocumentId>,
        bytes_max: usize,
    ) -> Pending<'a, Vec<Document>> {
        let Some(documents) = self.collections.get(collection) else {
            return ready(Ok(Vec::new()));
        };
        let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (mut part, mut bytes) = (Vec::new(), 0);
        for document in documents.range((lower, Bound::Unbounded)).map(|(_, document)| document) {
            if bytes >= bytes_max && !part.is_empty() {
                break;
            }
            bytes += document.body.len();
            part.push(Document::clone(document));
        }
        ready(Ok(part))
    }
}

/// The note is in memory like everything else: a process that ends leaves no unfinished load.
impl BulkLoad for MemoryEngine {
    fn unfinished(&self) -> Pending<'_, Option<String>> {
        ready(Ok(self.state().unfinished.clone()))
    }

    fn mark<'a>(&'a self, note: &'a str) -> Pending<'a, ()> {
        ready(check_note(note).map(|()| {
            self.state().unfinished = Some(note.to_owned());
            self.loading.begin(note);
        }))
    }

    fn load<'a>(
        &'a self,
        collection: &'a CollectionName,
        documents: Vec<Document>,
    ) -> Pending<'a, ()> {
        let prepared = prepare_load(self, collection, documents);
        ready(prepared.map(|documents| self.state().load(collection, documents)))
    }

    fn unload<'a>(
        &'a self,
        collection: &'a CollectionName,
        ids: &'a [DocumentId],
    ) -> Pending<'a, ()> {
        self.state().unload(collection, ids);
        ready(Ok(()))
    }

    fn finish(&self, counters: Counters) -> Pending<'_, ()> {
        let mut state = self.state();
        if let Err(duplicates) = state.check_unique() {
            return ready(Err(duplicates));
        }
        state.finish_load(counters);
        self.loading.end();
        self.waiting.wake();
        ready(Ok(()))
    }

    fn leave(&self, note: &str) {
        self.loading.leave(note);
    }
}
