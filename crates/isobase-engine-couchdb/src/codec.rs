//! Documents as CouchDB keeps them.
//!
//! The caller's fields are top-level fields. Beside them stand `_id`, `_rev`, what CouchDB adds
//! (`_attachments`), and `isobase_meta` with our bookkeeping and the keys of the document in the
//! indexes: `isobase_meta.keys.k0`, `k7`, … in lower-case hexadecimal digits, which sort alike
//! under every collation.

use std::borrow::Cow;

use isobase_journal::{After, IndexKey, IndexNumber, META_FIELD, NativeDocument, Tag, Tree};
use isobase_types::{hex, json};

use crate::names::{IDS, unhex};

/// The largest number that CouchDB, and any program with 64-bit floats, can read.
const NUMBER_MAX: &str = "1.7976931348623157e308";
const NUMBER_MIN: &str = "-1.7976931348623157e308";
/// Programs that read numbers as floats round integers above: a larger revision (loads make such)
/// is a string.
const EXACT_MAX: u64 = 1 << 53;
/// The write that gave a document its content, in its bookkeeping.
const REVISION: &str = "revision";
/// Shorter numbers are not too large, whatever they say.
const SMALL_NUMBER_CHARS: usize = 4;

/// The name of an index: of its design document after `isobase_`, of its view, of its field.
pub(crate) fn index_name(index: IndexNumber) -> String {
    format!("k{index}")
}

/// The field that an index orders by.
pub(crate) fn index_field(index: IndexNumber) -> String {
    format!("{META_FIELD}.keys.k{index}")
}

/// A document without `_id` and `_rev`, as JSON text. `isobase_meta` stands in it last, so it is
/// never empty.
pub(crate) fn document_text(after: &After) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.push(b'{');
    for (name, value) in &after.fields {
        write_name(name, &mut out);
        write_value(value, &mut out);
        out.push(b',');
    }
    end_with_meta(after, &mut out);
    out
}

/// A document that another program wrote, with our bookkeeping beside its fields.
pub(crate) fn kept_text(content: &[(String, Tree)], after: &After) -> Vec<u8> {
    let mut out = Vec::with_capacity(512);
    out.push(b'{');
    for (name, value) in content.iter().filter(|(name, _)| name != META_FIELD) {
        write_name(name, &mut out);
        // CouchDB has held this number before.
        value.write(&mut out);
        out.push(b',');
    }
    end_with_meta(after, &mut out);
    out
}

fn end_with_meta(after: &After, out: &mut Vec<u8>) {
    write_name(META_FIELD, out);
    let mut meta = after.meta.to_fields();
    for (name, value) in &mut meta {
        if name == REVISION && after.meta.revision.0 > EXACT_MAX {
            *value = Tree::String(after.meta.revision.to_string());
        }
    }
    meta.push(("keys".to_owned(), keys_tree(&after.keys)));
    Tree::write_fields(&meta, out);
    out.push(b'}');
}

/// The tombstone of a document without `_id` and `_rev`: it says which write took it away.
pub(crate) fn tombstone_text(stamp: u64) -> Vec<u8> {
    format!("{{\"_deleted\":true,\"{META_FIELD}\":{{\"revision\":{stamp}}}}}").into_bytes()
}

/// Appends a document with its id, and the version it replaces.
pub(crate) fn write_row(
    id: &str,
    revision: Option<&str>,
    attachments: Option<&str>,
    document: &[u8],
    out: &mut Vec<u8>,
) {
    out.push(b'{');
    write_name("_id", out);
    json::write_string(id, out);
    if let Some(revision) = revision {
        out.push(b',');
        write_name("_rev", out);
        json::write_string(revision, out);
    }
    if let Some(attachments) = attachments {
        out.push(b',');
        write_name("_attachments", out);
        out.extend_from_slice(attachments.as_bytes());
    }
    out.push(b',');
    // The rest of an object that is not empty.
    out.extend_from_slice(&document[1..]);
}

fn keys_tree(keys: &[IndexKey]) -> Tree {
    let key = |key: &IndexKey| (index_name(key.index), Tree::String(hex(&key.key)));
    Tree::Object(keys.iter().map(key).collect())
}

fn write_name(name: &str, out: &mut Vec<u8>) {
    json::write_string(name, out);
    out.push(b':');
}

