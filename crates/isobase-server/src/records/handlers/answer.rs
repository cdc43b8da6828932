//! Answers that carry a document.

use http::{HeaderName, HeaderValue, Response, StatusCode, header};
use isobase_http::Body;
use isobase_types::{Revision, Timestamp};

use super::idempotency::IDEMPOTENCY_REPLAYED;
use crate::etag::etag;

/// An answer with a document's text and its validators.
pub(crate) fn document(
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
pub(crate) fn not_modified(revision: &Revision, updated_at: Timestamp) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    add_validators(&mut response, revision, updated_at);
    response
}

/// Marks the repeat of an answer.
pub(crate) fn mark_replayed(response: &mut Response<Body>) {
    let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED);
    response.headers_mut().insert(name, HeaderValue::from_static("true"));
}

fn add_validators(response: &mut Response<Body>, revision: &Revision, updated_at: Timestamp) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag(revision));
    let date = httpdate::fmt_http_date(updated_at.to_system_time());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(date)) {
        headers.insert(header::LAST_MODIFIED, value);
    }
}
