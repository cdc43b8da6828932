//! Declared indexes.

use isobase_types::{CollectionName, Order};

use crate::Pending;

/// Most fields of one index: three strings of the longest kept length and an id fit the smallest
/// index row of the engines (PostgreSQL: 2,704 bytes, measured on 15 in November 2026).
pub const INDEX_FIELDS_MAX: usize = 3;

/// Indexes that users declare for a collection. Listings choose among them by themselves.
pub trait Indexes: Send + Sync {
    /// The declared indexes of a collection, in the order of their declaration.
    fn indexes<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, Vec<IndexInfo>>;

    /// The collections that have a declared index, also those without documents, by the bytes of
    /// their names.
    fn indexed_collections(&self) -> Pending<'_, Vec<CollectionName>>;

    /// Declares an index and builds it; answers when it is ready. Declaring it again is allowed
    /// and resumes a build that was cut off. Reads and writes go on meanwhile.
    fn create_index<'a>(
        &'a self,
        collection: &'a CollectionName,
        definition: &'a IndexDefinition,
    ) -> Pending<'a, IndexInfo>;

    /// Takes an index away; says whether there was one.
    fn drop_index<'a>(
        &'a self,
        collection: &'a CollectionName,
        definition: &'a IndexDefinition,
    ) -> Pending<'a, bool>;
}

/// What an index orders by: 1 to [`INDEX_FIELDS_MAX`] fields. Written `status,-created_at`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexDefinition(Order);

impl IndexDefinition {
    /// Checks the fields of an index.
    ///
    /// # Errors
    /// [`InvalidIndex`] when there are no fields or too many.
    pub fn new(order: Order) -> Result<Self, InvalidIndex> {
        match order.0.len() {
            0 => Err(InvalidIndex::Empty),
            fields if fields > INDEX_FIELDS_MAX => Err(InvalidIndex::TooManyFields { fields }),
            _ => Ok(Self(order)),
        }
    }

    /// The fields, most significant first.
    #[must_use]
    pub fn order(&self) -> &Order {
        &self.0
    }
}

/// Why fields do not make an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIndex {
    /// No fields.
    #[error("an index needs at least one field")]
    Empty,
    /// More than [`INDEX_FIELDS_MAX`] fields.
    #[error("an index of {fields} fields, at most {INDEX_FIELDS_MAX} are allowed")]
    TooManyFields {
        /// How many were given.
        fields: usize,
    },
}

/// A declared index.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexInfo {
    /// What it orders by.
    pub definition: IndexDefinition,
    /// Whether listings use it.
    pub state: IndexState,
}

/// Whether an index is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum IndexState {
    /// Being filled; listings do not use it yet.
    Building,
    /// Complete.
    Ready,
}
