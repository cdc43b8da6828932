//! Revisions of documents and places in the change feed.

use std::fmt;

/// The opaque revision of a document; on the wire the `ETag`.
///
/// Every write that changes a document gives it a revision it never had before, also after it
/// was deleted and created again. Callers compare revisions and hand them back, nothing else.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Revision(Repr);

/// Engines that number their writes (memory, SQLite, PostgreSQL) avoid an allocation.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Repr {
    Number(u64),
    Text(Box<str>),
}

impl Revision {
    /// The revision given by a numbered write.
    #[must_use]
    pub fn from_number(number: u64) -> Self {
        Self(Repr::Number(number))
    }

    /// The number of a numbered write, if this revision is one.
    #[must_use]
    pub fn number(&self) -> Option<u64> {
        match &self.0 {
            Repr::Number(number) => Some(*number),
            Repr::Text(_) => None,
        }
    }

    /// Reads a revision as it stands between the quotes of an `ETag`.
    ///
    /// # Errors
    /// [`InvalidRevision`] when the text is empty, longer than 128 bytes, or holds anything but
    /// visible ASCII without `"` (the characters RFC 9110 allows in an entity tag).
    pub fn parse(text: &str) -> Result<Self, InvalidRevision> {
        let visible = text.bytes().all(|b| b.is_ascii_graphic() && b != b'"');
        if text.is_empty() || text.len() > 128 || !visible {
            return Err(InvalidRevision);
        }
        let canonical = text == "0" || !text.starts_with('0');
        match text.parse::<u64>() {
            Ok(number) if canonical && !text.starts_with('+') => Ok(Self::from_number(number)),
            _ => Ok(Self(Repr::Text(text.into()))),
        }
    }
}

impl fmt::Display for Revision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Repr::Number(number) => fmt::Display::fmt(number, f),
            Repr::Text(text) => f.write_str(text),
        }
    }
}

/// The text is not a revision this service can have given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a revision has 1 to 128 visible ASCII characters without '\"'")]
pub struct InvalidRevision;

/// A place in the change feed of a database: the number of a committed write.
///
/// Grows with every write of the database, in the order of commits. Zero is the place before
/// the first write.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(pub u64);

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}
