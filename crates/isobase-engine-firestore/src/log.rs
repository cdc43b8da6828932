//! The log: the changes of each commit, and the bodies that they keep.

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::EngineError;
use isobase_journal::{KeptBody, LogRecord};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, KeptText, Revision, Sequence, Timestamp,
};
use proto::structured_query::field_filter::Operator;
use serde::{Deserialize, Serialize};

use crate::{
    codec,
    database::FirestoreDatabase,
    fields::Fields,
    journal::{AT, corrupted},
    limits::{self, LOG_BYTES_MAX},
    query::{NAME, Query},
};

impl FirestoreDatabase {
    /// Records after a place, until they have `limit` changes.
    pub(crate) async fn records_after(
        &self,
        since: Sequence,
        limit: u32,
    ) -> Result<Vec<LogRecord>, EngineError> {
        // Every record has at least one change.
        let query = self
            .by_name(&self.requests.names.log(), Some(&log_id(since)))
            .at_most(limit.max(1))
            .build();
        let found = self.requests.query(&query, limits::SCAN_BYTES_MAX).await?.documents;
        let mut records = Vec::new();
        let mut changes = 0;
        for document in found {
            let record = log_record_of(&document.fields)?;
            changes += record.changes.len();
            records.push(record);
            if changes >= limit as usize {
                break;
            }
        }
        Ok(records)
    }

    /// Bodies that lie apart from their changes.
    pub(crate) async fn bodies(&self, of: &[Sequence]) -> Result<Vec<Option<String>>, EngineError> {
        let names = &self.requests.names;
        let bodies = names.bodies();
        let name = |of: &Sequence| names.native_document(&bodies, log_id(*of));
        let found = self.requests.documents(&of.iter().map(name).collect::<Vec<_>>()).await?;
        let read = found
            .into_iter()
            .map(|document| document.map(|document| body_of(&document.fields)).transpose());
        read.collect()
    }

    /// Deletes what was written up to a place.
    pub(crate) async fn trim(&self, floor: Sequence) -> Result<(), EngineError> {
        let names = &self.requests.names;
        for native in [names.bodies(), names.log()] {
            let last = names.native_document(&native, log_id(floor));
            let query = || {
                let last = codec::reference(last.clone());
                Query::of(&*native).by(NAME, false).only(NAME, Operator::LessThanOrEqual, last)
            };
            self.delete_found(query).await?;
        }
        Ok(())
    }

    /// The last place whose commit is not after a moment.
    pub(crate) async fn place_before(
        &self,
        at: Timestamp,
    ) -> Result<Option<Sequence>, EngineError> {
        let query = Query::of(self.requests.names.log())
            .only(AT, Operator::LessThanOrEqual, codec::time(at))
            .by(AT, true)
            .at_most(1)
            .build();
        let found = self.requests.query(&query, usize::MAX).await?.documents;
        let Some(record) = found.first() else { return Ok(None) };
        match log_last(&record.fields) {
            Some(last) => Ok(Some(last)),
            None => Err(corrupted("a record of isobase_log")),
        }
    }
}

/// A change in the log.
#[derive(Serialize, Deserialize)]
struct StoredChange {
    sequence: u64,
    collection: String,
    id: Option<String>,
    kind: String,
    revision: Option<String>,
    at_us: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    former: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    body: Option<String>,
}

/// The name of the record whose last change has this sequence. Names sort as sequences do.
pub(crate) fn log_id(last: Sequence) -> String {
    format!("{:020}", last.0)
}

/// The changes of a commit, as documents of the log: each with its id.
pub(crate) fn log_records(changes: &[Change], at: Timestamp, token: &str) -> Vec<(String, Fields)> {
    let mut records = Vec::new();
    let mut text = String::from("[");
    let mut first = None;
    for (place, change) in changes.iter().enumerate() {
        let stored = serde_json::to_string(&StoredChange::of(change)).unwrap_or_default();
        if text.len() > 1 {
            text.push(',');
        }
        text.push_str(&stored);
        let first_sequence = *first.get_or_insert(change.sequence);
        if text.len() >= LOG_BYTES_MAX || place + 1 == changes.len() {
            text.push(']');
            let changes = std::mem::replace(&mut text, String::from("["));
            let fields = Fields::from([
                ("first".to_owned(), codec::unsigned(first_sequence.0)),
                ("last".to_owned(), codec::unsigned(change.sequence.0)),
                (AT.to_owned(), codec::time(at)),
                ("token".to_owned(), codec::string(token)),
                ("changes".to_owned(), codec::string(changes)),
            ]);
            records.push((log_id(change.sequence), fields));
            first = None;
        }
    }
    records
}

