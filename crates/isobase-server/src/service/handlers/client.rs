//! The client for JavaScript, as it is packed for npm.

use std::sync::{Arc, LazyLock};

use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::Body;

use super::super::State;
use crate::{
    Call,
    cached::{etag_of, if_changed},
    failure::Failure,
};

const MODULE: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../js/isobase.js"));
const TYPES: &str = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../../js/isobase.d.ts"));

pub(super) const JAVASCRIPT: HeaderValue =
    HeaderValue::from_static("text/javascript; charset=utf-8");
/// Browsers never load the types. TypeScript has no media type, and `.ts` is a video's elsewhere.
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
/// Asked about each time: the module is that of the service that answers.
const NO_CACHE: HeaderValue = HeaderValue::from_static("no-cache");

/// `GET /isobase.js`
pub(in crate::service) async fn get_client(
    _: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| etag_of(MODULE.as_bytes()));
    Ok(file(&call, MODULE, JAVASCRIPT, &ETAG))
}

/// `GET /isobase.d.ts`
pub(in crate::service) async fn get_client_types(
    _: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    static ETAG: LazyLock<HeaderValue> = LazyLock::new(|| etag_of(TYPES.as_bytes()));
    Ok(file(&call, TYPES, TEXT, &ETAG))
}

pub(super) fn file(
    call: &Call,
    text: &'static str,
    content_type: HeaderValue,
    etag: &HeaderValue,
) -> Response<Body> {
    let mut response =
        if_changed(call, etag, || Body::full(text).into_response(StatusCode::OK, content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, NO_CACHE);
    response
}
