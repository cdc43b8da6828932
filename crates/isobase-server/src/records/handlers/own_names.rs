//! `_id` and `_rev` in a body: what document databases call a document's id and revision. They mean
//! that here too, and are no fields of the document.

use isobase_http::{Problem, ProblemItem};
use isobase_store::Precondition;
use isobase_types::{
    DocumentId, Revision,
    json::{Kind, Raw, merge_patch},
};

use crate::codes;

const ID: &str = "_id";
const REVISION: &str = "_rev";

/// A body without them, and the revision that it was read with.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct OwnNames {
    pub(super) body: String,
    revision: Option<Revision>,
}

/// One of them cannot be meant.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unmeant {
    pub(super) member: &'static str,
    pub(super) message: String,
}

impl From<Unmeant> for Problem {
    fn from(Unmeant { member, message }: Unmeant) -> Self {
        let item = ProblemItem::at(format!("/{member}"), message.clone());
        Self::new(codes::INVALID_BODY, format!("{member}: {message}")).with_item(item)
    }
}

impl OwnNames {
    /// Of a document, or of a merge patch, for the document with this id; none for a new one.
    pub(super) fn take(body: String, id: Option<&DocumentId>) -> Result<Self, Unmeant> {
        if !body.contains("\"_id\"") && !body.contains("\"_rev\"") {
            return Ok(Self { body, revision: None });
        }
        let member = |name: &str| {
            let named = |key: Raw<'_>| key.as_str_decoded().is_some_and(|key| key == name);
            let found = Raw::new(&body).members().find(|(key, _)| named(*key));
            found.map(|(_, value)| value).filter(|value| is_said(*value))
        };
        check_id(member(ID), id)?;
        let revision = member(REVISION).map(|value| revision(value, id.is_some())).transpose()?;
        let body = merge_patch(&body, r#"{"_id":null,"_rev":null}"#);
        Ok(Self { body, revision })
    }

    /// What the write demands, with what its headers or members demand.
    pub(super) fn and(&self, demanded: Precondition) -> Result<Precondition, Unmeant> {
        match (&self.revision, demanded) {
            (None, demanded) => Ok(demanded),
            (Some(revision), Precondition::None) => {
                Ok(Precondition::RevisionIn(vec![revision.clone()]))
            }
            (Some(_), _) => {
                let message = "the request has another condition; send one of them".to_owned();
                Err(Unmeant { member: REVISION, message })
            }
        }
    }
}

/// Null and an empty text say nothing: clients send them for a document that is new.
fn is_said(value: Raw<'_>) -> bool {
    value.kind() != Kind::Null && value.as_text() != "\"\""
}

/// The text of a string or a number.
fn text_of(value: Raw<'_>) -> Option<String> {
    match value.kind() {
        Kind::String => value.as_str_decoded().map(|text| text.into_owned()),
        Kind::Number => Some(value.as_text().to_owned()),
        _ => None,
    }
}

fn check_id(said: Option<Raw<'_>>, id: Option<&DocumentId>) -> Result<(), Unmeant> {
    let Some(said) = said else { return Ok(()) };
    let refuse = |message: String| Err(Unmeant { member: ID, message });
    match id {
        None => refuse(
            "a new document is given its id; PUT it with ?upsert=true under an id of its own"
                .to_owned(),
        ),
        Some(id) if text_of(said).is_some_and(|said| said == id.to_string()) => Ok(()),
        Some(id) => refuse(format!("it is not the id of the document that is written, {id}")),
    }
}

fn revision(said: Raw<'_>, is_there: bool) -> Result<Revision, Unmeant> {
    let refuse = |message: &str| Unmeant { member: REVISION, message: message.to_owned() };
    if !is_there {
        return Err(refuse("a new document has no revision"));
    }
    let text = text_of(said).ok_or_else(|| refuse("expected the revision that was read"))?;
    Revision::parse(&text).map_err(|error| refuse(&error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(body: &str, id: Option<&str>) -> Result<(String, Option<String>), &'static str> {
        let id = id.map(|id| DocumentId::parse(id).unwrap());
        let taken = OwnNames::take(body.to_owned(), id.as_ref()).map_err(|wrong| wrong.member)?;
        Ok((taken.body, taken.revision.map(|revision| revision.to_string())))
    }

    #[test]
    fn they_are_the_id_and_the_revision() {
        let found =
            |body: &str, revision: Option<&str>| Ok((body.to_owned(), revision.map(str::to_owned)));
        let put = r#"{"_id":"7","a":null,"_rev":"3","b":{"_id":1}}"#;
        assert_eq!(take(put, Some("7")), found(r#"{"a":null,"b":{"_id":1}}"#, Some("3")));
        assert_eq!(take(r#"{"_id":7,"_rev":3}"#, Some("7")), found("{}", Some("3")));
        assert_eq!(take(r#"{"_id":"a b"}"#, Some("a b")), found("{}", None));
        assert_eq!(take(r#"{"_id":null,"_rev":"","a":1}"#, None), found(r#"{"a":1}"#, None));
        assert_eq!(take(r#"{"a":"_id"}"#, None), found(r#"{"a":"_id"}"#, None));
    }

    #[test]
    fn where_they_cannot_be_meant_they_are_refused() {
        for (body, id, member) in [
            (r#"{"_id":"x"}"#, None, "_id"),
            (r#"{"_rev":"1"}"#, None, "_rev"),
            (r#"{"_id":"x"}"#, Some("y"), "_id"),
            (r#"{"_id":7.0}"#, Some("7"), "_id"),
            (r#"{"_id":{"$oid":"x"}}"#, Some("x"), "_id"),
            (r#"{"_rev":[1]}"#, Some("x"), "_rev"),
        ] {
            assert_eq!(take(body, id), Err(member), "{body}");
        }
    }
}
