//! Fields of documents, and what their versions tell.

use std::collections::BTreeMap;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_journal::Tag;

/// Fields of a document or a map.
pub(crate) type Fields = BTreeMap<String, proto::Value>;

/// The bytes in a version; 0 when they do not matter.
pub(crate) fn tag_replaced(tag: &Tag) -> u64 {
    tag.0.split_once('+').and_then(|(_, bytes)| bytes.parse().ok()).unwrap_or_default()
}
