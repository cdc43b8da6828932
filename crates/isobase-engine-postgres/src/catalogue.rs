//! This process's knowledge of collections and indexes.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use arc_swap::ArcSwap;
use isobase_engine::{
    AllTerms, Identity, IndexDefinition, IndexInfo, IndexState, Indexed, Keeping, Loading,
    UniqueKey, listing::ReadyIndex,
};
use isobase_postgres::{Connection, Error, Row};
use isobase_types::CollectionName;
use parking_lot::RwLock;

use crate::{
    channel::Channel,
    codec::{ENTRY_KEYS, column},
    error::corrupted,
    sql::Statements,
};

/// Names remembered; beyond it they are learnt anew.
const COLLECTIONS_MAX: usize = 100_000;
/// How old the knowledge about indexes may be when a read relies on it. Another process may drop
/// an index meanwhile; its entries stay correct for [`RETIREMENT_SECONDS`].
const INDEXES_AGE_MAX: Duration = Duration::from_secs(1);
/// Longer than any read that began while the index was known.
pub(crate) const RETIREMENT_SECONDS: f64 = 60.0;

/// Shared by the writer and all reads.
#[derive(Debug)]
pub(crate) struct Catalogue {
    /// Numbers of collections. They never change and are never reused, so what is here is true
    /// for ever; a name that is not here may still exist. Written by the task that learns one from a
    /// committed row.
    collections: RwLock<HashMap<CollectionName, i32>>,
    /// The indexes as of some version. Never replaced by an older one.
    indexes: ArcSwap<Checked>,
    pub(crate) loading: Loading,
    pub(crate) channel: Channel,
    /// The parts that changes keep of their documents.
    pub(crate) keeping: Keeping,
    /// On which terms collections keep their documents.
    pub(crate) terms: AllTerms,
}

#[derive(Debug)]
struct Checked {
    indexes: Arc<IndexCatalogue>,
    at: Instant,
}

/// All indexes as of one version of the catalogue.
#[derive(Debug)]
pub(crate) struct IndexCatalogue {
    pub(crate) version: i64,
    /// Of the database. The version moves on with it.
    pub(crate) identity: Identity,
    by_collection: HashMap<i32, Arc<[IndexRow]>>,
    /// There are indexes to empty and forget.
    pub(crate) has_dropped: bool,
    /// The database is being loaded. The version moves on when that begins and when it ends.
    pub(crate) is_unfinished: bool,
}

/// A row of the table `indexes`.
#[derive(Clone, Debug)]
pub(crate) struct IndexRow {
    pub(crate) id: i32,
    pub(crate) definition: IndexDefinition,
    pub(crate) state: RowState,
}

/// The life of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RowState {
    /// Being filled.
    Building,
    /// Complete.
    Ready,
    /// Gone for callers; other processes may still read it for a moment.
    Dropped,
    /// No one reads it; its entries are being deleted.
    Retired,
}

impl Catalogue {
    pub(crate) fn new(indexes: IndexCatalogue, channel: Channel) -> Self {
        let checked = Checked { indexes: Arc::new(indexes), at: Instant::now() };
        Self {
            collections: RwLock::default(),
            indexes: ArcSwap::from_pointee(checked),
            loading: Loading::default(),
            channel,
            keeping: Keeping::default(),
            terms: AllTerms::default(),
        }
    }

    /// The number of a collection, if it is known.
    pub(crate) fn collection(&self, name: &CollectionName) -> Option<i32> {
        self.collections.read().get(name).copied()
    }

    /// Remembers the number of a collection whose row is committed.
    pub(crate) fn learn(&self, name: CollectionName, id: i32) {
        let mut known = self.collections.write();
        if known.len() >= COLLECTIONS_MAX {
            known.clear();
        }
        known.insert(name, id);
    }

    /// The indexes as last seen.
    pub(crate) fn indexes(&self) -> Arc<IndexCatalogue> {
        Arc::clone(&self.indexes.load().indexes)
    }

    /// The indexes, no older than a read may rely on. Asks with the connection when they are.
    pub(crate) async fn fresh_indexes(
        &self,
        connection: &Connection,
        statements: &Statements,
    ) -> Result<Arc<IndexCatalogue>, Error> {
        let known = self.indexes.load_full();
        let asked = Instant::now();
        if asked.duration_since(known.at) < INDEXES_AGE_MAX {
            return Ok(Arc::clone(&known.indexes));
        }
        let rows = connection.query(&statements.catalogue_version, &[]).await?;
        let row = rows.first().ok_or_else(|| corrupted("the clock"))?;
        let version: i64 = column(row, 0)?;
        let indexes = if version == known.indexes.version {
            Arc::clone(&known.indexes)
        } else {
            Arc::new(load_indexes(connection, statements).await?)
        };
        self.store(&indexes, asked);
        Ok(indexes)
    }