/// The token of the commit that wrote a record of the log.
pub(crate) fn log_token(fields: &Fields) -> Option<&str> {
    codec::string_of(fields.get("token")?)
}

/// The last change of a record of the log.
pub(crate) fn log_last(fields: &Fields) -> Option<Sequence> {
    let last = codec::integer_of(fields.get("last")?)?;
    u64::try_from(last).ok().map(Sequence)
}

pub(crate) fn log_record_of(fields: &Fields) -> Result<LogRecord, EngineError> {
    let read = || {
        let text = codec::string_of(fields.get("changes")?)?;
        let stored: Vec<StoredChange> = serde_json::from_str(text).ok()?;
        let changes = stored.into_iter().map(StoredChange::into_change);
        Some(LogRecord { changes: changes.collect::<Option<_>>()? })
    };
    read().ok_or_else(|| corrupted("a record of isobase_log"))
}

impl StoredChange {
    fn of(change: &Change) -> Self {
        Self {
            sequence: change.sequence.0,
            collection: change.collection.to_string(),
            id: change.id.as_ref().map(DocumentId::to_string),
            kind: change.kind.as_str().to_owned(),
            revision: change.revision.as_ref().map(Revision::to_string),
            at_us: change.at.unix_us,
            former: change.kept.former.stored().map(str::to_owned),
            body: change.kept.body.stored().map(str::to_owned),
        }
    }

    fn into_change(self) -> Option<Change> {
        let kinds = (1..).map_while(ChangeKind::from_code);
        let kind = kinds.into_iter().find(|kind| kind.as_str() == self.kind)?;
        Some(Change {
            sequence: Sequence(self.sequence),
            collection: CollectionName::new(&self.collection).ok()?,
            id: self.id.map(|id| DocumentId::parse(&id)).transpose().ok()?,
            kind,
            revision: self.revision.map(|text| Revision::parse(&text)).transpose().ok()?,
            at: Timestamp { unix_us: self.at_us },
            kept: Kept {
                former: KeptText::of_stored(self.former),
                body: KeptText::of_stored(self.body),
            },
        })
    }
}

/// A body that lies apart from its change.
pub(crate) fn body_fields(body: &KeptBody) -> Fields {
    Fields::from([("body".to_owned(), codec::string(&*body.text))])
}

pub(crate) fn body_of(fields: &Fields) -> Result<String, EngineError> {
    let body = fields.get("body").and_then(codec::string_of);
    body.map(str::to_owned).ok_or_else(|| corrupted("a body in isobase_bodies"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(sequence: u64, id: Option<&str>) -> Change {
        Change {
            sequence: Sequence(sequence),
            collection: CollectionName::new("a\"b").unwrap(),
            id: id.map(|id| DocumentId::parse(id).unwrap()),
            kind: if id.is_some() { ChangeKind::Updated } else { ChangeKind::CollectionDeleted },
            revision: id.map(|_| Revision::from_number(sequence)),
            at: Timestamp { unix_us: 7 },
            kept: Kept { former: KeptText::Omitted, body: KeptText::Text("{}".into()) },
        }
    }

    #[test]
    fn the_log_is_read_as_it_was_written() {
        let changes = [change(4, Some("x\u{1}")), change(5, Some("12")), change(6, None)];
        let records = log_records(&changes, Timestamp { unix_us: 8 }, "t");
        assert_eq!(records.len(), 1);
        let (id, fields) = &records[0];
        assert_eq!(id, "00000000000000000006");
        assert_eq!(log_record_of(fields).unwrap().changes, changes);
        assert_eq!((log_token(fields), log_last(fields)), (Some("t"), Some(Sequence(6))));
        assert!(log_records(&[], Timestamp::default(), "t").is_empty());
    }

    #[test]
    fn a_long_log_is_several_records() {
        let id = "x".repeat(400);
        let changes: Vec<_> = (1..=2_000).map(|n| change(n, Some(&id))).collect();
        let records = log_records(&changes, Timestamp::default(), "t");
        assert!((2..=3).contains(&records.len()), "{}", records.len());
        let read = records.iter().flat_map(|(_, fields)| log_record_of(fields).unwrap().changes);
        assert!(read.eq(changes));
    }
}
