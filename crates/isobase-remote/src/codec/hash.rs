//! Hash of a content.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

/// The hash of a document's canonical text as 32 hexadecimal digits.
///
/// The text is that which the native form and the shape give together: it is the same whatever
/// order and spelling a database has made of the native form, and another once the content is.
pub(super) fn of(body: &str) -> String {
    let mut out = String::with_capacity(32);
    for byte in &Sha256::digest(body.as_bytes())[..16] {
        let _ = write!(out, "{byte:02x}");
    }
    out
}
