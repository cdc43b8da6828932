//! Rows and what they mean.

use std::ops::Bound;

use isobase_engine::listing::{IdRange, StoredKeys};
use isobase_postgres::{Error, Row};
use isobase_types::{Document, DocumentId, Revision, Timestamp, key};

use crate::error::corrupted;

/// Above every stored id: their first byte is 1 or 2.
const AFTER_ALL_IDS: u8 = 0xff;

/// How keys of entries are stored: a row of an index has at most 2,704 bytes, the number of the
/// index among them (measured on 15 in November 2026).
pub(crate) const ENTRY_KEYS: StoredKeys = StoredKeys::new(2_560);

/// The stored form of an id, in the order of ids.
pub(crate) fn id_bytes(id: &DocumentId) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16);
    key::encode_id(id, &mut bytes);
    bytes
}

/// The id of a stored form.
pub(crate) fn id_of(bytes: &[u8]) -> Result<DocumentId, Error> {
    key::decode_id(bytes).ok_or_else(|| corrupted("a stored id"))
}

/// The smallest stored id of a range and the first one after it.
pub(crate) fn id_bounds(range: &IdRange) -> (Vec<u8>, Vec<u8>) {
    // Stored ids hold no NUL at their end, so the next larger byte string is one longer.
    let after = |id: &DocumentId| {
        let mut bytes = id_bytes(id);
        bytes.push(0);
        bytes
    };
    let lower = match &range.lower {
        Bound::Included(id) => id_bytes(id),
        Bound::Excluded(id) => after(id),
        Bound::Unbounded => Vec::new(),
    };
    let upper = match &range.upper {
        Bound::Included(id) => after(id),
        Bound::Excluded(id) => id_bytes(id),
        Bound::Unbounded => vec![AFTER_ALL_IDS],
    };
    (lower, upper)
}

/// The column of a row; a wrong type or an unexpected null is damage.
pub(crate) fn column<'r, T: FromColumn<'r>>(row: &'r Row, at: usize) -> Result<T, Error> {
    T::from_column(row, at).ok_or_else(|| corrupted(&format!("column {} of a row", at + 1)))
}

/// A type that a column can have.
pub(crate) trait FromColumn<'r>: Sized {
    fn from_column(row: &'r Row, at: usize) -> Option<Self>;
}

macro_rules! from_column {
    ($($type:ty),*) => {$(
        impl<'r> FromColumn<'r> for $type {
            fn from_column(row: &'r Row, at: usize) -> Option<Self> {
                row.try_get(at).ok()
            }
        }
    )*};
}
from_column!(bool, i16, i32, i64, String, &'r str, &'r [u8]);
from_column!(Option<i16>, Option<i32>, Option<i64>, Option<&'r str>, Option<&'r [u8]>);

/// A document from the columns revision, created_at, updated_at, body, the first of which is
/// number `at`.
pub(crate) fn document(id: DocumentId, row: &Row, at: usize) -> Result<Document, Error> {
    Ok(Document {
        id,
        revision: Revision::from_number(column::<i64>(row, at)?.cast_unsigned()),
        created_at: Timestamp { unix_us: column(row, at + 1)? },
        updated_at: Timestamp { unix_us: column(row, at + 2)? },
        body: column(row, at + 3)?,
    })
}
