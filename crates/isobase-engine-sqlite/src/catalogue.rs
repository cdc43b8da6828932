//! Knowledge of the file that needs no question to it: collections, their sizes and their indexes.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use isobase_engine::{CollectionInfo, IndexDefinition, IndexState, listing::ReadyIndex};
use isobase_sqlite::rusqlite::{self, Connection, types::Type};
use isobase_types::CollectionName;

/// The committed state of the catalogue. Replaced as a whole by the writer, after the commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct Catalogue {
    pub(crate) by_name: HashMap<CollectionName, Arc<Collection>>,
}

/// A collection that has or had documents or indexes.
#[derive(Clone, Debug)]
pub(crate) struct Collection {
    pub(crate) id: i64,
    /// Documents after the last commit. Written by the writer only; shared by all versions of
    /// the catalogue.
    pub(crate) documents: Arc<AtomicU64>,
    pub(crate) indexes: Vec<Index>,
}

#[derive(Clone, Debug)]
pub(crate) struct Index {
    pub(crate) id: i64,
    pub(crate) definition: IndexDefinition,
    pub(crate) state: IndexState,
}

impl Catalogue {
    pub(crate) fn load(connection: &Connection) -> rusqlite::Result<Self> {
        let mut indexes = load_indexes(connection)?;
        let mut catalogue = Self::default();
        let mut statement = connection.prepare("SELECT id, name, documents FROM collections")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get(0)?;
            let name: String = row.get(1)?;
            let name = CollectionName::new(&name).map_err(|error| unreadable(1, error))?;
            let documents = Arc::new(AtomicU64::new(row.get(2)?));
            let indexes = indexes.remove(&id).unwrap_or_default();
            catalogue.insert(name, Collection { id, documents, indexes });
        }
        Ok(catalogue)
    }

    pub(crate) fn insert(&mut self, name: CollectionName, collection: Collection) {
        self.by_name.insert(name, Arc::new(collection));
    }

    /// Collections with documents, by the bytes of their names.
    pub(crate) fn collections(&self) -> Vec<CollectionInfo> {
        let mut infos: Vec<CollectionInfo> = self
            .by_name
            .iter()
            .map(|(name, collection)| CollectionInfo {
                name: name.clone(),
                documents: collection.documents.load(Ordering::Acquire),
            })
            .filter(|info| info.documents > 0)
            .collect();
        infos.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        infos
    }

    /// Those with declared indexes, in the order of their names.
    pub(crate) fn indexed_collections(&self) -> Vec<CollectionName> {
        let indexed = self.by_name.iter().filter(|(_, it)| it.declared_indexes().next().is_some());
        let mut names: Vec<CollectionName> = indexed.map(|(name, _)| name.clone()).collect();
        names.sort_unstable();
        names
    }
}

impl Collection {
    /// The indexes that callers have declared.
    pub(crate) fn declared_indexes(&self) -> impl Iterator<Item = &Index> {
        self.indexes.iter().filter(|index| !index.definition.is_age())
    }

    /// The index by age, if it is complete.
    pub(crate) fn age_index(&self) -> Option<i64> {
        let is_age = |it: &&Index| it.definition.is_age() && it.state == IndexState::Ready;
        self.indexes.iter().find(is_age).map(|index| index.id)
    }

    pub(crate) fn ready_indexes(&self) -> Vec<ReadyIndex> {
        self.declared_indexes()
            .filter(|index| index.state == IndexState::Ready)
            .map(|index| ReadyIndex { id: index.id, order: index.definition.order().clone() })
            .collect()
    }
}

fn load_indexes(connection: &Connection) -> rusqlite::Result<HashMap<i64, Vec<Index>>> {
    let mut indexes: HashMap<i64, Vec<Index>> = HashMap::new();
    let mut statement =
        connection.prepare("SELECT id, collection, definition, ready FROM indexes ORDER BY id")?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let text: String = row.get(2)?;
        let definition = IndexDefinition::parse(&text).map_err(|error| unreadable(2, error))?;
        let ready: bool = row.get(3)?;
        let state = if ready { IndexState::Ready } else { IndexState::Building };
        indexes.entry(row.get(1)?).or_default().push(Index { id: row.get(0)?, definition, state });
    }
    Ok(indexes)
}

fn unreadable(
    column: usize,
    error: impl std::error::Error + Send + Sync + 'static,
) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
