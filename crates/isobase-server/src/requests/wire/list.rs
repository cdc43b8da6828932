//! Entries of the log: pages of it, one entry, and exports.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use isobase_requests::{Entry, Headers, RequestPage};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::described::{hide, maybe, maybe_number, operation};
use crate::{codes, csv};

/// An entry of the log.
#[derive(Serialize, JsonSchema)]
pub(in crate::requests) struct LoggedRequest {
    id: i64,
    /// ISO 8601 with microseconds in UTC, without saying so.
    timestamp: String,
    service: String,
    endpoint: String,
    method: String,
    user_identifier: Option<String>,
    request_body: Option<String>,
    response_body: Option<String>,
    /// Names in small letters; values that could be secrets read `[redacted]`. Null: none were reported.
    request_headers: Option<Headers>,
    response_headers: Option<Headers>,
    status_code: Option<u16>,
    duration_ms: Option<Value>,
    request_id: Option<String>,
    correlation_id: Option<String>,
    error: Option<String>,
    /// The id of the key that was shown.
    key_id: Option<String>,
    /// Which model answered.
    model: Option<String>,
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    /// In the currency of the service that reported it.
    cost: Option<Value>,
    /// How long the first piece of the model's answer took.
    first_token_ms: Option<Value>,
    /// It is no request but stands for so many reports that the service had no room for.
    dropped: Option<u32>,
    /// How many secrets were taken out.
    redacted: u32,
    /// A text was cut.
    truncated: bool,
}

/// The columns of an export.
pub(in crate::requests) const COLUMNS: [&str; 24] = [
    "id",
    "timestamp",
    "service",
    "method",
    "endpoint",
    "user_identifier",
    "status_code",
    "duration_ms",
    "request_id",
    "correlation_id",
    "error",
    "redacted",
    "truncated",
    "request_body",
    "response_body",
    "key_id",
    "model",
    "input_tokens",
    "output_tokens",
    "cost",
    "first_token_ms",
    "dropped",
    "request_headers",
    "response_headers",
];

impl LoggedRequest {
    pub(in crate::requests) fn of(entry: Entry) -> Self {
        Self {
            id: entry.id,
            timestamp: entry.at.trim_end_matches('Z').to_owned(),
            service: entry.service,
            endpoint: entry.endpoint,
            method: entry.method,
            user_identifier: entry.user_identifier,
            request_body: entry.request_body,
            response_body: entry.response_body,
            request_headers: (!entry.request_headers.is_empty()).then_some(entry.request_headers),
            response_headers: (!entry.response_headers.is_empty())
                .then_some(entry.response_headers),
            status_code: entry.status_code,
            duration_ms: entry.duration_ms.map(number),
            request_id: entry.request_id,
            correlation_id: entry.correlation_id,
            error: entry.error,
            key_id: entry.key_id,
            model: entry.usage.model,
            input_tokens: entry.usage.input_tokens,
            output_tokens: entry.usage.output_tokens,
            cost: entry.usage.cost.map(number),
            first_token_ms: entry.usage.first_token_ms.map(number),
            dropped: entry.dropped,
            redacted: entry.redacted,
            truncated: entry.truncated,
        }
    }

    /// Its row of an export.
    pub(in crate::requests) fn write_csv(&self, out: &mut Vec<u8>) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let shown =
            |number: &Option<Value>| number.as_ref().map(Value::to_string).unwrap_or_default();
        let headers = |headers: &Option<Headers>| {
            headers.as_ref().map(|headers| json!(headers).to_string()).unwrap_or_default()
        };
        let tokens = |tokens: Option<u64>| tokens.map(|it| it.to_string()).unwrap_or_default();
        let cells = [
            self.id.to_string(),
            self.timestamp.clone(),
            self.service.clone(),
            self.method.clone(),
            self.endpoint.clone(),
            text(&self.user_identifier),
            self.status_code.map(|it| it.to_string()).unwrap_or_default(),
            shown(&self.duration_ms),
            text(&self.request_id),
            text(&self.correlation_id),
            text(&self.error),
            self.redacted.to_string(),
            self.truncated.to_string(),
            text(&self.request_body),
            text(&self.response_body),
            text(&self.key_id),
            text(&self.model),
            tokens(self.input_tokens),
            tokens(self.output_tokens),
            shown(&self.cost),
            shown(&self.first_token_ms),
            tokens(self.dropped.map(u64::from)),
            headers(&self.request_headers),
            headers(&self.response_headers),
        ];
        csv::write_row(cells.iter().map(String::as_str), out);
    }
}

