//! Hash of a content.

use std::fmt::Write as _;

use isobase_types::DocumentId;
use sha2::{Digest, Sha256};

/// The hash of a document's canonical text as 32 hexadecimal digits.
///
/// The text is that which the native form and the shape give together: it is the same whatever
/// order and spelling a database has made of the native form, and another once the content is.
pub(super) fn of(body: &str) -> String {
    digits(body, 16)
}

/// The same as of the first format, in which a content had no field `id`.
pub(super) fn of_id_1(id: &DocumentId) -> String {
    digits(&id.to_string(), 4)
}

/// Eight digits that say which document a hash belongs to: who copies a document with its
/// bookkeeping to another id has made another document.
pub(super) fn of_id(id: &DocumentId) -> String {
    digits(&format!("2 {id}"), 4)
}

fn digits(text: &str, bytes: usize) -> String {
    let mut out = String::with_capacity(2 * bytes);
    for byte in &Sha256::digest(text)[..bytes] {
        let _ = write!(out, "{byte:02x}");
    }
    out
}
