//! Documents as a caller sees them: text spliced together, never parsed and printed.

use isobase_store::Written;
use isobase_types::{Document, DocumentId, FieldPath, json};

use super::Meta;

/// The name of the member that `meta=true` adds.
const META: &str = "_meta";

/// Which parts of documents a caller asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::records) struct View {
    /// Only these fields; empty means all.
    pub(in crate::records) fields: Vec<FieldPath>,
    /// Add `_meta` after the id.
    pub(in crate::records) meta: bool,
}

impl<'a> Meta<'a> {
    fn of(document: &'a Document) -> Self {
        let Document { revision, created_at, updated_at, body, .. } = document;
        // The value is JSON: nothing is stored that is none.
        let own_id =
            json::own_id(body).and_then(|own_id| serde_json::from_str(own_id.as_text()).ok());
        Self { revision, created_at: *created_at, updated_at: *updated_at, own_id }
    }
}

impl View {
    /// Appends a document.
    pub(in crate::records) fn write(&self, document: &Document, out: &mut Vec<u8>) {
        self.write_parts(&document.body, &document.id, Meta::of(document), out);
    }

    /// Appends a document of its parts: the fields in their order, the id, `_meta`.
    fn write_parts(&self, body: &str, id: &DocumentId, meta: Meta<'_>, out: &mut Vec<u8>) {
        let projected;
        let whole = json::without_own_id(body);
        let mut body = &*whole;
        if !self.fields.is_empty() {
            projected = json::project(body, &self.fields);
            body = &projected;
        }
        if self.meta {
            write_fields_without_meta(body, out);
        } else {
            Self::write_open(body, out);
        }
        write_id_member(id, out);
        if self.meta {
            write_meta(meta, out);
        }
        out.push(b'}');
    }

    /// Appends a whole body and leaves its object open for [`View::write_id`]: writes render
    /// what they have before they hand the body over, and the id when they know it.
    pub(in crate::records) fn write_open(body: &str, out: &mut Vec<u8>) {
        let body = json::without_own_id(body);
        out.extend_from_slice(body.strip_suffix('}').unwrap_or(&body).as_bytes());
    }

    /// Closes the object that [`View::write_open`] left open.
    pub(in crate::records) fn write_id(id: &DocumentId, out: &mut Vec<u8>) {
        write_id_member(id, out);
        out.push(b'}');
    }

    /// Closes the object that [`View::write_open`] left open with a body that was sent. Where what
    /// is stored is another one, that stands there instead.
    pub(in crate::records) fn write_made(written: &Written, out: &mut Vec<u8>) {
        if let Some(body) = &written.body {
            out.clear();
            Self::write_open(body, out);
        }
        Self::write_id(&written.id, out);
    }

    /// About how many bytes a document takes, so that a buffer grows once.
    pub(in crate::records) fn size_hint(&self, document: &Document) -> usize {
        document.body.len() + if self.meta { 160 } else { 32 }
    }
}

/// Appends the id to an object that is open.
fn write_id_member(id: &DocumentId, out: &mut Vec<u8>) {
    if out.last() != Some(&b'{') {
        out.push(b',');
    }
    out.extend_from_slice(b"\"id\":");
    id.write_json(out);
}

/// Appends `{` and the members but one: a document's own `_meta` gives way to ours, as its own
/// `id` does, because an object with one key twice is read differently by every client.
fn write_fields_without_meta(body: &str, out: &mut Vec<u8>) {
    if !body.contains("\"_meta\":") {
        View::write_open(body, out);
        return;
    }
    out.push(b'{');
    for (key, value) in json::Raw::new(body).members() {
        if key.as_str_decoded().as_deref() == Some(META) {
            continue;
        }
        if out.last() != Some(&b'{') {
            out.push(b',');
        }
        out.extend_from_slice(key.as_text().as_bytes());
        out.push(b':');
        out.extend_from_slice(value.as_text().as_bytes());
    }
}

fn write_meta(meta: Meta<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b",\"_meta\":");
    // Writing to a Vec cannot fail, and the parts are texts.
    let _ = serde_json::to_writer(out, &meta);
}

#[cfg(test)]
mod tests {
    use isobase_types::{Revision, Timestamp};

    use super::*;

    fn document(body: &str) -> Document {
        Document {
            id: DocumentId::Integer(7),
            revision: Revision::from_number(12),
            created_at: Timestamp { unix_us: 1 },
            updated_at: Timestamp { unix_us: 1_000_002 },
            body: body.to_owned(),
        }
    }

    fn render(view: &View, body: &str) -> String {
        let mut out = Vec::new();
        view.write(&document(body), &mut out);
        String::from_utf8(out).unwrap()
    }

    const META_TEXT: &str = r#""_meta":{"revision":"12","createdAt":"1970-01-01T00:00:00.000001Z","updatedAt":"1970-01-01T00:00:01.000002Z"}"#;

    #[test]
    fn fields_come_first_then_the_id() {
        let view = View::default();
        assert_eq!(render(&view, r#"{"b":1.0,"a":-0.0}"#), r#"{"b":1.0,"a":-0.0,"id":7}"#);
        assert_eq!(render(&view, "{}"), r#"{"id":7}"#);
    }

    #[test]
    fn meta_comes_after_the_id() {
        let view = View { meta: true, ..View::default() };
        assert_eq!(render(&view, "{}"), format!(r#"{{"id":7,{META_TEXT}}}"#));
        assert_eq!(render(&view, r#"{"a":1}"#), format!(r#"{{"a":1,"id":7,{META_TEXT}}}"#));
    }

    #[test]
    fn an_own_id_is_shown_apart() {
        let body = r#"{"id":"ext-77","a":1}"#;
        assert_eq!(render(&View::default(), body), r#"{"a":1,"id":7}"#);
        let meta = META_TEXT.replace(r#"Z"}"#, r#"Z","ownId":"ext-77"}"#);
        let with = View { meta: true, ..View::default() };
        assert_eq!(render(&with, body), format!(r#"{{"a":1,"id":7,{meta}}}"#));
        let fields = vec![FieldPath::parse("id").unwrap()];
        assert_eq!(render(&View { fields, meta: false }, body), r#"{"id":7}"#);
    }

    #[test]
    fn own_meta_gives_way_only_when_meta_is_asked_for() {
        let body = r#"{"_meta":{"x":1},"a":{"_meta":2}}"#;
        let with = View { meta: true, ..View::default() };
        assert_eq!(render(&with, body), format!(r#"{{"a":{{"_meta":2}},"id":7,{META_TEXT}}}"#));
        assert_eq!(render(&View::default(), body), r#"{"_meta":{"x":1},"a":{"_meta":2},"id":7}"#);
    }

    #[test]
    fn fields_select_and_keep_the_id() {
        let fields = ["a", "x.y", "id"].map(|path| FieldPath::parse(path).unwrap()).to_vec();
        let view = View { fields, meta: false };
        assert_eq!(
            render(&view, r#"{"x":{"y":1,"z":2},"b":3,"a":4}"#),
            r#"{"x":{"y":1},"a":4,"id":7}"#
        );
        assert_eq!(render(&view, r#"{"b":3}"#), r#"{"id":7}"#);
    }
}
