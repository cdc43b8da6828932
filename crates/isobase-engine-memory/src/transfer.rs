//! Reading and loading everything.

use std::{collections::BTreeMap, ops::Bound, sync::Arc};

use async_trait::async_trait;
use isobase_engine::{
    BulkLoad, CollectionInfo, Counters, EngineError, Snapshot, Snapshots, check_note, prepare_load,
};
use isobase_types::{CollectionName, Document, DocumentId};

use crate::{
    MemoryEngine,
    state::{Documents, infos},
};

#[async_trait]
impl Snapshots for MemoryEngine {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        let state = self.state();
        let snapshot =
            MemorySnapshot { collections: state.collections.clone(), counters: state.counters() };
        Ok(Box::new(snapshot))
    }
}

/// The collections of one moment. They are shared with the engine until it changes them.
struct MemorySnapshot {
    collections: BTreeMap<CollectionName, Arc<Documents>>,
    counters: Counters,
}

#[async_trait]
impl Snapshot for MemorySnapshot {
    fn is_of_one_moment(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    async fn collections(&mut self) -> Result<Vec<CollectionInfo>, EngineError> {
        Ok(infos(&self.collections))
    }

    async fn read(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        let Some(documents) = self.collections.get(collection) else {
            return Ok(Vec::new());
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
        Ok(part)
    }
}

/// The note is in memory like everything else: a process that ends leaves no unfinished load.
#[async_trait]
impl BulkLoad for MemoryEngine {
    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        Ok(self.state().unfinished.clone())
    }

    async fn mark(&self, note: &str) -> Result<(), EngineError> {
        check_note(note).map(|()| {
            self.state().unfinished = Some(note.to_owned());
            self.loading.begin(note);
        })
    }

    async fn load(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<(), EngineError> {
        let prepared = prepare_load(self, collection, documents);
        prepared.map(|documents| self.state().load(collection, documents))
    }

    async fn unload(
        &self,
        collection: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        self.state().unload(collection, ids);
        Ok(())
    }

    async fn finish(&self, counters: Counters) -> Result<(), EngineError> {
        let mut state = self.state();
        state.check_unique()?;
        state.finish_load(counters);
        self.loading.end();
        self.waiting.wake();
        Ok(())
    }

    fn leave(&self, note: &str) {
        self.loading.leave(note);
    }
}
