//! Knowledge of the collections.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use isobase_engine::{Identity, IndexState, listing::ReadyIndex};
use isobase_types::{CollectionName, Sequence};
use parking_lot::{Mutex, MutexGuard};
use tokio::time::Instant;

use crate::{CatalogueEntry, Head, IndexEntry, IndexNumber};

/// How old what readers know of the catalogue may be. Another process's indexes, deletions and
/// new collections are seen after this time at the latest.
pub(crate) const CATALOGUE_AGE_MAX: Duration = Duration::from_millis(500);

/// After this time every process knows of a load: twice the time after which writers look. A writer
/// that has its head longer than that after it last looked, looks again.
pub(crate) const LOADS_SEEN_AFTER: Duration = CATALOGUE_AGE_MAX.saturating_mul(2);

/// The catalogue at one moment.
#[derive(Debug, Default)]
pub(crate) struct Catalogue {
    /// [`crate::Head::catalogue`].
    pub(crate) number: u64,
    /// [`crate::Head::identity`].
    pub(crate) identity: Option<Identity>,
    entries: HashMap<CollectionName, CatalogueEntry>,
}

impl Catalogue {
    /// The catalogue that belongs to a head.
    pub(crate) fn new(head: &Head, entries: Vec<CatalogueEntry>) -> Self {
        let entries = entries.into_iter().map(|entry| (entry.collection.clone(), entry));
        Self { number: head.catalogue, identity: head.identity, entries: entries.collect() }
    }

    /// The catalogue after a commit.
    pub(crate) fn with(&self, head: &Head, changed: &[CatalogueEntry]) -> Self {
        let mut entries = self.entries.clone();
        entries.extend(changed.iter().map(|entry| (entry.collection.clone(), entry.clone())));
        Self { number: head.catalogue, identity: head.identity, entries }
    }

    pub(crate) fn entry(&self, collection: &CollectionName) -> Option<&CatalogueEntry> {
        self.entries.get(collection)
    }

    pub(crate) fn entries(&self) -> impl Iterator<Item = &CatalogueEntry> {
        self.entries.values()
    }

    /// Those with declared indexes, in the order of their names.
    pub(crate) fn indexed_collections(&self) -> Vec<CollectionName> {
        let has_one = |entry: &&CatalogueEntry| entry.declared_indexes().next().is_some();
        let indexed = self.entries.values().filter(has_one);
        let mut names: Vec<_> = indexed.map(|entry| entry.collection.clone()).collect();
        names.sort();
        names
    }

    /// The deletion under way: documents it has deleted may still be there natively.
    pub(crate) fn deleting(&self, collection: &CollectionName) -> Option<Sequence> {
        self.entry(collection)?.deleting
    }
}

impl CatalogueEntry {
    /// A collection that is new to us.
    pub(crate) fn new(collection: CollectionName, adopted: bool) -> Self {
        Self { collection, indexes: Vec::new(), adopted, deleting: None }
    }

    /// The indexes that callers have declared.
    pub(crate) fn declared_indexes(&self) -> impl Iterator<Item = &IndexEntry> {
        self.indexes.iter().filter(|index| !index.definition.is_age())
    }

    /// The indexes that listings may use.
    pub(crate) fn ready_indexes(&self) -> Vec<ReadyIndex> {
        let ready = self.declared_indexes().filter(|index| index.state == IndexState::Ready);
        ready
            .map(|index| ReadyIndex {
                id: i64::from(index.number),
                order: index.definition.order().clone(),
            })
            .collect()
    }
}

/// The catalogue as this process knows it. Written by the writer after its commits and by readers
/// that found it out of date.
#[derive(Debug)]
pub(crate) struct CatalogueCache {
    known: Mutex<Known>,
}

#[derive(Debug)]
struct Known {
    catalogue: Arc<Catalogue>,
    /// When it was last true.
    at: Instant,
    /// Dropped indexes that listings of this process are still reading: writes keep them true.
    retired: Vec<Retired>,
    /// Held by the listings that began since the last index was dropped.
    generation: Arc<()>,
}

#[derive(Debug)]
struct Retired {
    collection: CollectionName,
    index: IndexEntry,
    /// Gone with the last listing that began before the index was dropped.
    readers: Weak<()>,
}

impl CatalogueCache {
    pub(crate) fn new(catalogue: Catalogue) -> Self {
        let catalogue = Arc::new(catalogue);
        let known = Known {
            catalogue,
            at: Instant::now(),
            retired: Vec::new(),
            generation: Arc::default(),
        };
        Self { known: Mutex::new(known) }
    }

    pub(crate) fn get(&self) -> Arc<Catalogue> {
        Arc::clone(&self.known().catalogue)
    }

    /// The catalogue if it is young enough for a reader.
    pub(crate) fn fresh(&self) -> Option<Arc<Catalogue>> {
        let known = self.known();
        (known.at.elapsed() < CATALOGUE_AGE_MAX).then(|| Arc::clone(&known.catalogue))
    }

    /// Remembers that the catalogue had this number at a time.
    pub(crate) fn confirm(&self, number: u64, at: Instant) {
        let mut known = self.known();
        if known.catalogue.number == number {
            known.at = known.at.max(at);
        }
    }

    /// Remembers a catalogue that was read at a time, unless a newer one is known.
    pub(crate) fn store(&self, catalogue: Arc<Catalogue>, at: Instant) {
        let mut known = self.known();
        if catalogue.number >= known.catalogue.number {
            known.catalogue = catalogue;
            known.at = at;
        }
    }

    /// Forgets what was known: the journal began anew.
    pub(crate) fn replace(&self, catalogue: Catalogue) {
        let mut known = self.known();
        known.catalogue = Arc::new(catalogue);
        known.at = Instant::now();
        known.retired.clear();
    }

    /// The guard of a listing, held as long as it reads.
    pub(crate) fn begin_reading(&self) -> Arc<()> {
        Arc::clone(&self.known().generation)
    }

    /// Keeps a dropped index true for the listings under way.
    pub(crate) fn retire(&self, collection: &CollectionName, index: IndexEntry) {
        let mut known = self.known();
        let readers = Arc::downgrade(&std::mem::take(&mut known.generation));
        known.retired.push(Retired { collection: collection.clone(), index, readers });
    }

    /// Whether a listing may still be reading a dropped index.
    pub(crate) fn is_retired(&self, number: IndexNumber) -> bool {
        self.retired().iter().any(|(_, index)| index.numbers().any(|known| known == number))
    }

    /// The dropped indexes of all collections that writes keep true.
    pub(crate) fn retired(&self) -> Vec<(CollectionName, IndexEntry)> {
        let mut known = self.known();
        known.retired.retain(|retired| retired.readers.strong_count() > 0);
        let retired = known.retired.iter();
        retired.map(|retired| (retired.collection.clone(), retired.index.clone())).collect()
    }

    /// A panic elsewhere cannot leave it half changed.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock()
    }
}
