//! Identity of documents.

use std::{fmt, sync::Arc};

/// Longest string id, in bytes of UTF-8: what Firestore, the narrowest of the databases, takes.
/// Source: cloud.google.com/firestore/quotas (2026-11).
pub const DOCUMENT_ID_BYTES_MAX: usize = 1_500;

/// Largest integer id that the counter of ids knows: what every reader of JSON has exactly.
/// Source: RFC 8259, section 6 (integers of 64-bit floats).
pub const COUNTED_ID_MAX: i64 = 1 << 53;

/// The id of a document, unique in its collection.
///
/// The order is the order of every listing: integers by value, then strings by their bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DocumentId {
    /// Assigned by us from one counter over all collections and never reused, or chosen by the
    /// caller. From 0 to 2^63-1; assigned from 1 to [`COUNTED_ID_MAX`].
    Integer(i64),
    /// Chosen by the caller: 1 to [`DOCUMENT_ID_BYTES_MAX`] bytes without NUL, and not the
    /// canonical decimal form of an integer id. Digits beyond 2^63-1 are such a text.
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
        match text.contains('\0') {
            true => Err(InvalidDocumentId::Nul),
            false => Ok(Self::Text(text.into())),
        }
    }

    /// The integer that the counter of ids moves past once a caller has chosen it; `None` for a
    /// string, and for an integer beyond [`COUNTED_ID_MAX`].
    #[must_use]
    pub fn counted(&self) -> Option<i64> {
        match self {
            Self::Integer(integer) if *integer <= COUNTED_ID_MAX => Some(*integer),
            Self::Integer(_) | Self::Text(_) => None,
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
    /// The id holds NUL.
    #[error("an id must not contain NUL")]
    Nul,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_integers_or_any_text() {
        let text = |text: &str| Ok(DocumentId::Text(text.into()));
        let long = "é".repeat(750);
        for valid in ["a/b", "_x", ".", "..", "__x__", "007", "9223372036854775808", "-1", &long] {
            assert_eq!(DocumentId::parse(valid), text(valid), "{valid}");
        }
        for integer in [0, 7, i64::MAX] {
            assert_eq!(DocumentId::parse(&integer.to_string()), Ok(integer.into()));
        }
        assert_eq!(DocumentId::parse(""), Err(InvalidDocumentId::Empty));
        assert_eq!(DocumentId::parse("a\0"), Err(InvalidDocumentId::Nul));
        let bytes = 1_502;
        let too_long = format!("{long}é");
        assert_eq!(DocumentId::parse(&too_long), Err(InvalidDocumentId::TooLong { bytes }));
    }

    #[test]
    fn the_counter_knows_integers_that_json_has_exactly() {
        let counted = |text: &str| DocumentId::parse(text).unwrap().counted();
        assert_eq!(counted("9007199254740992"), Some(COUNTED_ID_MAX));
        for other in ["9007199254740993", "9223372036854775808", "a"] {
            assert_eq!(counted(other), None, "{other}");
        }
    }
}
