//! Declaring and dropping indexes.

use isobase_engine::{EngineError, ErrorKind, IndexDefinition, IndexState};
use isobase_types::{CollectionName, Sequence};
use isobase_writer::Job;

use crate::{
    After, Before, CatalogueEntry, DocumentDatabase, DocumentKey, DocumentWrite, IndexEntry,
    IndexKey, IndexNumber, Meta, Tag,
    catalogue::Catalogue,
    error::within,
    shared::Shared,
    writer::special::{Scene, Special},
};

/// Adds an index to a collection; replies with the one that is there then.
pub(crate) struct DeclareIndex {
    pub(crate) collection: CollectionName,
    pub(crate) definition: IndexDefinition,
}

impl Job for DeclareIndex {
    type Reply = IndexEntry;
}

impl<B: DocumentDatabase> Special<B> for DeclareIndex {
    async fn decide(&self, scene: &mut Scene<'_, B>) -> Result<IndexEntry, EngineError> {
        let mut entry = scene.entry(&self.collection).await?;
        let known = entry.indexes.iter().find(|index| index.definition == self.definition);
        if let Some(known) = known {
            return Ok(known.clone());
        }
        let index = IndexEntry {
            number: next_number(scene.head.catalogue, scene.catalogue),
            definition: self.definition.clone(),
            state: IndexState::Building,
        };
        entry.indexes.push(index.clone());
        scene.shared.check_index_count(&entry)?;
        for number in index.numbers() {
            let prepare = scene.shared.database.prepare_index(&self.collection, number);
            within(scene.deadline, "preparing an index", prepare).await?;
        }
        scene.group.set_entry(entry);
        Ok(index)
    }
}

/// Notes that every document has its key in an index.
pub(crate) struct SetIndexReady {
    pub(crate) collection: CollectionName,
    pub(crate) number: IndexNumber,
}

impl Job for SetIndexReady {
    type Reply = ();
}

impl<B: DocumentDatabase> Special<B> for SetIndexReady {
    async fn decide(&self, scene: &mut Scene<'_, B>) -> Result<(), EngineError> {
        let Some(mut entry) = scene.known_entry(&self.collection) else { return Ok(()) };
        let index = entry.indexes.iter_mut().find(|index| index.number == self.number);
        if let Some(index) = index
            && index.state != IndexState::Ready
        {
            index.state = IndexState::Ready;
            scene.group.set_entry(entry);
        }
        Ok(())
    }
}

/// Removes an index; replies with the one that was there.
pub(crate) struct DropIndex {
    pub(crate) collection: CollectionName,
    pub(crate) definition: IndexDefinition,
}

impl Job for DropIndex {
    type Reply = Option<IndexEntry>;
}

impl<B: DocumentDatabase> Special<B> for DropIndex {
    async fn decide(&self, scene: &mut Scene<'_, B>) -> Result<Option<IndexEntry>, EngineError> {
        let Some(mut entry) = scene.known_entry(&self.collection) else { return Ok(None) };
        let place = entry.indexes.iter().position(|index| index.definition == self.definition);
        let dropped = place.map(|place| entry.indexes.remove(place));
        if let Some(index) = &dropped {
            // Before the catalogue forgets it, so that no write leaves it out.
            scene.shared.catalogue.retire(&self.collection, index.clone());
            scene.group.set_entry(entry);
        }
        Ok(dropped)
    }
}

impl<B: DocumentDatabase> Shared<B> {
    /// Refuses an index with which no document could be written any more: a write that changes
    /// all keys of a document must be within one commit.
    fn check_index_count(&self, entry: &CatalogueEntry) -> Result<(), EngineError> {
        let keys = |last: u8| {
            let numbers = entry.indexes.iter().flat_map(IndexEntry::numbers);
            numbers.map(|index| IndexKey { index, key: vec![last] }).collect::<Vec<_>>()
        };
        let now = self.time.now();
        let (fields, meta) =
            Meta::of_body("{}", self.database.rules(), Sequence::default(), now, now);
        let key = DocumentKey { collection: entry.collection.clone(), id: 1.into() };
        let before = Before { tag: Tag::default(), stamp: None, keys: keys(0) };
        let after = After { fields, meta, keys: keys(1) };
        let write = DocumentWrite { key, before: Some(before), after: Some(after) };
        let budget = self.database.budget();
        // The answer to an idempotency key may go with it.
        let needed = self.database.cost(&write).items + budget.items_per_collection.max(1) + 1;
        if needed <= budget.items {
            return Ok(());
        }
        let message = format!(
            "a write of one document in {} would need {needed} items with {} indexes, {} writes \
             at most {} at once; drop an index first",
            entry.collection,
            entry.indexes.len(),
            self.database.name(),
            budget.items
        );
        Err(EngineError::new(ErrorKind::LimitExceeded, message))
    }
}

/// The number of a new index. The number of the catalogue grows with every index, and is never
/// reused; after a load it may have begun anew.
fn next_number(catalogue_number: u64, catalogue: &Catalogue) -> IndexNumber {
    let used = catalogue.entries().flat_map(|entry| &entry.indexes).map(|index| index.number);
    let next = used.max().unwrap_or_default().saturating_add(1);
    next.max(u32::try_from(catalogue_number.saturating_add(1)).unwrap_or(u32::MAX))
}
