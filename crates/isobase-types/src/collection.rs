//! Names of collections.

use std::{fmt, sync::Arc};

/// Longest collection name, in bytes of UTF-8.
///
/// Ours: long enough for any name a person types, short enough for an index key of every engine.
pub const COLLECTION_NAME_BYTES_MAX: usize = 128;

/// The name of a collection: any single path segment.
///
/// 1 to [`COLLECTION_NAME_BYTES_MAX`] bytes of UTF-8, without `/` and control characters, and
/// neither `.` nor `..` (a client or proxy would resolve those away). Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CollectionName(Arc<str>);

impl CollectionName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`InvalidCollectionName`] says which rule the name breaks.
    pub fn new(name: &str) -> Result<Self, InvalidCollectionName> {
        if name.is_empty() {
            return Err(InvalidCollectionName::Empty);
        }
        if name.len() > COLLECTION_NAME_BYTES_MAX {
            return Err(InvalidCollectionName::TooLong { bytes: name.len() });
        }
        if name == "." || name == ".." {
            return Err(InvalidCollectionName::Dots);
        }
        match name.chars().find(|c| *c == '/' || c.is_control()) {
            Some(found) => Err(InvalidCollectionName::Character { found }),
            None => Ok(Self(name.into())),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::borrow::Borrow<str> for CollectionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// Why a text is not a collection name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidCollectionName {
    /// The name has no characters.
    #[error("a collection name must not be empty")]
    Empty,
    /// The name is longer than [`COLLECTION_NAME_BYTES_MAX`].
    #[error(
        "the collection name has {bytes} bytes, at most {COLLECTION_NAME_BYTES_MAX} are allowed"
    )]
    TooLong {
        /// Length of the refused name.
        bytes: usize,
    },
    /// The name is `.` or `..`.
    #[error("a collection must not be named '.' or '..'")]
    Dots,
    /// The name holds `/` or a control character.
    #[error("a collection name must not contain {found:?}")]
    Character {
        /// The first character that is refused.
        found: char,
    },
}
