//! The log: the changes of each commit, and the bodies that they keep.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use isobase_engine::EngineError;
use isobase_journal::{KeptBody, LogRecord};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, KeptText, Revision, Sequence, Timestamp,
};

use crate::{
    codec::{Item, as_bytes, as_integer, as_text, integer, text},
    database::DynamoDbDatabase,
    journal::{BODIES, LOG, SK, corrupted, key},
    pages::{PartitionPage, Wanted},
};

/// Pages of the log that one search by time reads.
const TIME_PAGES_MAX: usize = 8;

impl DynamoDbDatabase {
    /// Records after a place, until they have `limit` changes.
    pub(crate) async fn records_after(
        &self,
        since: Sequence,
        limit: u32,
    ) -> Result<Vec<LogRecord>, EngineError> {
        let Some(next) = since.0.checked_add(1) else { return Ok(Vec::new()) };
        let (first, last) = (log_place(Sequence(next)), [0xff; 8]);
        let mut records = Vec::new();
        let (mut changes, mut start) = (0, None);
        loop {
            let left = (limit as usize).saturating_sub(changes).max(1);
            let page = PartitionPage {
                pk: LOG,
                first: &first,
                last: &last,
                limit: Some(left),
                start,
                ..PartitionPage::default()
            };
            let (items, after) = self.read_partition(&page).await?;
            for item in &items {
                let record = read_log_item(item)?;
                changes += record.changes.len();
                records.push(record);
                if changes >= limit as usize {
                    return Ok(records);
                }
            }
            start = after;
            if start.is_none() {
                return Ok(records);
            }
        }
    }

    /// Bodies that lie apart from their changes.
    pub(crate) async fn bodies(&self, of: &[Sequence]) -> Result<Vec<Option<String>>, EngineError> {
        let wanted: Vec<Item> = of.iter().map(|of| body_key(*of)).collect();
        let items = self.read_items([(self.journal.clone(), wanted)].into(), None).await?;
        let found = items.iter().map(|(_, item)| read_body(item));
        let found = found.collect::<Result<HashMap<_, _>, _>>()?;
        Ok(of.iter().map(|of| found.get(of).map(|text| (*text).to_owned())).collect())
    }

    /// The last place whose commit is not after a moment, among the oldest records.
    pub(crate) async fn place_before(
        &self,
        at: Timestamp,
    ) -> Result<Option<Sequence>, EngineError> {
        let (first, last) = ([0], [0xff; 8]);
        let (mut found, mut start) = (None, None);
        for _ in 0..TIME_PAGES_MAX {
            let page = PartitionPage {
                pk: LOG,
                first: &first,
                last: &last,
                only: Wanted::And("at"),
                start,
                ..PartitionPage::default()
            };
            let (items, after) = self.read_partition(&page).await?;
            for item in &items {
                let place = place_of_log(item).zip(time_of_log(item));
                let (place, time) =
                    place.ok_or_else(|| corrupted("a record of the change feed"))?;
                if time > at {
                    return Ok(found);
                }
                found = Some(place);
            }
            start = after;
            if start.is_none() {
                break;
            }
        }
        // What comes after is found when this much is trimmed.
        Ok(found)
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::alone;

    #[test]
    fn records_are_read_back_as_written() {
        let change = |sequence, kind, id, revision| Change {
            sequence: Sequence(sequence),
            collection: CollectionName::new("users").unwrap(),
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
        assert!(read_log_item(&alone(LOG)).is_err());
    }
}
