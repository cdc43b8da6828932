//! Answers that browsers may keep and ask about again.

use base64::{Engine as _, prelude::BASE64_URL_SAFE_NO_PAD};
use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::Body;
use sha2::{Digest, Sha256};

use crate::{Call, etag::is_known};

/// A tag of some bytes: it changes with them. Weak, so that they may be sent encoded or plain.
pub(crate) fn etag_of(bytes: &[u8]) -> HeaderValue {
    let hash = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(bytes)[..12]);
    HeaderValue::try_from(format!("W/\"{hash}\"")).expect("base64 is visible ASCII")
}

/// The answer, or 304 for a caller who has it.
pub(crate) fn if_changed(
    call: &Call,
    etag: &HeaderValue,
    answer: impl FnOnce() -> Response<Body>,
) -> Response<Body> {
    let mut response = match is_known(&call.headers, etag) {
        true => Body::no_content(StatusCode::NOT_MODIFIED),
        false => answer(),
    };
    response.headers_mut().insert(header::ETAG, etag.clone());
    response
}
