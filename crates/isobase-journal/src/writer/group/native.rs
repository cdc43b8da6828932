//! Documents as they are stored.

use isobase_engine::listing::StoredKeys;
use isobase_types::CollectionName;

use crate::{Before, IndexEntry, NativeDocument, catalogue::Catalogue, keys::keys_of};

/// The indexes that a write keeps true.
pub(crate) fn indexes_of(
    catalogue: &Catalogue,
    retired: &[(CollectionName, IndexEntry)],
    collection: &CollectionName,
) -> Vec<IndexEntry> {
    let mut indexes = catalogue.entry(collection).map_or_else(Vec::new, |e| e.indexes.clone());
    let of_this = retired.iter().filter(|(name, _)| name == collection);
    for (_, retired) in of_this {
        if indexes.iter().all(|index| index.number != retired.number) {
            indexes.push(retired.clone());
        }
    }
    indexes
}

/// A document as it was read, before a write or before it is deleted.
pub(crate) fn before_of(
    native: &NativeDocument,
    indexes: &[IndexEntry],
    stored: StoredKeys,
    is_deleted: bool,
) -> Before {
    let stamp = native.meta.as_ref().map(|meta| meta.revision);
    // Other programs write no keys, and leave those of the content that they replace.
    let keys = match native.is_foreign() && !is_deleted {
        true => Vec::new(),
        false => keys_of(native.indexed(), indexes, stored),
    };
    Before { tag: native.tag.clone(), stamp, keys }
}
