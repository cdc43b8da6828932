//! The items of the journal.
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
use isobase_engine::{EngineError, ErrorKind, IndexDefinition, IndexState};
use isobase_journal::{
    CatalogueEntry, Head, IndexEntry, IndexNumber, KeptBody, LogRecord, StoredAnswer,
};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, KeptText, Revision, Sequence, Timestamp,
};

use crate::codec::{Item, as_bytes, as_integer, as_text, bytes, integer, text};

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
/// The layout described here.
const FORMAT: u32 = 2;

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

/// The attributes of the head beside its key.
pub(crate) fn head_values(head: &Head) -> [(&'static str, AttributeValue); 6] {
    [
        ("commit", integer(head.commit)),
        ("sequence", integer(head.sequence.0)),
        ("last_id", integer(head.last_id)),
        ("floor", integer(head.floor.0)),
        ("catalogue", integer(head.catalogue)),
        ("format", integer(FORMAT)),
    ]
}

pub(crate) fn head_item(head: &Head) -> Item {
    let mut item = alone(HEAD);
    item.extend(head_values(head).map(|(name, value)| (name.to_owned(), value)));
    item.extend(head.identity.map(|it| ("identity".to_owned(), text(it.to_string()))));
    item.extend(head.author.map(|it| ("author".to_owned(), integer(it))));
    item
}

/// # Errors
/// [`ErrorKind::Corrupted`] when it is none, [`ErrorKind::Unsupported`] when a newer program
/// wrote it.
pub(crate) fn read_head(item: &Item, table: &str) -> Result<Head, EngineError> {
    let format: u32 = as_integer(item, "format").ok_or_else(|| corrupted("the head"))?;
    if format > FORMAT {
        let message = format!(
            "the table {table} has format {format}, this program knows {FORMAT}: use a newer one"
        );
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    let head = || {
        Some(Head {
            commit: as_integer(item, "commit")?,
            sequence: Sequence(as_integer(item, "sequence")?),
            last_id: as_integer(item, "last_id")?,
            floor: Sequence(as_integer(item, "floor")?),
            catalogue: as_integer(item, "catalogue")?,
            identity: match item.get("identity") {
                Some(identity) => Some(identity.as_s().ok()?.parse().ok()?),
                None => None,
            },
            author: as_integer(item, "author"),
        })
    };
    head().ok_or_else(|| corrupted("the head"))
}

/// The place of a log record: that of its last change.
pub(crate) fn log_place(sequence: Sequence) -> [u8; 8] {
    sequence.0.to_be_bytes()
}

pub(crate) fn place_of_log(item: &Item) -> Option<Sequence> {
    let place = as_bytes(item, SK)?.try_into().ok()?;
    Some(Sequence(u64::from_be_bytes(place)))
}

/// The changes of a commit, of which there is at least one.
pub(crate) fn log_item(changes: &[Change], last: Sequence, at: Timestamp) -> Item {
    let changes = changes.iter().map(|change| AttributeValue::M(change_item(change, at)));
    let mut item = key(LOG, log_place(last));
    item.insert("at".to_owned(), integer(at.unix_us));
    item.insert("changes".to_owned(), AttributeValue::L(changes.collect()));
    item
}

/// Revision and time only where they are not the number and the time of the commit.
fn change_item(change: &Change, at: Timestamp) -> Item {
    let mut item = Item::from([
        ("sequence".to_owned(), integer(change.sequence.0)),
        ("collection".to_owned(), text(change.collection.as_str())),
        ("kind".to_owned(), text(change.kind.as_str())),
    ]);
    if let Some(id) = &change.id {
        item.insert("id".to_owned(), text(id.to_string()));
    }
    match &change.revision {
        Some(revision) if revision.number() == Some(change.sequence.0) => {}
        Some(revision) => {
            item.insert("revision".to_owned(), text(revision.to_string()));
        }
        None => {
            item.insert("revision".to_owned(), AttributeValue::Null(true));
        }
    }
    for (name, kept) in [("former", &change.kept.former), ("body", &change.kept.body)] {
        item.extend(kept.stored().map(|kept| (name.to_owned(), text(kept))));
    }
    if change.at != at {
        item.insert("at".to_owned(), integer(change.at.unix_us));
    }
    item
}

pub(crate) fn time_of_log(item: &Item) -> Option<Timestamp> {
    Some(Timestamp { unix_us: as_integer(item, "at")? })
}

pub(crate) fn read_log_item(item: &Item) -> Result<LogRecord, EngineError> {
    let read = || {
        let at = time_of_log(item)?;
        let changes = item.get("changes")?.as_l().ok()?;
        let changes = changes.iter().map(|change| read_change(change.as_m().ok()?, at));
        Some(LogRecord { changes: changes.collect::<Option<_>>()? })
    };
    read().ok_or_else(|| corrupted("a record of the change feed"))
}

fn read_change(item: &Item, at: Timestamp) -> Option<Change> {
    let sequence = as_integer(item, "sequence")?;
    let kind = as_text(item, "kind")?;
    let id = match item.get("id") {
        Some(id) => Some(DocumentId::parse(id.as_s().ok()?).ok()?),
        None => None,
    };
    let revision = match item.get("revision") {
        None => Some(Revision::from_number(sequence)),
        Some(AttributeValue::S(revision)) => Some(Revision::parse(revision).ok()?),
        Some(_) => None,
    };
    Some(Change {
        sequence: Sequence(sequence),
        collection: CollectionName::new(as_text(item, "collection")?).ok()?,
        id,
        kind: [
            ChangeKind::Created,
            ChangeKind::Updated,
            ChangeKind::Deleted,
            ChangeKind::CollectionDeleted,
        ]
        .into_iter()
        .find(|known| known.as_str() == kind)?,
        revision,
        at: as_integer(item, "at").map_or(at, |unix_us| Timestamp { unix_us }),
        kept: Kept {
            former: KeptText::of_stored(as_text(item, "former")),
            body: KeptText::of_stored(as_text(item, "body")),
        },
    })
}

/// A body that lies apart from its change.
pub(crate) fn body_item(body: &KeptBody) -> Item {
    let mut item = body_key(body.sequence);
    item.insert("body".to_owned(), text(body.text.as_str()));
    item
}

pub(crate) fn body_key(of: Sequence) -> Item {
    key(BODIES, log_place(of))
}

/// The change of such a body, and the body.
pub(crate) fn read_body(item: &Item) -> Result<(Sequence, &str), EngineError> {
    let read = || Some((place_of_log(item)?, as_text(item, "body")?));
    read().ok_or_else(|| corrupted("a body of the change feed"))
}

/// `expires` is when DynamoDB may delete it, in seconds.
pub(crate) fn answer_item(answer: &StoredAnswer, expires: i64) -> Item {
    let mut item = key(ANSWERS, answer.key);
    item.insert("fingerprint".to_owned(), bytes(answer.fingerprint));
    item.insert("outcomes".to_owned(), text(answer.outcomes.as_str()));
    item.insert("at".to_owned(), integer(answer.at.unix_us));
    item.insert(EXPIRES.to_owned(), integer(expires));
    item
}

pub(crate) fn read_answer(item: &Item) -> Result<StoredAnswer, EngineError> {
    let read = || {
        Some(StoredAnswer {
            key: as_bytes(item, SK)?.try_into().ok()?,
            fingerprint: as_bytes(item, "fingerprint")?.try_into().ok()?,
            outcomes: as_text(item, "outcomes")?.to_owned(),
            at: Timestamp { unix_us: as_integer(item, "at")? },
        })
    };
    read().ok_or_else(|| corrupted("the answer to an idempotency key"))
}

/// The attributes of a catalogue entry beside its key and its count.
pub(crate) fn entry_values(entry: &CatalogueEntry) -> [(&'static str, AttributeValue); 4] {
    let indexes = entry.indexes.iter().map(|index| {
        AttributeValue::M(Item::from([
            ("number".to_owned(), integer(index.number)),
            ("fields".to_owned(), text(index.definition.to_string())),
            ("ready".to_owned(), AttributeValue::Bool(index.state == IndexState::Ready)),
        ]))
    });
    let deleting = match entry.deleting {
        Some(sequence) => integer(sequence.0),
        None => AttributeValue::Null(true),
    };
    [
        ("collection", text(entry.collection.as_str())),
        ("indexes", AttributeValue::L(indexes.collect())),
        ("adopted", AttributeValue::Bool(entry.adopted)),
        ("deleting", deleting),
    ]
}

/// A collection in the catalogue.
#[derive(Clone, Debug)]
pub(crate) struct Catalogued {
    pub(crate) entry: CatalogueEntry,
    pub(crate) documents: u64,
    /// The count went below zero, by a mistake of ours.
    pub(crate) is_miscounted: bool,
    /// The generation of its runs of ids; 0 when it has none.
    pub(crate) runs: u64,
}

pub(crate) fn read_entry(item: &Item) -> Result<Catalogued, EngineError> {
    let read = || {
        let indexes = item.get("indexes")?.as_l().ok()?;
        let indexes = indexes.iter().map(|index| read_index(index.as_m().ok()?));
        let entry = CatalogueEntry {
            collection: CollectionName::new(as_text(item, "collection")?).ok()?,
            indexes: indexes.collect::<Option<_>>()?,
            adopted: *item.get("adopted")?.as_bool().ok()?,
            deleting: as_integer(item, "deleting").map(Sequence),
        };
        // A count below zero would be a mistake of ours; nobody should fail for it.
        let counted = as_integer::<i64>(item, DOCUMENTS).unwrap_or_default();
        let documents = u64::try_from(counted).unwrap_or_default();
        let runs = as_integer(item, RUNS).unwrap_or_default();
        Some(Catalogued { entry, documents, is_miscounted: counted < 0, runs })
    };
    read().ok_or_else(|| corrupted("an entry of the catalogue"))
}

fn read_index(item: &Item) -> Option<IndexEntry> {
    let state = match item.get("ready")?.as_bool().ok()? {
        true => IndexState::Ready,
        false => IndexState::Building,
    };
    let definition = IndexDefinition::parse(as_text(item, "fields")?).ok()?;
    Some(IndexEntry { number: as_integer(item, "number")?, definition, state })
}

/// An item that our own code cannot have written.
pub(crate) fn corrupted(what: &str) -> EngineError {
    let message = format!("{what} in the journal's table cannot be read: another program wrote it");
    EngineError::new(ErrorKind::Corrupted, message)
}

#[cfg(test)]
mod tests {
    use isobase_engine::Identity;

    use super::*;

    fn collection() -> CollectionName {
        CollectionName::new("users").unwrap()
    }

    #[test]
    fn items_are_read_back_as_written() {
        let head = Head {
            commit: 7,
            sequence: Sequence(u64::MAX),
            last_id: i64::MAX,
            floor: Sequence(1),
            catalogue: 3,
            identity: Some(Identity::new()),
            author: Some(u64::MAX),
        };
        assert_eq!(read_head(&head_item(&head), "t").unwrap(), head);

        let change = |sequence, kind, id, revision| Change {
            sequence: Sequence(sequence),
            collection: collection(),
            id,
            kind,
            revision,
            at: Timestamp { unix_us: i64::try_from(sequence).unwrap() },
            kept: Kept { former: KeptText::Omitted, body: KeptText::Text("{}".into()) },
        };
        let changes = vec![
            change(5, ChangeKind::Created, Some(10.into()), Some(Revision::from_number(5))),
            change(6, ChangeKind::Updated, Some(10.into()), Revision::parse("foreign-1").ok()),
            change(7, ChangeKind::CollectionDeleted, None, None),
        ];
        let item = log_item(&changes, Sequence(7), Timestamp { unix_us: 5 });
        assert_eq!(place_of_log(&item), Some(Sequence(7)));
        assert_eq!(read_log_item(&item).unwrap().changes, changes);

        let at = Timestamp { unix_us: 9 };
        let answer = StoredAnswer { key: [1; 32], fingerprint: [2; 32], outcomes: "[]".into(), at };
        assert_eq!(read_answer(&answer_item(&answer, 1)).unwrap(), answer);

        let definition = IndexDefinition::parse("unique(status,-at)").unwrap();
        let index = IndexEntry { number: 4, definition, state: IndexState::Building };
        let entry = CatalogueEntry {
            collection: collection(),
            indexes: vec![index],
            adopted: true,
            deleting: Some(Sequence(3)),
        };
        let mut item = key(CATALOGUE, "users");
        item.extend(entry_values(&entry).map(|(name, value)| (name.to_owned(), value)));
        item.insert(DOCUMENTS.to_owned(), integer(12));
        let read = read_entry(&item).unwrap();
        assert_eq!((read.entry, read.documents), (entry, 12));
    }

    #[test]
    fn items_of_others_are_corrupted_and_newer_formats_refused() {
        assert_eq!(read_head(&alone(HEAD), "t").unwrap_err().kind, ErrorKind::Corrupted);
        let mut head = head_item(&Head::default());
        head.insert("format".to_owned(), integer(FORMAT + 1));
        let error = read_head(&head, "p_isobase_journal").unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        assert!(error.message.contains("p_isobase_journal"), "{error}");
        assert!(read_entry(&alone(CATALOGUE)).is_err());
        assert!(read_log_item(&alone(LOG)).is_err());
    }
}
