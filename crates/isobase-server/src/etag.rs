//! Revisions as entity tags.

use std::io::Write;

use http::{HeaderMap, HeaderValue, header};
use isobase_types::Revision;

/// A revision as an `ETag`.
pub(crate) fn etag(revision: &Revision) -> HeaderValue {
    // Quotes and 128 characters, the longest a revision has.
    let mut text = [0; 130];
    let mut rest = &mut text[..];
    let fits = write!(rest, "\"{revision}\"").is_ok();
    let length = 130 - rest.len();
    match HeaderValue::from_bytes(&text[..length]) {
        Ok(value) if fits => value,
        // Not reached: a revision is visible ASCII of at most 128 characters. An empty tag
        // matches nothing, so the worst is a condition that fails.
        _ => HeaderValue::from_static("\"\""),
    }
}

/// Whether the caller names this tag in `If-None-Match`, compared weakly (RFC 9110, section 13.1.2).
pub(crate) fn is_known(headers: &HeaderMap, tag: &HeaderValue) -> bool {
    fn opaque(tag: &[u8]) -> &[u8] {
        tag.strip_prefix(b"W/").unwrap_or(tag)
    }
    let values = headers.get_all(header::IF_NONE_MATCH).iter();
    values.flat_map(|tags| tags.as_bytes().split(|byte| *byte == b',')).any(|known| {
        let known = known.trim_ascii();
        known == b"*" || opaque(known) == opaque(tag.as_bytes())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn etags_are_quoted_revisions() {
        assert_eq!(etag(&Revision::from_number(0)), "\"0\"");
        assert_eq!(etag(&Revision::from_number(u64::MAX)), "\"18446744073709551615\"");
        let long = "x".repeat(128);
        assert_eq!(etag(&Revision::parse(&long).unwrap()), format!("\"{long}\""));
    }
}
