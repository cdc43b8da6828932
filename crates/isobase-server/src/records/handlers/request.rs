//! The parts that every record handler reads from its request.

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, header};
use isobase_http::{Problem, ProblemItem, RequestBody};
use isobase_store::{ErrorKind, Expansion, SCHEMAS_COLLECTION, View};
use isobase_types::{CollectionName, DocumentId, FieldPath};

use crate::{
    Call, codes,
    failure::{Failure, IntoProblem},
    request::NDJSON,
};

/// The collection in the path.
pub(super) fn collection(call: &Call) -> Result<CollectionName, Problem> {
    let name = call.parameter(0);
    let message = match CollectionName::new(name) {
        Ok(collection) if collection.as_str() != SCHEMAS_COLLECTION => return Ok(collection),
        Ok(_) => "the name is taken: the service keeps schemas there".to_owned(),
        Err(error) => error.to_string(),
    };
    Err(Problem::new(codes::INVALID_COLLECTION_NAME, message.clone())
        .with_item(ProblemItem::named("collection", message, name)))
}

/// The id in the path.
pub(super) fn id(call: &Call) -> Result<DocumentId, Problem> {
    let text = call.parameter(1);
    DocumentId::parse(text).map_err(|error| {
        Problem::new(codes::INVALID_ID, error.to_string()).with_item(ProblemItem::named(
            "id",
            error.to_string(),
            text,
        ))
    })
}

/// The references that `expand` names; one that is none is the parameter's fault.
pub(crate) async fn expansion(
    documents: &View,
    collection: &CollectionName,
    expand: &[FieldPath],
) -> Result<Expansion, Failure> {
    if expand.is_empty() {
        return Ok(Expansion::default());
    }
    // Rare, and large: every read has room for what it awaits.
    let made = Box::pin(documents.expansion(collection, expand)).await;
    made.map_err(|error| {
        let (is_fault, message) = (error.kind() == ErrorKind::InvalidArgument, error.to_string());
        let problem = error.into_problem();
        let paths: Vec<String> = expand.iter().map(ToString::to_string).collect();
        let item = ProblemItem::named("expand", message, paths.join(","));
        Failure::from(if is_fault { problem.with_item(item) } else { problem })
    })
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
    Err(Problem::new(codes::BODY_TOO_LARGE, detail).closing())
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
            return Err(Problem::new(codes::INVALID_HEADER, message).with_item(item));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

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
