//! Answers that carry a document.

use std::io::Write;

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use isobase_types::{Revision, Timestamp};

use super::idempotency::IDEMPOTENCY_REPLAYED;
use crate::Body;

/// An answer with a document's text and its validators.
pub(super) fn document(
    status: StatusCode,
    text: Vec<u8>,
    revision: &Revision,
    updated_at: Timestamp,
) -> Response<Body> {
    let mut response = Body::json(status, text);
    add_validators(&mut response, revision, updated_at);
    response
}

/// An answer that says the caller has the document already.
pub(super) fn not_modified(revision: &Revision, updated_at: Timestamp) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    add_validators(&mut response, revision, updated_at);
    response
}

/// An answer with a JSON text that is no document.
pub(super) fn json(text: impl Into<bytes::Bytes>) -> Response<Body> {
    Body::json(StatusCode::OK, text)
}

/// Marks the repeat of an answer.
pub(super) fn mark_replayed(response: &mut Response<Body>) {
    let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED);
    response.headers_mut().insert(name, HeaderValue::from_static("true"));
}

/// A revision as an `ETag`.
pub(super) fn etag(revision: &Revision) -> HeaderValue {
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

fn add_validators(response: &mut Response<Body>, revision: &Revision, updated_at: Timestamp) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag(revision));
    let date = httpdate::fmt_http_date(updated_at.to_system_time());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(date)) {
        headers.insert(header::LAST_MODIFIED, value);
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
