//! Revisions as entity tags.

use std::io::Write;

use http::HeaderValue;
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
