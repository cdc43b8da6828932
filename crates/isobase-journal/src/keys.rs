//! Keys of documents in indexes.

use std::ops::Bound;

use isobase_engine::{
    Indexed, UniqueKey,
    listing::{IdRange, StoredKeys, id_key},
};
use isobase_types::DocumentId;

use crate::{IndexEntry, IndexKey, IndexNumber};

/// The index of the ids, which every collection has.
pub(crate) const IDS: IndexNumber = 0;

/// All keys of a document as they are stored, that of the ids first.
pub(crate) fn keys_of(
    document: Indexed<'_>,
    indexes: &[IndexEntry],
    stored: StoredKeys,
) -> Vec<IndexKey> {
    let Indexed { body, id, .. } = document;
    let mut keys = Vec::with_capacity(1 + indexes.len());
    keys.push(IndexKey { index: IDS, key: stored.of(id_key(id)) });
    for entry in indexes {
        let key = stored.of(entry.definition.key(document));
        keys.push(IndexKey { index: entry.number, key });
        let unique = UniqueKey::of(&entry.definition, body, id);
        if let (Some(index), Some(unique)) = (entry.unique_number(), unique) {
            keys.push(IndexKey { index, key: stored.of(unique.row(id)) });
        }
    }
    keys
}

/// The keys of the ids in a range: the smallest, and the first that is too large.
pub(crate) fn key_range(range: &IdRange) -> (Vec<u8>, Option<Vec<u8>>) {
    let lower = match &range.lower {
        Bound::Unbounded => Vec::new(),
        Bound::Included(id) => bound_key(id),
        Bound::Excluded(id) => next(bound_key(id)),
    };
    let upper = match &range.upper {
        Bound::Unbounded => None,
        Bound::Included(id) => Some(next(bound_key(id))),
        Bound::Excluded(id) => Some(bound_key(id)),
    };
    (lower, upper)
}

/// The next larger key.
pub(crate) fn next(mut key: Vec<u8>) -> Vec<u8> {
    key.push(0);
    key
}

/// A bound may be a negative number, which no id is: it stands before the first.
fn bound_key(id: &DocumentId) -> Vec<u8> {
    match id {
        DocumentId::Integer(number) if *number < 0 => {
            let mut key = id_key(&DocumentId::Integer(0));
            key.truncate(1);
            key
        }
        id => id_key(id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(lower: Bound<DocumentId>, upper: Bound<DocumentId>, id: &str) -> bool {
        let key = id_key(&DocumentId::parse(id).unwrap());
        let (lower, upper) = key_range(&IdRange { lower, upper });
        key >= lower && upper.is_none_or(|upper| key < upper)
    }

    #[test]
    fn ranges_of_keys_hold_the_ids_of_the_range() {
        let integer = DocumentId::Integer;
        let text = |text: &str| DocumentId::Text(text.into());
        assert!(holds(Bound::Included(integer(5)), Bound::Included(integer(5)), "5"));
        assert!(!holds(Bound::Excluded(integer(5)), Bound::Unbounded, "5"));
        assert!(!holds(Bound::Unbounded, Bound::Excluded(integer(5)), "5"));
        assert!(holds(Bound::Excluded(integer(5)), Bound::Unbounded, "a"));
        assert!(holds(Bound::Included(integer(-7)), Bound::Unbounded, "0"));
        assert!(!holds(Bound::Unbounded, Bound::Included(integer(-7)), "0"));
        assert!(!holds(Bound::Included(text("")), Bound::Unbounded, "9"));
        assert!(holds(Bound::Included(text("")), Bound::Unbounded, "!"));
        assert!(holds(Bound::Included(text("a")), Bound::Excluded(text("b")), "az"));
        assert!(!holds(Bound::Included(text("a")), Bound::Included(text("a")), "aa"));
    }
}
