//! Schemas that were read, and how long they are used.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use isobase_types::{CollectionName, Revision};

use super::Schema;

/// How long a schema is used before the database is asked again. Other services on the same
/// database see a change this late, and a request longer.
pub(super) const FRESH: Duration = Duration::from_secs(2);

/// Most collections remembered, with a schema or without; beyond it they are looked up again.
pub(super) const COLLECTIONS_MAX: usize = 10_000;

/// A schema in use.
#[derive(Clone, Debug)]
pub struct SchemaInfo {
    /// The schema.
    pub schema: Schema,
    /// Where it comes from.
    pub origin: SchemaOrigin,
}

/// Where a schema comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SchemaOrigin {
    /// The configuration of this process.
    Declared,
    /// The database.
    Stored,
}

/// Knowledge of collections, and the order in which it came to be known: asking takes a
/// while, and an older answer must not take the place of a newer one.
#[derive(Default)]
pub(super) struct Cache {
    pub(super) entries: HashMap<CollectionName, Entry>,
    /// How many marks were given.
    marks: u64,
    /// The last mark when entries were last taken away. A collection that is missing now and was
    /// missing before may have been known in between.
    taken_away_at: u64,
}

pub(super) struct Entry {
    pub(super) known: Known,
    /// Another one with each change of the entry.
    mark: u64,
}

/// What there was about a collection before the database was asked.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Seen {
    /// An entry with this mark.
    Entry(u64),
    /// None, and entries had been removed last at this mark.
    Nothing(u64),
}

#[derive(Clone)]
pub(super) struct Known {
    pub(super) asked_at: Instant,
    /// The stored revision and the schema; `None` when there is none.
    pub(super) stored: Option<(Revision, Schema)>,
}

impl Cache {
    /// Knowledge of a collection, while that need not be asked again.
    pub(super) fn fresh(&self, collection: &CollectionName) -> Option<Option<&Schema>> {
        let known = &self.entries.get(collection)?.known;
        (known.asked_at.elapsed() < FRESH).then(|| known.stored.as_ref().map(|(_, schema)| schema))
    }

    pub(super) fn seen(&self, collection: &CollectionName) -> Seen {
        match self.entries.get(collection) {
            Some(entry) => Seen::Entry(entry.mark),
            None => Seen::Nothing(self.taken_away_at),
        }
    }

    pub(super) fn put(&mut self, collection: &CollectionName, known: Known) -> Seen {
        self.marks += 1;
        if self.entries.len() >= COLLECTIONS_MAX && !self.entries.contains_key(collection) {
            self.entries.clear();
            self.taken_away_at = self.marks;
        }
        self.entries.insert(collection.clone(), Entry { known, mark: self.marks });
        Seen::Entry(self.marks)
    }

    /// The same unless something changed since; says whether it was done.
    pub(super) fn put_after(
        &mut self,
        seen: Seen,
        collection: &CollectionName,
        known: Known,
    ) -> bool {
        let unchanged = self.seen(collection) == seen;
        if unchanged {
            self.put(collection, known);
        }
        unchanged
    }

    pub(super) fn take_away(&mut self, collection: &CollectionName) {
        self.marks += 1;
        self.entries.remove(collection);
        self.taken_away_at = self.marks;
    }

    /// The same unless something changed since, or there is nothing to remove.
    pub(super) fn take_away_after(&mut self, seen: Seen, collection: &CollectionName) {
        if matches!(seen, Seen::Entry(_)) && self.seen(collection) == seen {
            self.take_away(collection);
        }
    }
}

impl Known {
    pub(super) fn info(&self) -> Option<SchemaInfo> {
        let (_, schema) = self.stored.as_ref()?;
        Some(SchemaInfo { schema: schema.clone(), origin: SchemaOrigin::Stored })
    }
}
