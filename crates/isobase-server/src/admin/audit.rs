//! The audit: entries that features wrote with their changes.

use std::sync::Arc;

use http::{Response, StatusCode};
use isobase_http::{Body, Problem};
use isobase_types::{Document, DocumentId, Query, QueryLimits};
use serde::Serialize;

use super::State;
use crate::{
    Call,
    answer::splice,
    failure::Failure,
    request::{Parameters, refuse_parameters},
};

/// Entries of a page when nothing is said.
const PAGE_DEFAULT: u32 = 50;
/// Most entries of a page.
const PAGE_MAX: u32 = 1_000;

/// `GET /api/v1/audit`
pub(super) async fn list_audit(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let query = query(&call)?;
    state.index_audit().await?;
    let page = state.store.list(&state.audit, &query).await?;
    let mut out = b"{\"entries\":[".to_vec();
    for (index, entry) in page.documents.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(entry, &mut out);
    }
    out.push(b']');
    let next = page.next.as_ref().map(|position| position.cursor());
    splice(&mut out, &Rest { next });
    Ok(Body::json(StatusCode::OK, out))
}

/// The text behind the entries.
#[derive(Serialize)]
struct Rest<'a> {
    next: Option<&'a str>,
}

/// Newest first, unless another order is asked for.
fn query(call: &Call) -> Result<Query, Problem> {
    let limits = QueryLimits { page_size_max: PAGE_MAX, page_size_default: PAGE_DEFAULT };
    let (mut pairs, mut faults) = Parameters::parse(call.query()).into_rest();
    for (name, value) in [("sort", "-at".to_owned()), ("limit", PAGE_DEFAULT.to_string())] {
        if !pairs.iter().any(|(given, _)| given == name) {
            pairs.push((name.to_owned(), value));
        }
    }
    match Query::parse(&pairs, &limits) {
        Ok(query) if faults.is_empty() => Ok(query),
        Ok(_) => Err(refuse_parameters(faults)),
        Err(more) => {
            faults.extend(more);
            Err(refuse_parameters(faults))
        }
    }
}

/// An entry with its id in front.
fn write(entry: &Document, out: &mut Vec<u8>) {
    #[derive(Serialize)]
    #[serde(untagged)]
    enum Id<'a> {
        Integer(i64),
        Text(&'a str),
    }
    let id = match &entry.id {
        DocumentId::Integer(integer) => Id::Integer(*integer),
        DocumentId::Text(text) => Id::Text(text),
    };
    out.extend_from_slice(b"{\"id\":");
    serde_json::to_writer(&mut *out, &id).expect("an id is a number or a text");
    let members = entry.body.strip_prefix('{').unwrap_or(&entry.body);
    if members != "}" {
        out.push(b',');
    }
    out.extend_from_slice(members.as_bytes());
}
