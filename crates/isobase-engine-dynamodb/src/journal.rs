//! The table of the journal and the keys of its items.
//!
//! One table, partition key `pk` (S) and sort key `sk` (B):
//!
//! | `pk` | `sk` | what |
//! |---|---|---|
//! | `head` | `-` | the counters; every commit moves them on |
//! | `unfinished` | `-` | the note of a load |
//! | `log` | last sequence, 8 bytes | the changes of one commit |
//! | `bodies` | sequence, 8 bytes | a large body that a change keeps |
//! | `answers` | idempotency key, 32 bytes | the first answer |
//! | `catalogue` | name | a collection: its indexes, its count |
//! | `keys/NAME/INDEX` | index key | which document has the key |
//! | `ids/NAME/GENERATION` | first key | thousands of ids in order, from a load |
//! | `loading/NAME` | first key, time | ids of a load that has not ended |

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use isobase_engine::{EngineError, ErrorKind};
use isobase_journal::IndexNumber;
use isobase_types::{CollectionName, DocumentId};

use crate::codec::{Item, as_text, bytes, text};

pub(crate) const PK: &str = "pk";
pub(crate) const SK: &str = "sk";
pub(crate) const HEAD: &str = "head";
pub(crate) const UNFINISHED: &str = "unfinished";
pub(crate) const LOG: &str = "log";
pub(crate) const BODIES: &str = "bodies";
pub(crate) const ANSWERS: &str = "answers";
pub(crate) const CATALOGUE: &str = "catalogue";
/// The attribute by which DynamoDB deletes old answers itself.
pub(crate) const EXPIRES: &str = "expires";
/// The attribute of an entry of an index that says whose it is.
pub(crate) const DOCUMENT: &str = "document";
/// The attribute of a collection in the catalogue that says which runs of ids it has.
pub(crate) const RUNS: &str = "runs";
/// The attribute of a collection in the catalogue that counts its documents.
pub(crate) const DOCUMENTS: &str = "documents";
pub(crate) const NOTE: &str = "note";
/// The sort key where there is one item only.
const ALONE: &[u8] = b"-";

/// The partition of an index. A collection's name has no `/`.
pub(crate) fn keys(collection: &CollectionName, index: IndexNumber) -> String {
    format!("keys/{collection}/{index}")
}

/// The key of an item.
pub(crate) fn key(pk: impl Into<String>, sk: impl Into<Vec<u8>>) -> Item {
    HashMap::from([(PK.to_owned(), text(pk)), (SK.to_owned(), bytes(sk))])
}

/// The key of an item that was read.
pub(crate) fn key_of(mut item: Item) -> Item {
    item.retain(|name, _| name == PK || name == SK);
    item
}

/// The key of the item that is alone in its partition.
pub(crate) fn alone(pk: &str) -> Item {
    key(pk, ALONE)
}

pub(crate) fn entry(
    collection: &CollectionName,
    index: IndexNumber,
    index_key: &[u8],
    id: &DocumentId,
) -> Item {
    let mut item = key(keys(collection, index), index_key);
    item.insert(DOCUMENT.to_owned(), text(id.to_string()));
    item
}

/// An entry that takes its key away from the runs.
pub(crate) fn taken_away(collection: &CollectionName, index_key: &[u8]) -> Item {
    let mut item = key(keys(collection, 0), index_key);
    item.insert("gone".to_owned(), AttributeValue::Bool(true));
    item
}

pub(crate) fn is_taken_away(entry: &Item) -> bool {
    !entry.contains_key(DOCUMENT)
}

pub(crate) fn entry_id(item: &Item) -> Result<DocumentId, EngineError> {
    as_text(item, DOCUMENT)
        .and_then(|id| DocumentId::parse(id).ok())
        .ok_or_else(|| corrupted("an entry of an index"))
}

/// An item that our own code cannot have written.
pub(crate) fn corrupted(what: &str) -> EngineError {
    let message = format!("{what} in the journal's table cannot be read: another program wrote it");
    EngineError::new(ErrorKind::Corrupted, message)
}
