//! The rows that a batch touches: collections and documents, and what it made of them so far.

use std::{borrow::Cow, sync::Arc};

use isobase_engine::{Cutoff, IndexDefinition, Keep};
use isobase_types::{ChangeKind, CollectionName, DocumentId, Kept, Timestamp};

use crate::catalogue::IndexRow;

/// A document as stored, or to be stored.
#[derive(Clone, Debug)]
pub(crate) struct Stored<'j> {
    pub(crate) revision: i64,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
    /// Empty when no one needs it.
    pub(crate) body: Cow<'j, str>,
}

/// The answer kept with an idempotency key.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) fingerprint: Vec<u8>,
    pub(crate) outcomes: String,
    /// Given in this batch, to be stored with it.
    pub(crate) is_new: bool,
}

/// A collection that the batch touches.
#[derive(Debug)]
pub(crate) struct Collection {
    pub(crate) name: CollectionName,
    /// `None` when it has no row yet.
    pub(crate) id: Option<i32>,
    pub(crate) indexes: Arc<[IndexRow]>,
    /// The parts that its changes keep, if any.
    pub(super) keep: Option<Arc<Keep>>,
    /// The change feed tells of its writes.
    pub(super) is_told: bool,
    /// Which of its documents have expired.
    pub(super) cutoff: Option<Cutoff>,
}

/// A document that the batch touches.
#[derive(Debug)]
pub(super) struct Touched<'j> {
    /// Its place in `collections`.
    pub(super) collection: usize,
    pub(super) id: DocumentId,
    pub(super) id_bytes: Vec<u8>,
    /// An operation looks into the body.
    pub(super) needs_body: bool,
    pub(super) before: Option<Stored<'j>>,
    pub(super) now: Now<'j>,
}

/// The state of a document after the batch so far.
#[derive(Clone, Debug)]
pub(super) enum Now<'j> {
    AsBefore,
    Is(Stored<'j>),
    Gone,
}

/// A change that the batch made.
#[derive(Debug)]
pub(super) struct NewChange {
    pub(super) sequence: i64,
    pub(super) touched: usize,
    pub(super) kind: ChangeKind,
    pub(super) kept: Kept,
}

impl Collection {
    pub(super) fn new(name: CollectionName, id: Option<i32>) -> Self {
        Self { name, id, indexes: Arc::default(), keep: None, is_told: true, cutoff: None }
    }

    /// The indexes whose values are unique, by their numbers.
    pub(super) fn unique(&self) -> impl Iterator<Item = (i32, &IndexDefinition)> {
        let declared = self.indexes.iter().filter(|index| index.is_declared());
        declared.map(|index| (index.id, &index.definition))
    }
}

impl<'j> Touched<'j> {
    pub(super) fn current(&self) -> Option<&Stored<'j>> {
        match &self.now {
            Now::AsBefore => self.before.as_ref(),
            Now::Is(stored) => Some(stored),
            Now::Gone => None,
        }
    }
}
