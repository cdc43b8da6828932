//! Our bookkeeping in a document.

use isobase_types::{DocumentId, Revision, Sequence, Timestamp};

use super::Tree;
use crate::Tag;

/// The one top-level field of native documents that is ours. Callers never see it, and a document
/// of theirs that has it is refused.
pub const META_FIELD: &str = "isobase_meta";

/// What we keep about a document, in the document.
#[derive(Clone, Debug, PartialEq)]
pub struct Meta {
    /// The number of the write that gave the document its content: its revision.
    pub revision: Sequence,
    /// When it was first written.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
    /// Hash of the content as we wrote it: another content was written by another program.
    pub hash: String,
    /// The order of fields and the spelling of numbers, where the native form loses them.
    pub shape: Option<String>,
}

/// A document as it was read.
#[derive(Clone, Debug, PartialEq)]
pub struct NativeDocument {
    /// Its id.
    pub id: DocumentId,
    /// Its revision: that of the bookkeeping, or `foreign-…` when another program wrote it.
    pub revision: Revision,
    /// When it was first written, as far as anyone knows.
    pub created_at: Timestamp,
    /// When it was last changed, as far as anyone knows.
    pub updated_at: Timestamp,
    /// Its canonical text.
    pub body: String,
    /// The bookkeeping, also when it is out of date.
    pub meta: Option<Meta>,
    /// What the database calls this version.
    pub tag: Tag,
}

impl NativeDocument {
    /// Reads a native document: all its top-level fields, [`META_FIELD`] among them.
    ///
    /// `native_times` are the database's own times of creation and change, if it has them.
    #[must_use]
    pub fn from_fields(
        id: DocumentId,
        fields: Vec<(String, Tree)>,
        tag: Tag,
        native_times: Option<(Timestamp, Timestamp)>,
    ) -> Self {
        let _ = (id, fields, tag, native_times);
        unreachable!("being written")
    }
}

impl Meta {
    /// The bookkeeping as the value of [`META_FIELD`]: an object with `revision` (number),
    /// `created_at`, `updated_at` (RFC 3339 text), `hash` and, if needed, `shape`. A backend may
    /// add `keys` of its own.
    #[must_use]
    pub fn to_fields(&self) -> Vec<(String, Tree)> {
        unreachable!("being written")
    }
}
