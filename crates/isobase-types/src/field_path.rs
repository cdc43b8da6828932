//! Paths to fields inside documents.

use std::{fmt, sync::Arc};

/// Longest field path, in bytes of its text.
pub const FIELD_PATH_BYTES_MAX: usize = 512;

/// The place of a field in a document: `status`, `address.city`, `tags.0`, `"a.b".c`.
///
/// Steps are separated by dots; a step that holds a dot, a quote or nothing is written as a JSON
/// string. A step reaches into an object by key; into an array by canonical decimal index. The
/// path `id` is the document's id. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(Arc<[PathStep]>);

/// One step of a [`FieldPath`]: the key, decoded.
pub type PathStep = Box<str>;

impl FieldPath {
    /// Reads a path.
    ///
    /// # Errors
    /// [`InvalidFieldPath`].
    pub fn parse(_text: &str) -> Result<Self, InvalidFieldPath> {
        todo!()
    }

    /// The steps, at least one.
    #[must_use]
    pub fn steps(&self) -> &[PathStep] {
        &self.0
    }

    /// Whether this is the document's id.
    #[must_use]
    pub fn is_id(&self) -> bool {
        matches!(&*self.0, [step] if &**step == "id")
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, _f: &mut fmt::Formatter<'_>) -> fmt::Result {
        todo!()
    }
}

/// Why a text is not a field path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidFieldPath {
    /// No characters.
    #[error("a field path must not be empty")]
    Empty,
}
