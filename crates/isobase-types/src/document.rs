//! The document.

use crate::{DocumentId, Revision, Timestamp};

/// A stored document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Its id, unique in its collection.
    pub id: DocumentId,
    /// Changes with every write that changes the document.
    pub revision: Revision,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// A JSON object as [`crate::json::canonicalise_document`] leaves it: compact text without a
    /// top-level `id`.
    pub body: String,
}

impl Document {
    /// Appends the document as callers see it: the fields in their order, then `id`.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        write_body_with_id(&self.body, &self.id, out);
    }
}

/// Splices `id` into the text of a body, as its last field.
pub(crate) fn write_body_with_id(body: &str, id: &DocumentId, out: &mut Vec<u8>) {
    let open = body.strip_suffix('}').unwrap_or(body);
    out.extend_from_slice(open.as_bytes());
    if open.len() > 1 {
        out.push(b',');
    }
    out.extend_from_slice(b"\"id\":");
    id.write_json(out);
    out.push(b'}');
}