    /// Remembers the indexes as they were at a moment.
    pub(crate) fn store(&self, indexes: &Arc<IndexCatalogue>, at: Instant) {
        self.indexes.rcu(|known| {
            if known.indexes.version > indexes.version
                || (known.indexes.version == indexes.version && known.at >= at)
            {
                Arc::clone(known)
            } else {
                Arc::new(Checked { indexes: Arc::clone(indexes), at })
            }
        });
    }
}

impl IndexCatalogue {
    /// The indexes of a collection that writes keep up to date.
    pub(crate) fn maintained(&self, collection: i32) -> impl Iterator<Item = &IndexRow> {
        self.all(collection).iter().filter(|index| index.state != RowState::Retired)
    }

    /// The indexes that listings may use.
    pub(crate) fn ready(&self, collection: i32) -> Vec<ReadyIndex> {
        self.all(collection)
            .iter()
            .filter(|index| index.state == RowState::Ready && !index.definition.is_age())
            .map(|index| ReadyIndex {
                id: i64::from(index.id),
                order: index.definition.order().clone(),
            })
            .collect()
    }

    /// The index by age, if it is complete.
    pub(crate) fn by_age(&self, collection: i32) -> Option<i32> {
        let is_age = |it: &&IndexRow| it.definition.is_age() && it.state == RowState::Ready;
        self.all(collection).iter().find(is_age).map(|index| index.id)
    }

    /// The indexes that were declared: by callers, or by us for the age of documents.
    pub(crate) fn declared(&self, collection: i32) -> impl Iterator<Item = &IndexRow> {
        self.all(collection).iter().filter(|index| index.is_declared())
    }

    /// The declared index with this definition.
    pub(crate) fn find(&self, collection: i32, definition: &IndexDefinition) -> Option<&IndexRow> {
        self.declared(collection).find(|index| index.definition == *definition)
    }

    fn all(&self, collection: i32) -> &[IndexRow] {
        self.by_collection.get(&collection).map_or(&[], |indexes| indexes)
    }
}

impl IndexRow {
    /// Whether it was declared and not dropped since.
    pub(crate) fn is_declared(&self) -> bool {
        matches!(self.state, RowState::Building | RowState::Ready)
    }

    /// The rows of a document, each with the number of the index under which it lies. Those of
    /// unique values lie under the negative number.
    pub(crate) fn keys_of(&self, document: Indexed<'_>) -> Vec<(i32, Vec<u8>)> {
        let mut keys = vec![(self.id, ENTRY_KEYS.of(self.definition.key(document)))];
        let Indexed { body, id, .. } = document;
        if let Some(unique) = UniqueKey::of(&self.definition, body, id) {
            keys.push((-self.id, ENTRY_KEYS.of(unique.row(id))));
        }
        keys
    }

    pub(crate) fn info(&self) -> IndexInfo {
        let state = match self.state {
            RowState::Ready => IndexState::Ready,
            _ => IndexState::Building,
        };
        IndexInfo { definition: self.definition.clone(), state }
    }
}

/// Reads all indexes.
pub(crate) async fn load_indexes(
    connection: &Connection,
    statements: &Statements,
) -> Result<IndexCatalogue, Error> {
    let rows = connection.query(&statements.indexes, &[]).await?;
    // What is of the database comes with every row, and one comes also when there is no index.
    let of_database = rows.first().ok_or_else(|| corrupted("the clock"))?;
    let mut by_collection: HashMap<i32, Vec<IndexRow>> = HashMap::new();
    let mut has_dropped = false;
    for row in &rows {
        if column::<Option<i32>>(row, 1)?.is_some() {
            let index = index_row(row)?;
            has_dropped |= matches!(index.state, RowState::Dropped | RowState::Retired);
            by_collection.entry(column(row, 2)?).or_default().push(index);
        }
    }
    let by_collection = by_collection.into_iter();
    Ok(IndexCatalogue {
        version: column(of_database, 0)?,
        identity: identity(of_database, 6)?,
        by_collection: by_collection.map(|(collection, rows)| (collection, rows.into())).collect(),
        has_dropped,
        is_unfinished: column(of_database, 5)?,
    })
}

/// The identity in two columns of a row.
pub(crate) fn identity(row: &Row, at: usize) -> Result<Identity, Error> {
    let number = |at| column::<i64>(row, at).map(i64::cast_unsigned);
    Ok(Identity { database: number(at)?, epoch: number(at + 1)? })
}

fn index_row(row: &Row) -> Result<IndexRow, Error> {
    let definition = IndexDefinition::parse(column(row, 3)?)
        .map_err(|_| corrupted("the definition of an index"))?;
    let state = match column::<i16>(row, 4)? {
        0 => RowState::Building,
        1 => RowState::Ready,
        2 => RowState::Dropped,
        3 => RowState::Retired,
        _ => return Err(corrupted("the state of an index")),
    };
    Ok(IndexRow { id: column(row, 1)?, definition, state })
}
