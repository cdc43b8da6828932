//! The writer's own view of the catalogue, ahead of the commit, and how to take steps back.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use isobase_engine::{IndexDefinition, IndexState};
use isobase_types::CollectionName;

use crate::catalogue::{Catalogue, Collection, Index};

/// The state the writer works on. Every change is noted, so that a job or a batch can be undone.
pub(crate) struct Working {
    /// The number of the last write.
    pub(crate) sequence: u64,
    /// The last integer id given out.
    pub(crate) last_id: i64,
    collections: Vec<WorkingCollection>,
    by_name: HashMap<CollectionName, usize>,
    journal: Vec<Step>,
}

/// A collection as the writer sees it.
pub(crate) struct WorkingCollection {
    pub(crate) id: i64,
    pub(crate) name: CollectionName,
    pub(crate) documents: u64,
    pub(crate) indexes: Vec<Index>,
    /// The state for readers; set after a commit.
    published: Arc<AtomicU64>,
}

/// A place in the journal to go back to.
#[derive(Clone, Copy)]
pub(crate) struct Mark {
    pub(crate) sequence: u64,
    last_id: i64,
    steps: usize,
}

enum Step {
    Counted { at: usize, before: u64 },
    Added,
    Indexes { at: usize, before: Vec<Index> },
}

impl Working {
    pub(crate) fn new(catalogue: &Catalogue, sequence: u64, last_id: i64) -> Self {
        let mut working = Self {
            sequence,
            last_id,
            collections: Vec::new(),
            by_name: HashMap::new(),
            journal: Vec::new(),
        };
        for (name, collection) in &catalogue.by_name {
            working.by_name.insert(name.clone(), working.collections.len());
            working.collections.push(WorkingCollection {
                id: collection.id,
                name: name.clone(),
                documents: collection.documents.load(Ordering::Acquire),
                indexes: collection.indexes.clone(),
                published: Arc::clone(&collection.documents),
            });
        }
        working
    }

    /// Where a collection stands in the list of collections.
    pub(crate) fn find(&self, name: &CollectionName) -> Option<usize> {
        self.by_name.get(name).copied()
    }

    pub(crate) fn collection(&self, at: usize) -> &WorkingCollection {
        &self.collections[at]
    }

    pub(crate) fn len(&self) -> usize {
        self.collections.len()
    }

    pub(crate) fn add(&mut self, name: &CollectionName, id: i64) -> usize {
        let at = self.collections.len();
        self.by_name.insert(name.clone(), at);
        self.collections.push(WorkingCollection {
            id,
            name: name.clone(),
            documents: 0,
            indexes: Vec::new(),
            published: Arc::default(),
        });
        self.journal.push(Step::Added);
        at
    }

    pub(crate) fn set_documents(&mut self, at: usize, documents: u64) {
        let before = std::mem::replace(&mut self.collections[at].documents, documents);
        self.journal.push(Step::Counted { at, before });
    }

    pub(crate) fn add_index(&mut self, at: usize, id: i64, definition: IndexDefinition) {
        let index = Index { id, definition, state: IndexState::Building };
        self.change_indexes(at, |indexes| indexes.push(index));
    }

    pub(crate) fn index_is_ready(&mut self, at: usize, id: i64) {
        self.change_indexes(at, |indexes| {
            indexes
                .iter_mut()
                .filter(|index| index.id == id)
                .for_each(|index| index.state = IndexState::Ready);
        });
    }

    pub(crate) fn remove_index(&mut self, at: usize, id: i64) {
        self.change_indexes(at, |indexes| indexes.retain(|index| index.id != id));
    }

    fn change_indexes(&mut self, at: usize, change: impl FnOnce(&mut Vec<Index>)) {
        let indexes = &mut self.collections[at].indexes;
        let before = indexes.clone();
        change(indexes);
        self.journal.push(Step::Indexes { at, before });
    }

    pub(crate) fn mark(&self) -> Mark {
        Mark { sequence: self.sequence, last_id: self.last_id, steps: self.journal.len() }
    }

    pub(crate) fn undo_to(&mut self, mark: Mark) {
        (self.sequence, self.last_id) = (mark.sequence, mark.last_id);
        while self.journal.len() > mark.steps {
            match self.journal.pop() {
                Some(Step::Counted { at, before }) => self.collections[at].documents = before,
                Some(Step::Indexes { at, before }) => self.collections[at].indexes = before,
                Some(Step::Added) => {
                    if let Some(collection) = self.collections.pop() {
                        self.by_name.remove(&collection.name);
                    }
                }
                None => return,
            }
        }
    }

    /// Numbers and sizes of the collections whose size changed since the last commit.
    pub(crate) fn changed_sizes(&self) -> impl Iterator<Item = (i64, u64)> + '_ {
        let mut changed: Vec<usize> = self
            .journal
            .iter()
            .filter_map(|step| match step {
                Step::Counted { at, .. } => Some(*at),
                Step::Added | Step::Indexes { .. } => None,
            })
            .collect();
        changed.sort_unstable();
        changed.dedup();
        changed.into_iter().map(|at| (self.collections[at].id, self.collections[at].documents))
    }

    /// Shows readers what was committed: sizes always, and a new catalogue when collections or
    /// indexes changed.
    pub(crate) fn publish(&mut self) -> Option<Catalogue> {
        let mut structure = false;
        for step in self.journal.drain(..) {
            match step {
                Step::Counted { at, .. } => {
                    let collection = &self.collections[at];
                    collection.published.store(collection.documents, Ordering::Release);
                }
                Step::Added | Step::Indexes { .. } => structure = true,
            }
        }
        structure.then(|| self.catalogue())
    }

    fn catalogue(&self) -> Catalogue {
        let mut catalogue = Catalogue::default();
        for collection in &self.collections {
            let published = Collection {
                id: collection.id,
                documents: Arc::clone(&collection.published),
                indexes: collection.indexes.clone(),
            };
            catalogue.insert(collection.name.clone(), published);
        }
        catalogue
    }
}