/// A whole number without a fraction, as it was sent.
fn number(ms: f64) -> Value {
    match ms.fract() == 0.0 && ms < 9_007_199_254_740_992.0 {
        true => json!(ms as u64),
        false => json!(ms),
    }
}

/// A page of the log, the newest first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LoggedRequests")]
pub(in crate::requests) struct Page {
    requests: Vec<LoggedRequest>,
    count: usize,
    /// All that are chosen, counted up to 10,000; null for a search by text.
    total: Option<u64>,
    /// There may be more than `total`; false where that is null.
    total_capped: bool,
    next_cursor: Option<String>,
    /// Of a search that ended at its budget: back to which moment it has come. `next_cursor` goes
    /// on there.
    searched_to: Option<String>,
}

impl Page {
    pub(in crate::requests) fn of(page: RequestPage) -> Self {
        Self {
            count: page.entries.len(),
            requests: page.entries.into_iter().map(LoggedRequest::of).collect(),
            total: page.total.map(|total| total.entries),
            total_capped: page.total.is_some_and(|total| total.capped),
            next_cursor: page.cursor,
            searched_to: page.searched_to,
        }
    }
}

pub(super) fn entry() -> LoggedRequest {
    LoggedRequest::of(Entry {
        id: 7,
        at: "2026-11-30T12:00:00.000000Z".to_owned(),
        service: "llm".to_owned(),
        endpoint: "/v1/chat".to_owned(),
        method: "POST".to_owned(),
        status_code: Some(200),
        duration_ms: Some(812.0),
        redacted: 1,
        ..Entry::default()
    })
}

pub(super) fn choosing(operation: Operation) -> Operation {
    operation.parameters([
        maybe("service", "Of this service."),
        maybe("endpoint", "Of this endpoint."),
        maybe("method", "With this method."),
        maybe("user", "By this user."),
        maybe("correlation_id", "With this correlation id."),
        maybe("key_id", "With the key of this id."),
        maybe("model", "Answered by this model."),
        maybe("has_error", "With an error, or without one.").schema(json!({ "type": "boolean" })),
        maybe_number("status", "With this status.", 999),
        maybe("class", "With a status of this class: `2xx`, `4xx`, …"),
        hide(),
        maybe("from", "At this date or moment, or after it."),
        maybe("to", "Before this date or moment."),
        maybe_number("min_ms", "That took at least so long.", u32::MAX.into()),
        maybe_number("max_ms", "That took at most so long.", u32::MAX.into()),
        maybe("q", "With this text in endpoint, user, bodies, error or ids, whatever the case."),
    ])
}

pub(in crate::requests) fn list_requests() -> Operation {
    let page = Page {
        requests: vec![entry()],
        count: 1,
        total: Some(1),
        total_capped: false,
        next_cursor: None,
        searched_to: None,
    };
    choosing(operation("list_requests", "List the log"))
        .description(
            "The newest first. A search by text looks for half a second; then `searched_to` says \
             how far it has come, and `next_cursor` goes on there. A page of a search may have some \
             entries more than `limit`.",
        )
        .parameters([
            maybe("limit", "Entries of a page. Default 50.")
                .schema(json!({ "type": "integer", "minimum": 1, "maximum": 200 })),
            maybe_number("offset", "Leaves so many out, for older clients.", 10_000),
            maybe("cursor", "`next_cursor` of the page before."),
        ])
        .answers(Answer::new(200, "The page.").content(Content::like(&page)))
        .problems([codes::INVALID_ARGUMENT, codes::FOREIGN_PLACE])
}

pub(in crate::requests) fn get_request() -> Operation {
    let id = Parameter::new(Location::Path, "id", "The number of the entry.")
        .schema(json!({ "type": "integer", "minimum": 0 }))
        .example(7);
    operation("get_request", "Read an entry of the log")
        .description("One entry, with its bodies.")
        .parameters([id])
        .answers(Answer::new(200, "The entry.").content(Content::like(&entry())))
        .problems([codes::REQUEST_NOT_FOUND, codes::INVALID_ID])
}

pub(in crate::requests) fn export_csv() -> Operation {
    choosing(operation("export_requests_csv", "Export the log as CSV"))
        .description(
            "Every entry that is chosen, the newest first, streamed. Cells that a spreadsheet would \
             take for formulas begin with an apostrophe.",
        )
        .answers(Answer::new(200, "The rows.").content(Content::text("text/csv")))
}

pub(in crate::requests) fn export_lines() -> Operation {
    choosing(operation("export_requests_ndjson", "Export the log as lines of JSON"))
        .description("Every entry that is chosen, the newest first, streamed.")
        .answers(Answer::new(200, "The lines.").content(Content::text("application/x-ndjson")))
}
