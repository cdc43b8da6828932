//! A top-level field `id` of a document's own.
//!
//! A document's id is not part of its body. Another program may have given the document a field of
//! that name all the same: it stands first in the body then, where it is found at once. Bodies that
//! callers send never begin so.

use std::borrow::Cow;

use super::{InvalidJson, Raw, canonicalise_document, canonicalise_value};

/// How a body begins that has a field `id` of its own.
const BEGINNING: &str = "{\"id\":";

/// The value of a body's own field `id`.
#[must_use]
pub fn own_id(body: &str) -> Option<Raw<'_>> {
    body.starts_with(BEGINNING).then(|| Raw::new(body).members().next())?.map(|(_, value)| value)
}

/// The body without its own field `id`.
#[must_use]
pub fn without_own_id(body: &str) -> Cow<'_, str> {
    let Some(own) = own_id(body) else { return Cow::Borrowed(body) };
    let rest = &body[BEGINNING.len() + own.as_text().len()..];
    Cow::Owned(format!("{{{}", rest.strip_prefix(',').unwrap_or(rest)))
}

/// A body without a field `id`, with one that has this value.
#[must_use]
pub fn with_own_id(body: &str, own: Raw<'_>) -> String {
    let rest = body.strip_prefix('{').unwrap_or(body);
    let comma = if rest == "}" { "" } else { "," };
    format!("{BEGINNING}{}{comma}{rest}", own.as_text())
}

/// Checks the text of a stored body: like [`canonicalise_document`], but a field `id` that stands
/// first stays.
///
/// # Errors
/// [`InvalidJson`], as of [`canonicalise_document`].
pub fn canonicalise_stored(input: &[u8]) -> Result<String, InvalidJson> {
    match input.starts_with(BEGINNING.as_bytes()) {
        true => canonicalise_value(input),
        false => canonicalise_document(input),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_ids_stand_first() {
        for (body, own, rest) in [
            ("{}", None, "{}"),
            (r#"{"a":1,"id":2}"#, None, r#"{"a":1,"id":2}"#),
            (r#"{"id":"ext-77"}"#, Some(r#""ext-77""#), "{}"),
            (r#"{"id":{"id":[1]},"a":1}"#, Some(r#"{"id":[1]}"#), r#"{"a":1}"#),
            (r#"{"idea":1}"#, None, r#"{"idea":1}"#),
        ] {
            assert_eq!(own_id(body).map(Raw::as_text), own, "{body}");
            assert_eq!(without_own_id(body), rest);
            if let Some(own) = own_id(body) {
                assert_eq!(with_own_id(rest, own), body);
                assert_eq!(canonicalise_stored(body.as_bytes()).unwrap(), body);
            }
        }
        assert_eq!(canonicalise_stored(br#"{"a":1,"id":2}"#).unwrap(), r#"{"a":1}"#);
        assert!(canonicalise_stored(br#"{"id":1,"id":2}"#).is_err());
        for broken in ["", "{\"id\":", "{\"id\"", "[1"] {
            assert!(own_id(broken).is_none_or(|own| own.as_text().is_empty()), "{broken}");
        }
    }
}
