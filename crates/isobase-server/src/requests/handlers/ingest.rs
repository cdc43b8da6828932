//! Reports of other services.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem};
use isobase_licences::parse_moment;
use isobase_requests::{Headers, Ingested, ModelUsage, NewRequest, redact};
use serde_json::Value;

use crate::{
    Call,
    answer::json,
    codes,
    failure::Failure,
    request::{Members, no_parameters},
    requests::{
        State,
        wire::{BatchAnswer, BatchResult, Logged, Preview},
    },
};

/// Most reports of one request.
const REPORTS_MAX: usize = 1_000;

/// `POST /api/v1/db/requests`
pub(crate) async fn log_request(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let report = report(&mut members);
    members.finish()?;
    let ingested = state.requests.ingest(&[report]).await?;
    let missing = || Problem::internal("one report did not have one outcome");
    Ok(json(&Logged::of(*ingested.first().ok_or_else(missing)?)))
}

/// `POST /api/v1/db/requests/batch`
pub(crate) async fn log_requests(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let Some(items) = members.array("requests") else {
        members.fault::<()>("requests", "expected an array of reports");
        members.finish()?;
        return Ok(json(&BatchAnswer::of(Vec::new())));
    };
    members.finish()?;
    if items.len() > REPORTS_MAX {
        let (count, max) = (items.len(), REPORTS_MAX);
        let detail = format!("the body has {count} reports, at most {max} are allowed; divide it");
        return Err(Problem::new(codes::LIMIT_EXCEEDED, detail).into());
    }
    let read: Vec<_> = items.into_iter().map(|item| read_one(&state, item)).collect();
    let good: Vec<NewRequest> = read.iter().filter_map(|it| it.as_ref().ok().cloned()).collect();
    let mut ingested = match good.is_empty() {
        true => Vec::new(),
        false => state.requests.ingest(&good).await?,
    }
    .into_iter();
    let results = read.into_iter().map(|it| match it {
        Ok(_) => BatchResult::of(ingested.next().unwrap_or(Ingested::Duplicate(None))),
        Err(fault) => BatchResult::refused(fault),
    });
    Ok(json(&BatchAnswer::of(results.collect())))
}

/// One report of a batch, or what is wrong with it: it must not stop the others.
fn read_one(state: &State, item: Value) -> Result<NewRequest, String> {
    let Value::Object(members) = item else { return Err("expected an object".to_owned()) };
    let mut members = Members::of(members);
    let report = report(&mut members);
    match members.into_fault() {
        Some(fault) => Err(fault),
        None => state.requests.check(&report).map(|()| report).map_err(|error| error.to_string()),
    }
}

/// `POST /api/v1/db/requests/redaction/preview`
pub(crate) async fn preview_redaction(
    _: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    no_parameters(&call)?;
    let mut members = Members::read(&mut call).await?;
    let text = body(&mut members, "text").unwrap_or_default();
    members.finish()?;
    let (text, redacted) = redact(&text);
    Ok(json(&Preview { text, redacted }))
}

fn report(members: &mut Members) -> NewRequest {
    let at = members.optional_text("timestamp").and_then(|text| match parse_moment(&text) {
        Ok(moment) => Some(moment),
        Err(error) => members.fault("timestamp", &error.to_string()),
    });
    NewRequest {
        service: members.text("service"),
        endpoint: members.text("endpoint"),
        method: members.text("method"),
        request_id: members.optional_text("request_id").filter(|id| !id.is_empty()),
        at,
        user_identifier: members.optional_text("user_identifier"),
        request_body: body(members, "request_body"),
        response_body: body(members, "response_body"),
        request_headers: headers(members, "request_headers"),
        response_headers: headers(members, "response_headers"),
        status_code: members.integer("status_code", 0..=999),
        duration_ms: number(members, "duration_ms"),
        correlation_id: members.optional_text("correlation_id"),
        error: members.optional_text("error"),
        key_id: name(members, "key_id"),
        usage: ModelUsage {
            model: name(members, "model"),
            input_tokens: members.integer("input_tokens", 0..=1_000_000_000),
            output_tokens: members.integer("output_tokens", 0..=1_000_000_000),
            cost: number(members, "cost"),
            first_token_ms: number(members, "first_token_ms"),
        },
        dropped: members.integer("dropped", 1..=u32::MAX),
    }
}

fn name(members: &mut Members, name: &str) -> Option<String> {
    members.optional_text(name).filter(|text| !text.is_empty())
}

/// A number; one in quotes counts too.
fn number(members: &mut Members, name: &str) -> Option<f64> {
    match members.any(name) {
        None | Some(Value::Null) => None,
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) if text.parse::<f64>().is_ok() => text.parse().ok(),
        Some(_) => members.fault(name, "expected a number"),
    }
}

/// Headers by their names; one that came several times has its values in an array.
fn headers(members: &mut Members, name: &str) -> Headers {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    match members.any(name) {
        None | Some(Value::Null) => Headers::new(),
        Some(Value::Object(headers)) => headers
            .iter()
            .map(|(name, value)| match value {
                Value::Array(values) => {
                    (name.clone(), values.iter().map(text).collect::<Vec<_>>().join(", "))
                }
                value => (name.clone(), text(value)),
            })
            .collect(),
        Some(_) => members.fault(name, "expected an object of headers by their names"),
    }
}

/// A body: text, or JSON that was not put into one.
fn body(members: &mut Members, name: &str) -> Option<String> {
    match members.any(name)? {
        Value::Null => None,
        Value::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}