fn write_value(tree: &Tree, out: &mut Vec<u8>) {
    match tree {
        Tree::Number(text) => out.extend_from_slice(holdable_number(text).as_bytes()),
        Tree::Array(elements) => {
            out.push(b'[');
            for (place, element) in elements.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_value(element, out);
            }
            out.push(b']');
        }
        Tree::Object(fields) => {
            out.push(b'{');
            for (place, (name, value)) in fields.iter().enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                write_name(name, out);
                write_value(value, out);
            }
            out.push(b'}');
        }
        scalar => scalar.write(out),
    }
}

/// CouchDB 3.5 refuses a whole document for `1e400` (measured, 2026-11), and programs that read
/// numbers as floats would see an infinity.
fn holdable_number(text: &str) -> &str {
    if text.len() <= SMALL_NUMBER_CHARS {
        return text;
    }
    match text.parse::<f64>() {
        Ok(value) if value == f64::INFINITY => NUMBER_MAX,
        Ok(value) if value == f64::NEG_INFINITY => NUMBER_MIN,
        _ => text,
    }
}

/// A document as it stands in an answer.
pub(crate) struct Found {
    pub(crate) id: String,
    pub(crate) revision: String,
    /// Stubs of its attachments, as JSON text.
    pub(crate) attachments: Option<String>,
    /// Everything else, [`META_FIELD`] among it.
    pub(crate) fields: Vec<(String, Tree)>,
}

impl Found {
    /// Takes a document apart; `None` when it is not one.
    pub(crate) fn of(tree: Tree) -> Option<Self> {
        let Tree::Object(mut fields) = tree else { return None };
        let (mut id, mut revision, mut attachments) = (None, None, None);
        fields.retain_mut(|(name, value)| {
            match name.as_str() {
                "_id" => id = take_text(value),
                "_rev" => revision = take_text(value),
                "_attachments" => attachments = Some(value.to_text()),
                META_FIELD => read_revision(value),
                _ => {}
            }
            !name.starts_with('_')
        });
        Some(Self { id: id?, revision: revision?, attachments, fields })
    }

    fn meta(&self) -> Option<&Tree> {
        self.fields.iter().find(|(name, _)| name == META_FIELD).map(|(_, value)| value)
    }

    /// The write that gave the document its content, as far as our bookkeeping knows.
    pub(crate) fn stamp(&self) -> Option<u64> {
        stamp_of(self.meta()?)
    }

    /// Its key in an index.
    pub(crate) fn key(&self, index: IndexNumber) -> Option<Vec<u8>> {
        unhex(self.meta()?.get("keys")?.get(&index_name(index))?.as_str()?)
    }

    /// The version, with what a write of ours must send back.
    pub(crate) fn tag(&self) -> Tag {
        Tag(match &self.attachments {
            Some(attachments) => format!("{} {attachments}", self.revision),
            None => self.revision.clone(),
        })
    }

    /// The document; `None` when its id is not one of ours (other programs' may be longer).
    pub(crate) fn into_document(self) -> Option<NativeDocument> {
        let id = IDS.read(&self.id, None)?;
        let (tag, has_attachments) = (self.tag(), self.attachments.is_some());
        let document = NativeDocument::from_fields(id, self.fields, tag, None);
        Some(NativeDocument { has_attachments, ..document })
    }
}

/// The write that a bookkeeping names.
pub(crate) fn stamp_of(meta: &Tree) -> Option<u64> {
    let revision = meta.get(REVISION)?;
    revision.as_u64().or_else(|| revision.as_str()?.parse().ok())
}

/// Makes a revision that stands as a string the number it is.
fn read_revision(meta: &mut Tree) {
    let Some(stamp) = stamp_of(meta) else { return };
    if let Tree::Object(fields) = meta
        && let Some((_, value)) = fields.iter_mut().find(|(name, _)| name == REVISION)
    {
        *value = Tree::integer(stamp);
    }
}

/// The revision and the attachments of a tag.
pub(crate) fn tag_parts(tag: &Tag) -> (&str, Option<&str>) {
    match tag.0.split_once(' ') {
        Some((revision, attachments)) => (revision, Some(attachments)),
        None => (&tag.0, None),
    }
}

/// Whether an id belongs to the database and not to anybody's documents (design documents).
pub(crate) fn is_internal(id: &str) -> bool {
    id.starts_with('_')
}

fn take_text(value: &mut Tree) -> Option<String> {
    match value {
        Tree::String(text) => Some(std::mem::take(text)),
        _ => None,
    }
}

/// JSON text of a string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    json::write_string(text, &mut out);
    match String::from_utf8(out) {
        Ok(text) => text,
        Err(_) => "\"\"".to_owned(),
    }
}

