//! What every record handler reads from its request.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use isobase_store::SCHEMAS_COLLECTION;
use isobase_types::{CollectionName, DocumentId, json};

use super::{parameters::Parameters, problems};
use crate::{Call, Problem, ProblemCode, ProblemItem, RequestBody};

/// The media type of newline-delimited JSON.
pub(super) const NDJSON: &str = "application/x-ndjson";

/// The collection in the path.
pub(super) fn collection(call: &Call) -> Result<CollectionName, Problem> {
    let name = call.parameter(0);
    let message = match CollectionName::new(name) {
        Ok(collection) if collection.as_str() != SCHEMAS_COLLECTION => return Ok(collection),
        Ok(_) => "the name is taken: the service keeps schemas there".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Problem::new(ProblemCode::InvalidCollectionName, message.clone())
        .with_item(ProblemItem::named("collection", message, name)))
}

/// The id in the path.
pub(super) fn id(call: &Call) -> Result<DocumentId, Problem> {
    let text = call.parameter(1);
    DocumentId::parse(text).map_err(|error| {
        Problem::new(ProblemCode::InvalidId, error.to_string()).with_item(ProblemItem::named(
            "id",
            error.to_string(),
            text,
        ))
    })
}

/// Refuses every query parameter.
pub(crate) fn no_parameters(call: &Call) -> Result<(), Problem> {
    Parameters::parse(call.query()).finish()
}

/// What a body is, by its `Content-Type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyKind {
    /// JSON, or not said.
    Json,
    /// Newline-delimited JSON.
    Lines,
}

/// Reads `Content-Type`. A body without one is taken as JSON: many small clients send none.
pub(super) fn body_kind(headers: &HeaderMap) -> Result<BodyKind, Problem> {
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
        _ => Err(problems::not_json(&essence)),
    }
}

/// Refuses a body that is not JSON.
pub(crate) fn require_json(headers: &HeaderMap) -> Result<(), Problem> {
    match body_kind(headers)? {
        BodyKind::Json => Ok(()),
        BodyKind::Lines => Err(problems::not_json(NDJSON)),
    }
}

/// The body, and an empty one in its place: the rest of the request is still needed.
pub(crate) fn take_body(call: &mut Call) -> RequestBody {
    std::mem::replace(&mut call.body, RequestBody::whole(Bytes::new()))
}

/// The body as a canonical document.
pub(crate) async fn document(body: RequestBody) -> Result<String, Problem> {
    let bytes = body.collect().await?;
    json::canonicalise_document(&bytes).map_err(|error| problems::body(&error))
}

/// Whether the caller prefers lines to an array.
pub(super) fn accepts_lines(headers: &HeaderMap) -> bool {
    let ranges = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    ranges.flat_map(|value| value.split(',')).any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(NDJSON));
        // `q=0` means "not this"; any other weight is a wish, and the only one we know of.
        named && !parts.any(|part| matches!(part, "q=0" | "q=0." | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// A whole body of lines, within the bound of an ordinary body: it becomes one batch.
pub(super) async fn collect_bounded(
    mut body: RequestBody,
    bytes_max: u64,
) -> Result<Bytes, Problem> {
    let Some(first) = body.next_piece().await? else { return Ok(Bytes::new()) };
    refuse_large(first.len(), bytes_max)?;
    let Some(second) = body.next_piece().await? else { return Ok(first) };
    let mut whole = BytesMut::from(first);
    let mut piece = Some(second);
    while let Some(bytes) = piece {
        refuse_large(whole.len() + bytes.len(), bytes_max)?;
        whole.extend_from_slice(&bytes);
        piece = body.next_piece().await?;
    }
    Ok(whole.freeze())
}

fn refuse_large(bytes: usize, bytes_max: u64) -> Result<(), Problem> {
    if bytes as u64 <= bytes_max {
        return Ok(());
    }
    let detail = format!("the request body is larger than {bytes_max} bytes");
    Err(Problem::new(ProblemCode::BodyTooLarge, detail).closing())
}

/// Refuses conditions where there is nothing to compare them with: they would be ignored.
pub(super) fn refuse_conditions(call: &Call, message: &str) -> Result<(), Problem> {
    for name in [header::IF_MATCH, header::IF_NONE_MATCH] {
        if call.headers.contains_key(&name) {
            let item = ProblemItem {
                name: Some(name.to_string()),
                message: message.to_owned(),
                ..ProblemItem::default()
            };
            return Err(Problem::new(ProblemCode::InvalidHeader, message).with_item(item));
        }
    }
    Ok(())
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

    #[test]
    fn lines_are_sent_on_request() {
        let accepts = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT, HeaderValue::from_static(value));
            accepts_lines(&headers)
        };
        assert!(accepts("application/x-ndjson"));
        assert!(accepts("application/json;q=0.5, Application/X-NDJSON;q=0.9"));
        for value in ["*/*", "application/json", "application/x-ndjson;q=0", "application/*"] {
            assert!(!accepts(value), "{value}");
        }
    }
}
