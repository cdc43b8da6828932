//! `Idempotency-Key`: a repeat of a request gives the first answer and writes nothing.

use http::{HeaderMap, HeaderName, HeaderValue, Response, header};
use isobase_http::{Body, Location, Parameter, Problem, ProblemItem};
use isobase_store::Idempotency;
use isobase_types::{CollectionName, DocumentId};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::{Call, codes, failure::IntoProblem};

/// Longest key. Ours: as long as what the known clients send, several times over.
pub(crate) const KEY_BYTES_MAX: usize = 255;

pub(crate) const IDEMPOTENCY_KEY: &str = "idempotency-key";

/// The answer header that marks a repeat.
pub(crate) const IDEMPOTENCY_REPLAYED: &str = "idempotency-replayed";

/// The header cannot be used as a key.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidKey {
    /// Not 1 to [`KEY_BYTES_MAX`] visible ASCII characters.
    #[error("Idempotency-Key must have 1 to {KEY_BYTES_MAX} visible ASCII characters")]
    Characters,
    /// The header stands there more than once.
    #[error("Idempotency-Key must be sent once")]
    Repeated,
}

/// The key of a request, if it has one.
pub(crate) fn read_key(headers: &HeaderMap) -> Result<Option<&str>, InvalidKey> {
    let mut values = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(InvalidKey::Repeated);
    }
    let bytes = value.as_bytes();
    let allowed =
        (1..=KEY_BYTES_MAX).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(bytes) {
        Ok(text) if allowed => Ok(Some(text)),
        _ => Err(InvalidKey::Characters),
    }
}

/// The mark of a request with an `Idempotency-Key`.
pub(crate) fn of_call(
    call: &Call,
    collection: &CollectionName,
    options: &[u8],
    content: &[u8],
) -> Result<Option<Idempotency>, InvalidKey> {
    let Some(key) = read_key(&call.headers)? else { return Ok(None) };
    let identity = Identity {
        caller: call.principal.mark(),
        operation: call.operation_id(),
        collection: collection.as_str(),
        key,
    };
    Ok(Some(mark(&identity, options, content)))
}

/// The mark of a write to one document. Another document, condition or form of the body under the
/// same key is another request.
pub(crate) fn of_write(
    call: &Call,
    collection: &CollectionName,
    id: &DocumentId,
    content: &[u8],
) -> Result<Option<Idempotency>, InvalidKey> {
    if !call.headers.contains_key(IDEMPOTENCY_KEY) {
        return Ok(None);
    }
    let id = id.to_string();
    let mut parts = vec![id.as_bytes(), call.query().as_bytes()];
    for name in
        [header::IF_MATCH, header::IF_NONE_MATCH, header::IF_UNMODIFIED_SINCE, header::CONTENT_TYPE]
    {
        // A name without a value still divides the values of the names around it.
        parts.push(b"");
        parts.extend(call.headers.get_all(name).iter().map(HeaderValue::as_bytes));
    }
    of_call(call, collection, &hash(&parts), content)
}

impl IntoProblem for InvalidKey {
    fn into_problem(self) -> Problem {
        let (name, message) = (Some(IDEMPOTENCY_KEY.to_owned()), self.to_string());
        Problem::new(codes::INVALID_HEADER, self.to_string()).with_item(ProblemItem {
            name,
            message,
            ..Default::default()
        })
    }
}

/// Marks the repeat of an answer.
pub(crate) fn mark_replayed(response: &mut Response<Body>) {
    let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED);
    response.headers_mut().insert(name, HeaderValue::from_static("true"));
}

/// The header as routes describe it.
pub(crate) fn parameter() -> Parameter {
    Parameter::new(
        Location::Header,
        "Idempotency-Key",
        "1 to 255 visible ASCII characters of the caller's choice. A repeat of the request with \
         the same key gives the first answer, with the header `Idempotency-Replayed: true`, and \
         writes nothing.",
    )
    .schema(json!({ "type": "string", "minLength": 1, "maxLength": 255 }))
    .example("0b5e2d3c-order-17")
}

/// The fingerprint by which two requests are the same.
struct Identity<'a> {
    /// Who asks: the same key of two callers is two keys.
    caller: &'a str,
    /// The operation of the route table.
    operation: &'a str,
    /// The collection, decoded.
    collection: &'a str,
    /// The key as it was sent.
    key: &'a str,
}

/// The mark for the store: who asked what under which key.
fn mark(identity: &Identity<'_>, options: &[u8], content: &[u8]) -> Idempotency {
    Idempotency {
        key: hash(&[
            identity.caller.as_bytes(),
            identity.operation.as_bytes(),
            identity.collection.as_bytes(),
            identity.key.as_bytes(),
        ]),
        fingerprint: hash(&[options, content]),
    }
}

/// Hashes parts with their lengths, so that no two lists of parts give the same bytes.
fn hash(parts: &[&[u8]]) -> [u8; 32] {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_le_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&[u8]]) -> Result<Option<String>, InvalidKey> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(IDEMPOTENCY_KEY, HeaderValue::from_bytes(value).unwrap());
        }
        read_key(&headers).map(|key| key.map(str::to_owned))
    }

    #[test]
    fn keys_are_visible_ascii() {
        assert_eq!(read(&[]), Ok(None));
        assert_eq!(read(&[b"order-1"]), Ok(Some("order-1".to_owned())));
        assert_eq!(read(&[&[b'k'; 255]]).unwrap().unwrap().len(), 255);
        for bad in [&b""[..], b"a b", "\u{e9}".as_bytes(), &[b'k'; 256]] {
            assert_eq!(read(&[bad]), Err(InvalidKey::Characters));
        }
        assert_eq!(read(&[b"a", b"a"]), Err(InvalidKey::Repeated));
    }

    #[test]
    fn marks_differ_when_any_part_does() {
        let mark_of = |caller, collection, key, content: &[u8]| {
            mark(&Identity { caller, operation: "create", collection, key }, b"", content)
        };
        let first = mark_of("a", "b", "c", b"x");
        assert_eq!(first, mark_of("a", "b", "c", b"x"));
        for other in [
            mark_of("ab", "", "c", b"x"),
            mark_of("a", "bc", "", b"x"),
            mark_of("a", "b", "d", b"x"),
        ] {
            assert_ne!(first.key, other.key);
            assert_eq!(first.fingerprint, other.fingerprint);
        }
        assert_ne!(first.fingerprint, mark_of("a", "b", "c", b"y").fingerprint);
    }
}
