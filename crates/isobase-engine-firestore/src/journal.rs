//! The journal: what it holds and how it is read and written.
//!
//! - `isobase_journal/head`: the state that every commit moves on; every commit is conditioned
//!   on its last version, so that of two commits for one state exactly one happens.
//! - `isobase_journal/unfinished`: the note of a load, while there is one.
//! - `isobase_log/{last sequence, 20 digits}`: what each commit wrote.
//! - `isobase_bodies/{sequence, 20 digits}`: large bodies that changes keep.
//! - `isobase_answers/{key in hexadecimal}`: first answers to idempotency keys.
//! - `isobase_collections/{name}`: the catalogue.
//!
//! The prefix stands before each. Nothing is ever searched by a field but the times of the log
//! and the answers (`at`).

use std::fmt::Write as _;

use googleapis_tonic_google_firestore_v1::google::firestore::v1 as proto;
use isobase_engine::{EngineError, ErrorKind, IndexDefinition, IndexState};
use isobase_journal::{CatalogueEntry, Head, IndexEntry, KeptBody, LogRecord, StoredAnswer};
use isobase_types::{
    Change, ChangeKind, CollectionName, DocumentId, Kept, KeptText, Revision, Sequence, Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::{codec, fields::Fields, limits::LOG_BYTES_MAX};

/// The document of the head.
pub(crate) const HEAD: &str = "head";
/// The document of an unfinished load.
pub(crate) const UNFINISHED: &str = "unfinished";
/// The layout described here. Heads of the first one do not say theirs.
const FORMAT: i64 = 2;
/// When the record of a commit or an answer was written.
pub(crate) const AT: &str = "at";

/// The head's fields. The token is the commit's own, so that it knows itself again when its
/// answer got lost.
pub(crate) fn head_fields(head: &Head, token: &str) -> Fields {
    let mut fields = Fields::from([
        ("format".to_owned(), codec::integer(FORMAT)),
        ("commit".to_owned(), codec::unsigned(head.commit)),
        ("sequence".to_owned(), codec::unsigned(head.sequence.0)),
        ("last_id".to_owned(), codec::integer(head.last_id)),
        ("floor".to_owned(), codec::unsigned(head.floor.0)),
        ("catalogue".to_owned(), codec::unsigned(head.catalogue)),
        ("token".to_owned(), codec::string(token)),
    ]);
    let identity = head.identity.map(|identity| codec::string(identity.to_string()));
    fields.extend(identity.map(|identity| ("identity".to_owned(), identity)));
    // As text: it is larger than Firestore's integers.
    let author = head.author.map(|author| codec::string(author.to_string()));
    fields.extend(author.map(|author| ("author".to_owned(), author)));
    fields
}

/// A head and the token of the commit that wrote it.
///
/// # Errors
/// [`ErrorKind::Corrupted`] when it is none, [`ErrorKind::Unsupported`] when a newer program wrote
/// it.
pub(crate) fn head_of(fields: &Fields) -> Result<(Head, String), EngineError> {
    let format = fields.get("format").and_then(codec::integer_of).unwrap_or(1);
    if format > FORMAT {
        let message = format!(
            "the journal has format {format}, this program knows {FORMAT}: use a newer one"
        );
        return Err(EngineError::new(ErrorKind::Unsupported, message));
    }
    let read = || {
        let number = |name| codec::integer_of(fields.get(name)?);
        let unsigned = |name| u64::try_from(number(name)?).ok();
        let head = Head {
            commit: unsigned("commit")?,
            sequence: Sequence(unsigned("sequence")?),
            last_id: number("last_id")?,
            floor: Sequence(unsigned("floor")?),
            catalogue: unsigned("catalogue")?,
            identity: match fields.get("identity") {
                Some(identity) => Some(codec::string_of(identity)?.parse().ok()?),
                None => None,
            },
            author: fields.get("author").and_then(codec::string_of).and_then(|it| it.parse().ok()),
        };
        Some((head, codec::string_of(fields.get("token")?)?.to_owned()))
    };
    read().ok_or_else(|| corrupted("isobase_journal/head"))
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

/// The name of the answer to a key.
pub(crate) fn answer_id(key: &[u8; 32]) -> String {
    key.iter().fold(String::with_capacity(64), |mut id, byte| {
        let _ = write!(id, "{byte:02x}");
        id
    })
}

pub(crate) fn answer_fields(answer: &StoredAnswer) -> Fields {
    Fields::from([
        ("fingerprint".to_owned(), codec::bytes(answer.fingerprint.to_vec())),
        ("outcomes".to_owned(), codec::string(&*answer.outcomes)),
        (AT.to_owned(), codec::time(answer.at)),
    ])
}

pub(crate) fn answer_of(key: [u8; 32], fields: &Fields) -> Result<StoredAnswer, EngineError> {
    let read = || {
        Some(StoredAnswer {
            key,
            fingerprint: codec::bytes_of(fields.get("fingerprint")?)?.try_into().ok()?,
            outcomes: codec::string_of(fields.get("outcomes")?)?.to_owned(),
            at: codec::time_of(fields.get(AT)?)?,
        })
    };
    read().ok_or_else(|| corrupted("an answer in isobase_answers"))
}

pub(crate) fn entry_fields(entry: &CatalogueEntry) -> Fields {
    let deleting = match entry.deleting {
        Some(sequence) => codec::unsigned(sequence.0),
        None => codec::value(&isobase_journal::Tree::Null),
    };
    Fields::from([
        ("collection".to_owned(), codec::string(entry.collection.as_str())),
        ("indexes".to_owned(), codec::array(entry.indexes.iter().map(index_value).collect())),
        ("adopted".to_owned(), codec::boolean(entry.adopted)),
        ("deleting".to_owned(), deleting),
    ])
}

fn index_value(index: &IndexEntry) -> proto::Value {
    let state = match index.state {
        IndexState::Building => "building",
        IndexState::Ready => "ready",
    };
    codec::map(Fields::from([
        ("number".to_owned(), codec::integer(i64::from(index.number))),
        ("fields".to_owned(), codec::string(index.definition.to_string())),
        ("state".to_owned(), codec::string(state)),
    ]))
}

pub(crate) fn entry_of(fields: &Fields) -> Result<CatalogueEntry, EngineError> {
    let read = || {
        let name = codec::string_of(fields.get("collection")?)?;
        let indexes = codec::array_of(fields.get("indexes")?)?.iter().map(index_of);
        let deleting = codec::integer_of(fields.get("deleting")?);
        Some(CatalogueEntry {
            collection: CollectionName::new(name).ok()?,
            indexes: indexes.collect::<Option<_>>()?,
            adopted: codec::boolean_of(fields.get("adopted")?)?,
            deleting: deleting.map(u64::try_from).transpose().ok()?.map(Sequence),
        })
    };
    read().ok_or_else(|| corrupted("an entry of isobase_collections"))
}

fn index_of(value: &proto::Value) -> Option<IndexEntry> {
    let fields = codec::map_of(value)?;
    let definition = codec::string_of(fields.get("fields")?)?;
    let state = match codec::string_of(fields.get("state")?)? {
        "ready" => IndexState::Ready,
        "building" => IndexState::Building,
        _ => return None,
    };
    Some(IndexEntry {
        number: u32::try_from(codec::integer_of(fields.get("number")?)?).ok()?,
        definition: IndexDefinition::parse(definition).ok()?,
        state,
    })
}

pub(crate) fn note_fields(note: &str) -> Fields {
    Fields::from([("note".to_owned(), codec::string(note))])
}

pub(crate) fn note_of(fields: &Fields) -> Result<String, EngineError> {
    let note = fields.get("note").and_then(codec::string_of);
    note.map(str::to_owned).ok_or_else(|| corrupted("isobase_journal/unfinished"))
}

/// What only our own code writes has another form.
pub(crate) fn corrupted(what: &str) -> EngineError {
    EngineError::new(ErrorKind::Corrupted, format!("{what} cannot be read"))
}

#[cfg(test)]
mod tests {
    use isobase_engine::Identity;

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
    fn the_head_is_read_as_it_was_written() {
        let head = Head {
            commit: 3,
            sequence: Sequence(9),
            last_id: i64::MAX,
            floor: Sequence(1),
            catalogue: 2,
            identity: Some(Identity::new()),
            author: Some(u64::MAX),
        };
        assert_eq!(head_of(&head_fields(&head, "t")).unwrap(), (head, "t".to_owned()));
        let mut newer = head_fields(&head, "t");
        newer.insert("format".to_owned(), codec::integer(FORMAT + 1));
        assert_eq!(head_of(&newer).unwrap_err().kind, ErrorKind::Unsupported);
        assert_eq!(head_of(&Fields::new()).unwrap_err().kind, ErrorKind::Corrupted);
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

    #[test]
    fn answers_and_entries_are_read_as_they_were_written() {
        let answer = StoredAnswer {
            key: [7; 32],
            fingerprint: [9; 32],
            outcomes: "[]".to_owned(),
            at: Timestamp { unix_us: 1_000_001 },
        };
        assert_eq!(answer_of(answer.key, &answer_fields(&answer)).unwrap(), answer);
        assert_eq!(answer_id(&[0xab; 32]), "ab".repeat(32));

        let definition = IndexDefinition::parse("unique(status,-a.b)").unwrap();
        let index = IndexEntry { number: 3, definition, state: IndexState::Building };
        for deleting in [None, Some(Sequence(5))] {
            let collection = CollectionName::new("agents").unwrap();
            let entry = CatalogueEntry {
                collection,
                indexes: vec![index.clone()],
                adopted: true,
                deleting,
            };
            assert_eq!(entry_of(&entry_fields(&entry)).unwrap(), entry);
        }
    }
}
