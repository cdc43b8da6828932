//! Answers that carry a document.

use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::Body;
use isobase_types::{Revision, Timestamp};

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

fn add_validators(response: &mut Response<Body>, revision: &Revision, updated_at: Timestamp) {
    let headers = response.headers_mut();
    headers.insert(header::ETAG, etag(revision));
    let date = httpdate::fmt_http_date(updated_at.to_system_time());
    if let Ok(value) = HeaderValue::from_maybe_shared(bytes::Bytes::from(date)) {
        headers.insert(header::LAST_MODIFIED, value);
    }
}
