//! A document as the document store gives it.

use std::borrow::Cow;

use isobase_types::{
    DocumentId, Revision,
    json::{self, InvalidJson, Kind, Raw},
};
use serde::{Serialize, de::DeserializeOwned};

/// A document with its id and revision. It keeps the exact text: numbers of any length, the order
/// of the keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SavedDocument {
    id: String,
    rev: String,
    text: String,
}

impl SavedDocument {
    /// Of a stored body: its fields, then `_id` and `_rev`.
    pub(crate) fn read(id: &DocumentId, revision: &Revision, body: &str) -> Self {
        Self::new(id, revision, body, false)
    }

    /// The answer to a save: its fields, then `_id`, `_rev`, `id` and `rev`.
    pub(crate) fn saved(id: &DocumentId, revision: &Revision, body: &str) -> Self {
        Self::new(id, revision, body, true)
    }

    fn new(id: &DocumentId, revision: &Revision, body: &str, with_short_names: bool) -> Self {
        let (id, rev) = (id.to_string(), revision.to_string());
        let hidden: &[&str] =
            if with_short_names { &["_id", "_rev", "id", "rev"] } else { &["_id", "_rev"] };
        let mut out = without(body, hidden).into_bytes();
        let mut names = vec![("_id", &id), ("_rev", &rev)];
        if with_short_names {
            names.extend([("id", &id), ("rev", &rev)]);
        }
        out.pop();
        for (name, value) in names {
            if out.len() > 1 {
                out.push(b',');
            }
            json::write_string(name, &mut out);
            out.push(b':');
            json::write_string(value, &mut out);
        }
        out.push(b'}');
        // Text and written strings are text.
        let text = String::from_utf8(out).unwrap_or_default();
        Self { id, rev, text }
    }

    /// The same with other fields, for a projection; `body` is canonical text.
    pub(crate) fn with_fields(&self, fields: &[&str]) -> Self {
        let members: Vec<_> = Raw::new(&self.text).members().collect();
        let mut out = b"{".to_vec();
        let wanted = fields.iter().copied().filter(|field| *field != "_id");
        for field in wanted.chain(["_id"]) {
            if out.len() > 1 {
                out.push(b',');
            }
            json::write_string(field, &mut out);
            out.push(b':');
            let value = members.iter().find(|(key, _)| names(*key, field)).map(|(_, value)| *value);
            out.extend_from_slice(value.map_or("null", Raw::as_text).as_bytes());
        }
        out.push(b'}');
        let text = String::from_utf8(out).unwrap_or_default();
        Self { id: self.id.clone(), rev: self.rev.clone(), text }
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The revision: given back as `_rev` it makes a save conditional.
    #[must_use]
    pub fn rev(&self) -> &str {
        &self.rev
    }

    /// The document as compact JSON text, with `_id` and `_rev`.
    #[must_use]
    pub fn as_json(&self) -> &str {
        &self.text
    }

    /// The document as a tree. Integers beyond 64 bits become the nearest float there; the text
    /// of [`SavedDocument::as_json`] is exact.
    ///
    /// # Errors
    /// When it is nested deeper than 127 levels.
    pub fn to_value(&self) -> Result<serde_json::Value, serde_json::Error> {
        self.deserialize()
    }

    /// The document as a type of yours.
    ///
    /// # Errors
    /// When it does not fit the type.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.text)
    }
}

/// A document that is to be saved, apart from what describes it.
#[derive(Debug)]
pub(crate) struct Given {
    /// Canonical text without `id`, `_id` and `_rev`.
    pub(crate) body: String,
    /// `_id`, when it is a text that is not empty.
    pub(crate) id: Option<String>,
    /// `_rev`, when it is there and not null or empty; a number by its text.
    pub(crate) rev: Option<String>,
}

