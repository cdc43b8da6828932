//! Which pages of other origins may use the service from a browser.

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};

use crate::Body;

const METHODS: HeaderValue =
    HeaderValue::from_static("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT");
/// How long a browser may remember a preflight, in seconds. Chrome's default is 5.
const MAX_AGE: HeaderValue = HeaderValue::from_static("600");
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "ETag, Idempotency-Replayed, Last-Modified, Link, Location, Retry-After, X-Request-Id, X-Schema-Origin, X-Total-Count",
);
const ANY: HeaderValue = HeaderValue::from_static("*");

/// The rule for requests with an `Origin`.
#[derive(Debug)]
pub(crate) struct Cors {
    /// The configured origins; empty means any origin in open mode and none otherwise.
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// The rule for a list of origins. What cannot be a header value is no origin.
    pub(crate) fn new(origins: &[String]) -> Self {
        let origins = origins.iter().filter_map(|origin| HeaderValue::from_str(origin).ok());
        Self { origins: origins.collect() }
    }

    /// What an origin is told. Never with credentials: keys are sent by scripts, not by browsers.
    fn allowed(&self, origin: &HeaderValue, open: bool) -> Option<HeaderValue> {
        if self.origins.is_empty() {
            return open.then_some(ANY);
        }
        self.origins.contains(origin).then(|| origin.clone())
    }

    /// Whether a page of this origin may write. A browser sends simple requests without asking
    /// first, so a configured list is held here too; the service's own pages always may.
    pub(crate) fn may_write(&self, headers: &HeaderMap) -> bool {
        let Some(origin) = headers.get(header::ORIGIN) else { return true };
        if self.origins.is_empty() || self.origins.contains(origin) {
            return true;
        }
        let host = headers.get(header::HOST).map(HeaderValue::as_bytes).unwrap_or_default();
        let own = |scheme: &[u8]| origin.as_bytes().strip_prefix(scheme) == Some(host);
        !host.is_empty() && (own(b"http://") || own(b"https://"))
    }

    /// Adds what a browser needs to let a page read the answer.
    pub(crate) fn mark(&self, headers: &mut HeaderMap, origin: Option<&HeaderValue>, open: bool) {
        if !self.origins.is_empty() {
            headers.append(header::VARY, HeaderValue::from_static("Origin"));
        }
        if let Some(allowed) = origin.and_then(|origin| self.allowed(origin, open)) {
            headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, allowed);
            headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        }
    }
}

/// Whether an `OPTIONS` request is a preflight.
pub(crate) fn is_preflight(headers: &HeaderMap) -> bool {
    headers.contains_key(header::ORIGIN)
        && headers.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// The answer to a preflight, without the origin, which every answer gets.
pub(crate) fn preflight(request: &HeaderMap) -> Response<Body> {
    let text = HeaderValue::from_static("text/plain; charset=utf-8");
    let mut response = Body::full("OK").into_response(StatusCode::OK, text);
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    if let Some(asked) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS)
        && is_list_of_names(asked)
    {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

fn is_list_of_names(value: &HeaderValue) -> bool {
    let names = value.as_bytes().split(|byte| *byte == b',');
    names.map(<[u8]>::trim_ascii).all(|name| HeaderName::from_bytes(name).is_ok())
}
