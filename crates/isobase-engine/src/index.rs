//! Declared indexes.

use std::fmt;

use async_trait::async_trait;
use isobase_types::{CollectionName, FieldPath, Indexed, InvalidOrder, Order};

use crate::{
    EngineError,
    listing::{age_index_key, index_key},
};

/// Most fields of one index: three strings of the longest kept length and an id fit the smallest
/// index row of the engines (PostgreSQL: 2,704 bytes, measured on 15 in November 2026).
pub const INDEX_FIELDS_MAX: usize = 3;

/// Indexes that users declare for a collection. Listings choose among them by themselves.
#[async_trait]
pub trait Indexes: Send + Sync {
    /// The declared indexes of a collection, in the order of their declaration.
    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError>;

    /// The collections that have a declared index, also those without documents, by the bytes of
    /// their names.
    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError>;

    /// Declares an index and builds it; answers when it is ready. Declaring it again is allowed
    /// and resumes a build that was cut off. Reads and writes go on meanwhile.
    ///
    /// A unique one refuses writes from its declaration on. Documents that are there already and
    /// have equal values end it: [`crate::ErrorKind::NotUnique`], and nothing is declared.
    async fn create_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError>;

    /// Deletes an index; says whether there was one.
    async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, EngineError>;
}

/// The order of an index, 1 to [`INDEX_FIELDS_MAX`] fields, and whether their values are unique.
///
/// Its text, which engines store, is `status,-created_at` or `unique(email)`. One more kind is the
/// engines' own ([`IndexDefinition::age`]).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IndexDefinition {
    order: Order,
    kind: Kind,
}

/// The purpose of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Kind {
    /// Several documents may have equal values.
    Plain,
    /// At most one document has the values, unless one of them is missing or null.
    Unique,
    /// No field: the last change.
    Age,
}

/// The text before the fields of a unique index. No order begins so: a bracket needs quotes.
const UNIQUE: &str = "unique(";

/// The text of the index by age.
const AGE: &str = "age()";

impl IndexDefinition {
    /// Checks the fields of an index.
    ///
    /// # Errors
    /// [`InvalidIndex`] when there are no fields or too many.
    pub fn new(order: Order) -> Result<Self, InvalidIndex> {
        match order.0.len() {
            0 => Err(InvalidIndex::Empty),
            fields if fields > INDEX_FIELDS_MAX => Err(InvalidIndex::TooManyFields { fields }),
            _ => Ok(Self { order, kind: Kind::Plain }),
        }
    }

    /// Checks the fields of an index whose values only one document may have.
    ///
    /// # Errors
    /// As [`Self::new`], and when a field is a time that the store keeps.
    pub fn unique(order: Order) -> Result<Self, InvalidIndex> {
        if let Some(field) = order.0.iter().find(|field| field.path.time().is_some()) {
            return Err(InvalidIndex::UniqueTime { path: field.path.clone() });
        }
        Ok(Self { kind: Kind::Unique, ..Self::new(order)? })
    }

    /// The index by the time of the last change, which engines keep of collections whose documents
    /// expire. It is theirs: they neither tell callers of it nor plan with it.
    #[must_use]
    pub fn age() -> Self {
        Self { order: Order::default(), kind: Kind::Age }
    }

    /// Reads the text of a definition.
    ///
    /// # Errors
    /// [`InvalidIndex`] when it is none.
    pub fn parse(text: &str) -> Result<Self, InvalidIndex> {
        if text == AGE {
            return Ok(Self::age());
        }
        match text.strip_prefix(UNIQUE).and_then(|fields| fields.strip_suffix(')')) {
            Some(fields) => Self::unique(Order::parse(fields)?),
            None => Self::new(Order::parse(text)?),
        }
    }

    /// The fields, most significant first.
    #[must_use]
    pub fn order(&self) -> &Order {
        &self.order
    }

    /// Whether only one document may have the values of the fields.
    #[must_use]
    pub fn is_unique(&self) -> bool {
        self.kind == Kind::Unique
    }

    /// Whether it is the [index by age](Self::age).
    #[must_use]
    pub fn is_age(&self) -> bool {
        self.kind == Kind::Age
    }

    /// The key under which it sorts a document.
    #[must_use]
    pub fn key(&self, document: Indexed<'_>) -> Vec<u8> {
        match self.kind {
            Kind::Age => age_index_key(document),
            Kind::Plain | Kind::Unique => index_key(document, &self.order),
        }
    }
}

/// The form that [`IndexDefinition::parse`] reads.
impl fmt::Display for IndexDefinition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Plain => write!(f, "{}", self.order),
            Kind::Unique => write!(f, "{UNIQUE}{})", self.order),
            Kind::Age => f.write_str(AGE),
        }
    }
}

/// Why fields do not make an index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidIndex {
    /// The fields are no order.
    #[error(transparent)]
    Order(#[from] InvalidOrder),
    /// No fields.
    #[error("an index needs at least one field")]
    Empty,
    /// A time of the store in a unique index.
    #[error("{path} cannot be unique: it is a time that the store keeps")]
    UniqueTime {
        /// The field.
        path: FieldPath,
    },
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
    /// Its order.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definitions_are_read_back_as_written() {
        for text in ["status,-created_at", "unique(email)", "unique(tenant,\"a,b\")", "unique a"] {
            let definition = IndexDefinition::parse(text).unwrap();
            assert_eq!(definition.to_string(), text);
            assert_eq!(definition.is_unique(), text.starts_with("unique("));
        }
        for text in [
            "",
            "unique()",
            "unique(email",
            "unique(a,b,c,d)",
            "unique(unique(a))",
            "unique(_meta.updatedAt)",
        ] {
            assert!(IndexDefinition::parse(text).is_err(), "{text}");
        }
    }
}