/// Why a value is no document.
#[derive(Debug, thiserror::Error)]
pub enum InvalidDocument {
    /// It cannot be written as JSON.
    #[error("the document cannot be written as JSON: {0}")]
    Unwritable(#[from] serde_json::Error),
    /// It is not a JSON object we store.
    #[error("the document is refused: {0}")]
    Json(#[from] InvalidJson),
    /// `_rev` cannot be a revision. To take it for none would make the save unconditional.
    #[error("the document is refused: _rev is {kind}, expected the text that was read, or null")]
    Revision {
        /// Its kind.
        kind: &'static str,
    },
}

impl Given {
    pub(crate) fn of(document: &impl Serialize) -> Result<Self, InvalidDocument> {
        let text = serde_json::to_vec(document)?;
        let body = json::canonicalise_document(&text)?;
        let member = |name: &str| {
            Raw::new(&body).members().find(|(key, _)| names(*key, name)).map(|(_, value)| value)
        };
        let text_of = |value: Raw<'_>| {
            Some(value.as_str_decoded()?.into_owned()).filter(|text| !text.is_empty())
        };
        let id = member("_id").and_then(text_of);
        let rev = member("_rev").map(revision).transpose()?.flatten();
        // `rev` beside an equal `_rev` is what a save answered; otherwise it is the caller's own.
        let echo = rev.is_some() && member("rev").and_then(text_of) == rev;
        let hidden: &[&str] = if echo { &["_id", "_rev", "rev"] } else { &["_id", "_rev"] };
        Ok(Self { body: without(&body, hidden), id, rev })
    }
}

/// The revision that a `_rev` says. Programs that keep it as a number mean its text.
fn revision(value: Raw<'_>) -> Result<Option<String>, InvalidDocument> {
    let text = match value.kind() {
        Kind::Null => None,
        Kind::String => value.as_str_decoded().map(Cow::into_owned),
        Kind::Number => Some(value.as_text().to_owned()),
        Kind::Bool => return Err(InvalidDocument::Revision { kind: "true or false" }),
        Kind::Array => return Err(InvalidDocument::Revision { kind: "an array" }),
        Kind::Object => return Err(InvalidDocument::Revision { kind: "an object" }),
    };
    Ok(text.filter(|text| !text.is_empty()))
}

/// An object's text without some of its members.
fn without(body: &str, hidden: &[&str]) -> String {
    let hides = |key: Raw<'_>| hidden.iter().any(|name| names(key, name));
    if !Raw::new(body).members().any(|(key, _)| hides(key)) {
        return body.to_owned();
    }
    let mut out = String::with_capacity(body.len());
    out.push('{');
    for (key, value) in Raw::new(body).members().filter(|(key, _)| !hides(*key)) {
        if out.len() > 1 {
            out.push(',');
        }
        out.push_str(key.as_text());
        out.push(':');
        out.push_str(value.as_text());
    }
    out.push('}');
    out
}

fn names(key: Raw<'_>, name: &str) -> bool {
    key.as_str_decoded().is_some_and(|decoded| decoded == name)
}

#[cfg(test)]
mod tests {
    use serde_json::{json, value::RawValue};

    use super::*;

    #[test]
    fn what_describes_a_document_is_taken_out() {
        let given = |value: serde_json::Value| {
            let Given { body, id, rev } = Given::of(&value).unwrap();
            (body, id, rev)
        };
        let cases = [
            (json!({}), "{}", None, None),
            (json!({"a": 1, "_rev": null, "_id": ""}), r#"{"a":1}"#, None, None),
            (json!({"_id": "x", "_rev": "7", "id": "x", "rev": "7"}), "{}", Some("x"), Some("7")),
            (json!({"_rev": "", "rev": "A"}), r#"{"rev":"A"}"#, None, None),
            (json!({"_rev": "7", "rev": "A"}), r#"{"rev":"A"}"#, None, Some("7")),
            (json!({"_rev": 7, "rev": "7"}), "{}", None, Some("7")),
            (json!({"_rev": 7, "rev": "A"}), r#"{"rev":"A"}"#, None, Some("7")),
            (json!({"_rev": -7.0}), "{}", None, Some("-7.0")),
        ];
        for (value, body, id, rev) in cases {
            let expected = (body.to_owned(), id.map(str::to_owned), rev.map(str::to_owned));
            assert_eq!(given(value.clone()), expected, "{value}");
        }
    }

    #[test]
    fn what_cannot_be_a_revision_is_refused_by_name() {
        for rev in [json!(true), json!(false), json!({}), json!(["7"])] {
            let refused = Given::of(&json!({"_rev": rev})).unwrap_err();
            assert!(matches!(refused, InvalidDocument::Revision { .. }), "{rev}: {refused:?}");
            assert!(refused.to_string().contains("_rev is "), "{rev}: {refused}");
        }
    }

    #[test]
    fn texts_are_exact() {
        let text = r#"{"z":123456789012345678901234567890,"a":1.0}"#;
        let raw: Box<RawValue> = serde_json::from_str(text).unwrap();
        let given = Given::of(&raw).unwrap();
        let (id, revision) = (DocumentId::Integer(7), Revision::from_number(3));
        let read = SavedDocument::read(&id, &revision, &given.body);
        let open = text.trim_end_matches('}');
        assert_eq!(read.as_json(), format!(r#"{open},"_id":"7","_rev":"3"}}"#));
        let saved = SavedDocument::saved(&id, &revision, "{}");
        assert_eq!(saved.as_json(), r#"{"_id":"7","_rev":"3","id":"7","rev":"3"}"#);
        let stored = SavedDocument::read(&id, &revision, r#"{"_id":"other","rev":"own","_rev":1}"#);
        assert_eq!(stored.as_json(), r#"{"rev":"own","_id":"7","_rev":"3"}"#);
    }

    #[test]
    fn projections_have_every_field() {
        let (id, revision) = (DocumentId::Integer(7), Revision::from_number(3));
        let read = SavedDocument::read(&id, &revision, r#"{"a":1,"b":2}"#);
        assert_eq!(read.with_fields(&["b", "c"]).as_json(), r#"{"b":2,"c":null,"_id":"7"}"#);
    }
}
