//! The share of a write in a transaction, and whether it fits an item.

use isobase_engine::listing;
use isobase_journal::{After, Cost, DocumentWrite, IndexKey};
use isobase_types::DocumentId;

use crate::{
    codec,
    limits::{ITEM_BYTES_MAX, RULES},
};

/// Bytes of a change in the log beside its names.
const CHANGE_BYTES: usize = 100;
/// Bytes of an entry beside its names and keys.
const ENTRY_BYTES: usize = 32;

/// The cost of a write: the document, and each entry that comes or goes.
pub(crate) fn cost(write: &DocumentWrite) -> Cost {
    let (gone, new) = key_changes(write);
    let names = write.key.collection.as_str().len() + write.key.id.to_string().len();
    let entries: usize =
        gone.iter().chain(&new).map(|key| ENTRY_BYTES + names + key.key.len()).sum();
    let document = write.after.as_ref().map_or(0, |after| codec::item_bytes(&write.key.id, after));
    let bytes = CHANGE_BYTES + names + entries + document;
    // The place among the ids of what another program wrote may have to go too.
    let found = u64::from(is_unstamped(write) && write.after.is_none());
    Cost { items: 1 + found + (gone.len() + new.len()) as u64, bytes: bytes as u64 }
}

/// Whether another program wrote the document that was read, without our bookkeeping: no one
/// knows then which keys and counts there are of it.
pub(crate) fn is_unstamped(write: &DocumentWrite) -> bool {
    write.before.as_ref().is_some_and(|before| before.tag.0.is_empty())
}

/// The stored key of a document in the index of the ids.
pub(crate) fn id_key(id: &DocumentId) -> Vec<u8> {
    RULES.stored_keys().of(listing::id_key(id))
}

/// Keys that go and keys that come; what stays is not written again.
pub(crate) fn key_changes(write: &DocumentWrite) -> (Vec<&IndexKey>, Vec<&IndexKey>) {
    let before = write.before.as_ref().map_or(&[][..], |before| &before.keys);
    let after = write.after.as_ref().map_or(&[][..], |after| &after.keys);
    let is_known = |key: &&IndexKey| key.index != 0 || !is_unstamped(write);
    let gone = before.iter().filter(is_known).filter(|key| !after.contains(key)).collect();
    let stays = |key: &IndexKey| before.iter().filter(is_known).any(|known| known == key);
    let new = after.iter().filter(|key| !stays(key)).collect();
    (gone, new)
}

/// The size of an item that DynamoDB would refuse, in words.
pub(crate) fn refuses_size(id: &DocumentId, after: &After) -> Option<String> {
    let bytes = codec::item_bytes(id, after);
    let max = ITEM_BYTES_MAX;
    (bytes > max).then(|| {
        format!(
            "as an item it has about {bytes} bytes with names and bookkeeping, DynamoDB allows \
             {max}"
        )
    })
}
