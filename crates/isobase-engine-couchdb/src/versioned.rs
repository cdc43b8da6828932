//! Documents of the journal beside its records: answers, bodies, entries of the catalogue.

use isobase_engine::EngineError;
use isobase_journal::{CatalogueEntry, KeptBody, StoredAnswer, Tree};
use isobase_types::{Sequence, hex};

use crate::{
    codec::Found,
    error::corrupted,
    fields::{
        answer_fields, body_fields, entry_fields, number, read_answer, read_body, read_entry,
        read_number,
    },
    names::Names,
};

/// The layout this program reads and writes.
pub(crate) const FORMAT: u64 = 2;

pub(crate) const FORMAT_ID: &str = "format";

pub(crate) const UNFINISHED_ID: &str = "unfinished";

pub(crate) const CATALOGUE: &str = "catalogue.";

pub(crate) const ANSWER: &str = "answer.";

pub(crate) const BODY: &str = "body.";

/// A document of the journal of which the one with the greater version counts.
pub(crate) struct Versioned {
    pub(crate) id: String,
    pub(crate) version: u64,
    /// Without `_id` and `_rev`, as JSON text.
    pub(crate) text: Vec<u8>,
}

impl Versioned {
    fn new(id: String, version: u64, mut fields: Vec<(String, Tree)>) -> Self {
        fields.push(("version".to_owned(), number(version)));
        let mut text = Vec::new();
        Tree::write_fields(&fields, &mut text);
        Self { id, version, text }
    }

    pub(crate) fn of_answer(answer: &StoredAnswer) -> Self {
        let id = answer_id(&answer.key);
        Self::new(id, answer.at.unix_us.unsigned_abs(), answer_fields(answer))
    }

    /// A body never changes: whatever is there is it.
    pub(crate) fn of_body(body: &KeptBody) -> Self {
        Self::new(body_id(body.sequence), body.sequence.0, body_fields(body))
    }

    pub(crate) fn of_entry(entry: &CatalogueEntry, commit: u64, names: &Names) -> Self {
        let database = names.database(&entry.collection);
        Self::new(format!("{CATALOGUE}{database}"), commit, entry_fields(entry))
    }

    pub(crate) fn of_format() -> Self {
        Self::new(FORMAT_ID.to_owned(), FORMAT, Vec::new())
    }
}

/// The id of the body of a change. Ids sort as sequences do.
pub(crate) fn body_id(of: Sequence) -> String {
    format!("{BODY}{:020}", of.0)
}

/// # Errors
/// When it is no body of ours.
pub(crate) fn body_of(found: Found) -> Result<String, EngineError> {
    let id = found.id.clone();
    let body = read_body(&Tree::Object(found.fields));
    let body = body.ok_or_else(|| corrupted(format!("the body '{id}' of the journal")))?;
    Ok(body.text)
}

/// The version of a stored document.
pub(crate) fn version_of(found: &Found) -> Option<u64> {
    let version = found.fields.iter().find(|(name, _)| name == "version");
    version.and_then(|(_, value)| read_number(value))
}

pub(crate) fn answer_id(key: &[u8; 32]) -> String {
    format!("{ANSWER}{}", hex(key))
}

pub(crate) fn answer_of(found: Found) -> Result<StoredAnswer, EngineError> {
    let id = found.id.clone();
    read_answer(&Tree::Object(found.fields)).ok_or_else(|| corrupted(format!("'{id}'")))
}

pub(crate) fn entry_of(found: Found) -> Result<CatalogueEntry, EngineError> {
    let id = found.id.clone();
    read_entry(&Tree::Object(found.fields)).ok_or_else(|| corrupted(format!("'{id}'")))
}
