//! Identity of documents.

use std::{fmt, sync::Arc};

/// Longest string id, in bytes of UTF-8: what every engine can hold as a key.
pub const DOCUMENT_ID_BYTES_MAX: usize = 512;

/// The id of a document, unique in its collection.
///
/// The order is the order of every listing: integers by value, then strings by their bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentId {
    /// Assigned by us from one counter over all collections; never reused. From 0 to 2^63-1,
    /// assigned from 1.
    Integer(i64),
    /// Chosen by the caller: 1 to [`DOCUMENT_ID_BYTES_MAX`] bytes, no NUL, no `/`, no leading
    /// `_`, not `.` or `..`, and not the canonical decimal form of an integer id.
    Text(Arc<str>),
}

impl DocumentId {
    /// Reads an id as it stands in a path segment.
    ///
    /// Canonical decimal (no sign, blank or leading zero, at most 2^63-1) is an integer id,
    /// everything else a string id.
    ///
    /// # Errors
    /// [`InvalidDocumentId`] says which rule the text breaks.
    pub fn parse(text: &str) -> Result<Self, InvalidDocumentId> {
        if let Some(integer) = parse_canonical(text) {
            return Ok(Self::Integer(integer));
        }
        if text.is_empty() {
            return Err(InvalidDocumentId::Empty);
        }
        if text.len() > DOCUMENT_ID_BYTES_MAX {
            return Err(InvalidDocumentId::TooLong { bytes: text.len() });
        }
        if text == "." || text == ".." {
            return Err(InvalidDocumentId::Dots);
        }
        if text.starts_with('_') {
            return Err(InvalidDocumentId::LeadingUnderscore);
        }
        match text.chars().find(|c| matches!(c, '/' | '\0')) {
            Some(found) => Err(InvalidDocumentId::Character { found }),
            None => Ok(Self::Text(text.into())),
        }
    }

    /// Appends the id as JSON: integers as numbers, strings as strings.
    pub fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Integer(integer) => {
                out.extend_from_slice(itoa::Buffer::new().format(*integer).as_bytes());
            }
            Self::Text(text) => crate::json::write_string(text, out),
        }
    }
}

/// Integer value of canonical decimal text within the range of an integer id.
fn parse_canonical(text: &str) -> Option<i64> {
    let bytes = text.as_bytes();
    let canonical = match bytes {
        [b'0'] => true,
        [b'1'..=b'9', rest @ ..] => rest.iter().all(u8::is_ascii_digit),
        _ => false,
    };
    canonical.then(|| text.parse().ok()).flatten()
}

/// The form of a path segment, without percent-encoding.
impl fmt::Display for DocumentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Integer(integer) => fmt::Display::fmt(integer, f),
            Self::Text(text) => f.write_str(text),
        }
    }
}

impl From<i64> for DocumentId {
    fn from(integer: i64) -> Self {
        Self::Integer(integer)
    }
}

/// Why a text is not a document id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDocumentId {
    /// The id has no characters.
    #[error("an id must not be empty")]
    Empty,
    /// The id is longer than [`DOCUMENT_ID_BYTES_MAX`].
    #[error("the id has {bytes} bytes, at most {DOCUMENT_ID_BYTES_MAX} are allowed")]
    TooLong {
        /// Length of the refused id.
        bytes: usize,
    },
    /// The id is `.` or `..`.
    #[error("an id must not be '.' or '..'")]
    Dots,
    /// Ids with a leading underscore belong to the engines (CouchDB, Firestore).
    #[error("an id must not begin with '_'")]
    LeadingUnderscore,
    /// The id holds `/` or NUL.
    #[error("an id must not contain {found:?}")]
    Character {
        /// The first character that is refused.
        found: char,
    },
}
