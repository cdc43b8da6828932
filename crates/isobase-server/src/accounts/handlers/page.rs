//! Pages that stand alone: one file with its own style and script.

use base64::{Engine, prelude::BASE64_STANDARD};
use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::Body;
use sha2::{Digest, Sha256};

/// The page, with a policy that lets nothing but itself run, and nothing of it leak.
pub(super) fn answer(page: &'static str) -> Response<Body> {
    let html = HeaderValue::from_static("text/html; charset=utf-8");
    let mut response = Body::full(page.as_bytes()).into_response(StatusCode::OK, html);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(page));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

/// Only the page's own script and style count, and it talks to this service only.
fn policy(page: &str) -> HeaderValue {
    let hash = |open: &str, close: &str| {
        let rest = page.split_once(open).map_or("", |(_, rest)| rest);
        let inside = rest.split_once(close).map_or("", |(inside, _)| inside);
        BASE64_STANDARD.encode(Sha256::digest(inside))
    };
    let text = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; \
         form-action 'none'; frame-ancestors 'none'; base-uri 'none'",
        hash("<script>", "</script>"),
        hash("<style>", "</style>")
    );
    HeaderValue::try_from(text).expect("hashes are letters, digits and a few signs")
}