/// A list of strings as JSON text.
pub(crate) fn quoted_list<'a>(texts: impl IntoIterator<Item = Cow<'a, str>>) -> Vec<u8> {
    let mut out = vec![b'['];
    for (place, text) in texts.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        json::write_string(&text, &mut out);
    }
    out.push(b']');
    out
}

#[cfg(test)]
mod tests {
    use isobase_journal::Meta;
    use isobase_types::{Sequence, Timestamp};

    use super::*;
    use crate::limits::RULES;

    fn after(body: &str) -> After {
        let at = Timestamp { unix_us: 1_000_000 };
        let (fields, meta) = Meta::of_body(body, &RULES, Sequence(7), at, at);
        let keys = vec![IndexKey { index: 0, key: vec![1, 0xab] }];
        After { fields, meta, keys }
    }

    fn stored(body: &str) -> String {
        let mut out = Vec::new();
        write_row("x", Some("1-a"), None, &document_text(&after(body)), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn documents_are_stored_as_they_look() {
        let text = stored("{\"title\":\"a\",\"n\":[1,{\"b\":null}]}");
        assert!(
            text.starts_with(
                "{\"_id\":\"x\",\"_rev\":\"1-a\",\"title\":\"a\",\"n\":[1,{\"b\":null}],\
             \"isobase_meta\":{\"revision\":7,\"created_at\":\"1970-01-01T00:00:01.000000Z\","
            ),
            "{text}"
        );
        assert!(text.ends_with("\"keys\":{\"k0\":\"01ab\"}}}"), "{text}");
    }

    #[test]
    fn stored_documents_come_back() {
        for body in [
            "{}",
            "{\"b\":1,\"a\":-0.0,\"c\":[1e400,-1e400,12345678901234567890123456789012345678901]}",
            "{\"_x\":1,\"_id\":\"y\",\"_rev\":2,\"_attachments\":{},\"\":{\"\":[[]]}}",
            "{\"isobase_meta\":{\"keys\":{}}}",
        ] {
            let found = Found::of(Tree::parse(&stored(body)).unwrap()).unwrap();
            assert_eq!((found.stamp(), found.key(0)), (Some(7), Some(vec![1, 0xab])));
            assert_eq!(found.key(1), None);
            let document = found.into_document().unwrap();
            assert_eq!(document.body, body);
            assert_eq!(document.revision.to_string(), "7");
            assert_eq!(document.tag, Tag("1-a".to_owned()));
        }
    }

    #[test]
    fn revisions_beyond_floats_are_strings() {
        let at = Timestamp::default();
        let (fields, meta) = Meta::of_body("{}", &RULES, Sequence(u64::MAX - 1), at, at);
        let text = document_text(&After { fields, meta, keys: Vec::new() });
        let mut out = Vec::new();
        write_row("x", Some("1-a"), None, &text, &mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.contains("\"revision\":\"18446744073709551614\""), "{text}");
        let found = Found::of(Tree::parse(&text).unwrap()).unwrap();
        assert_eq!(found.stamp(), Some(u64::MAX - 1));
        let revision = found.into_document().unwrap().revision;
        assert_eq!(revision.to_string(), "18446744073709551614");
    }

    #[test]
    fn numbers_beyond_floats_are_the_largest() {
        let text = stored("{\"a\":1e400,\"b\":-1e400}");
        assert!(text.contains(&format!("\"a\":{NUMBER_MAX},\"b\":{NUMBER_MIN}")), "{text}");
    }

    #[test]
    fn attachments_are_sent_back() {
        let stub = "{\"f.txt\":{\"content_type\":\"text/plain\",\"revpos\":2,\"stub\":true}}";
        let text = format!(
            "{{\"_id\":\"x\",\"_rev\":\"2-b\",\"_attachments\":{stub},\"_conflicts\":[\"2-a\"],\"a\":1}}"
        );
        let document = Found::of(Tree::parse(&text).unwrap()).unwrap().into_document().unwrap();
        assert_eq!(document.body, "{\"a\":1}");
        assert!(document.is_foreign());
        let (revision, attachments) = tag_parts(&document.tag);
        assert_eq!((revision, attachments), ("2-b", Some(stub)));
        assert!(document.has_attachments);
        let mut out = Vec::new();
        write_row("x", Some(revision), attachments, b"{\"a\":2}", &mut out);
        let sent = format!("{{\"_id\":\"x\",\"_rev\":\"2-b\",\"_attachments\":{stub},\"a\":2}}");
        assert_eq!(String::from_utf8(out).unwrap(), sent);
    }
}
