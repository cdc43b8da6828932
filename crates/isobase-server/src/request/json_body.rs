//! JSON bodies of requests.

use http::{HeaderMap, header};
use isobase_http::{Problem, ProblemItem, RequestBody};
use isobase_types::json::{self, InvalidJson, InvalidJsonKind};

use crate::{codes, failure::pointer};

/// The media type of newline-delimited JSON.
pub(crate) const NDJSON: &str = "application/x-ndjson";

/// What the clients of the record routes have always been told about a body that is no object.
const NOT_AN_OBJECT: &str = "Input should be a valid dictionary";

/// The type of a body, by its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BodyKind {
    /// JSON, or not said.
    Json,
    /// Newline-delimited JSON.
    Lines,
}

/// Reads `Content-Type`. A body without one is taken as JSON: many small clients send none.
pub(crate) fn body_kind(headers: &HeaderMap) -> Result<BodyKind, Problem> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(BodyKind::Json) };
    if value == "application/json" {
        return Ok(BodyKind::Json);
    }
    let value = String::from_utf8_lossy(value.as_bytes());
    let essence = value.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match essence.strip_prefix("application/") {
        _ if essence.is_empty() => Ok(BodyKind::Json),
        Some("json") => Ok(BodyKind::Json),
        Some(subtype) if subtype.len() > 5 && subtype.ends_with("+json") => Ok(BodyKind::Json),
        Some("x-ndjson" | "ndjson") => Ok(BodyKind::Lines),
        _ => Err(not_json(&essence)),
    }
}

/// Refuses a body that is not JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    match body_kind(headers)? {
        BodyKind::Json => Ok(()),
        BodyKind::Lines => Err(not_json(NDJSON)),
    }
}

/// Refuses a body that is not lines.
pub(crate) fn require_lines(headers: &HeaderMap) -> Result<(), Problem> {
    if headers.contains_key(header::CONTENT_TYPE) && body_kind(headers)? == BodyKind::Lines {
        return Ok(());
    }
    let detail = format!("expected lines; send them with `Content-Type: {NDJSON}`");
    let item = ProblemItem::named(header::CONTENT_TYPE.as_str(), format!("expected {NDJSON}"), "");
    Err(Problem::new(codes::INVALID_HEADER, detail).with_item(item))
}

/// The body as a canonical document.
pub(crate) async fn document(body: RequestBody) -> Result<String, Problem> {
    let bytes = body.collect().await?;
    json::canonicalise_document(&bytes).map_err(|error| unusable(&error))
}

/// A body that cannot be stored.
pub(crate) fn unusable(error: &InvalidJson) -> Problem {
    let (code, detail) = match &error.kind {
        InvalidJsonKind::NotAnObject { found } => {
            (codes::NOT_AN_OBJECT, format!("{NOT_AN_OBJECT}, found {found}"))
        }
        _ => (codes::INVALID_JSON, format!("the body is not valid: {error}")),
    };
    let item = ProblemItem::at(pointer(&error.path), error.to_string());
    Problem::new(code, detail).with_item(item)
}

/// A body of another type than JSON: the wrong kind of value, whatever it holds.
fn not_json(media_type: &str) -> Problem {
    let shown: String = media_type.chars().take(100).collect();
    let detail = format!("{NOT_AN_OBJECT}; the body has the type {shown:?}, send application/json");
    Problem::new(codes::NOT_AN_OBJECT, detail).with_item(ProblemItem::named(
        header::CONTENT_TYPE.as_str(),
        "expected application/json or a type that ends in +json",
        shown,
    ))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn kind(value: &str) -> Option<BodyKind> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        body_kind(&headers).ok()
    }

    #[test]
    fn media_types_of_bodies() {
        assert_eq!(body_kind(&HeaderMap::new()).ok(), Some(BodyKind::Json));
        let json = [
            "application/json",
            "Application/JSON; charset=utf-8",
            "application/merge-patch+json",
            "application/vnd.api+json;v=1",
            "",
        ];
        for value in json {
            assert_eq!(kind(value), Some(BodyKind::Json), "{value}");
        }
        assert_eq!(kind("application/x-ndjson"), Some(BodyKind::Lines));
        let others = [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "text/json",
            "application/+json",
            "application/jsonx",
            "json",
            "\u{e9}",
        ];
        for value in others {
            assert_eq!(kind(value), None, "{value}");
        }
    }
}
