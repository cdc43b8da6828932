//! Bounds of patches, and why one is refused.

use std::fmt;

/// Most operations of one JSON Patch, and most fields of each member of an update. Ours: far above
/// what people write; each may walk over a whole document.
pub const PATCH_OPERATIONS_MAX: usize = 1_000;

/// Most bytes that the operations of one JSON Patch may make together. Ours: no document is as
/// large, and copies of copies come to an end.
pub const PATCH_BYTES_MAX: usize = 64 << 20;

/// Why a JSON value is no patch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidPatch {
    /// The place in the patch as a JSON pointer, empty for the whole.
    pub pointer: String,
    /// The expectation.
    pub message: String,
}

impl InvalidPatch {
    pub(super) fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into() }
    }
}

impl fmt::Display for InvalidPatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

impl std::error::Error for InvalidPatch {}

/// What document databases call a document's id and its revision.
pub(super) const OWN_NAMES: [&str; 2] = ["_id", "_rev"];

/// Refuses a path that begins with what is no field of a document.
pub(super) fn check_first(step: Option<&str>, pointer: &str) -> Result<(), InvalidPatch> {
    let what = match step {
        Some("id" | "_id") => "id",
        Some("_rev") => "revision",
        _ => return Ok(()),
    };
    let message = format!("the {what} of a document is no field of it and cannot be patched");
    Err(InvalidPatch::new(pointer, message))
}

/// Why a patch was not carried out on a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PatchRefused {
    /// The place in the document as a JSON pointer, empty for the whole.
    pub pointer: String,
    /// The fault.
    pub message: String,
    is_conflict: bool,
}

impl PatchRefused {
    pub(super) fn conflict(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), is_conflict: true }
    }

    pub(super) fn too_large(pointer: impl Into<String>) -> Self {
        let message = format!("the patch makes more than {PATCH_BYTES_MAX} bytes");
        Self { pointer: pointer.into(), message, is_conflict: false }
    }

    /// Whether it may succeed on another state of the document.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        self.is_conflict
    }
}

impl fmt::Display for PatchRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pointer.as_str() {
            "" => f.write_str(&self.message),
            pointer => write!(f, "{pointer}: {}", self.message),
        }
    }
}

impl std::error::Error for PatchRefused {}
