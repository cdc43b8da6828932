//! Where a document lies.

use isobase_sqlite::rusqlite::{
    self, ToSql,
    types::{FromSqlError, ToSqlOutput, Value, ValueRef},
};
use isobase_types::DocumentId;

/// Bits of a record's key that hold the id: a million million documents.
const ID_BITS: u32 = 40;

/// Largest integer id that fits a key.
pub(crate) const INTEGER_ID_MAX: i64 = (1 << ID_BITS) - 1;

/// Largest number of a collection that fits a key.
pub(crate) const COLLECTION_ID_MAX: i64 = (1 << (63 - ID_BITS)) - 1;

/// The key of a record; the id is within 0 and [`INTEGER_ID_MAX`].
pub(crate) fn record_key(collection: i64, id: i64) -> i64 {
    (collection << ID_BITS) | id
}

/// The id in the key of a record.
pub(crate) fn id_of_key(key: i64) -> DocumentId {
    DocumentId::Integer(key & INTEGER_ID_MAX)
}

/// Where a document lies.
pub(crate) enum Location<'a> {
    Record(i64),
    /// Its id is a string, or an integer that does not fit a key.
    Named(i64, IdColumn<'a>),
}

impl<'a> Location<'a> {
    pub(crate) fn of(collection: i64, id: &'a DocumentId) -> Self {
        match id {
            DocumentId::Integer(id) if (0..=INTEGER_ID_MAX).contains(id) => {
                Self::Record(record_key(collection, *id))
            }
            _ => Self::Named(collection, IdColumn(id)),
        }
    }
}

/// An id as a column value: an integer or a text.
pub(crate) struct IdColumn<'a>(pub(crate) &'a DocumentId);

impl ToSql for IdColumn<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self.0 {
            DocumentId::Integer(id) => ToSqlOutput::Owned(Value::Integer(*id)),
            DocumentId::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
        })
    }
}

/// The id in a column value.
pub(crate) fn id_of_column(value: ValueRef<'_>) -> Result<DocumentId, FromSqlError> {
    match value {
        ValueRef::Integer(id) => Ok(DocumentId::Integer(id)),
        ValueRef::Text(_) => Ok(DocumentId::Text(value.as_str()?.into())),
        _ => Err(FromSqlError::InvalidType),
    }
}
