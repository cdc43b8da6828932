//! Reports of requests, which other services send.

use isobase_http::{Answer, Content, Operation};
use isobase_requests::Ingested;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use super::described::{BODY, operation, takes};
use crate::codes;

/// An entry that is there.
#[derive(Serialize, JsonSchema)]
pub(in crate::requests) struct Logged {
    /// Its number; null for a repeat of one that is gone.
    id: Option<i64>,
    /// It was reported before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

impl Logged {
    pub(in crate::requests) fn of(ingested: Ingested) -> Self {
        match ingested {
            Ingested::Created(id) => Self { id: Some(id), duplicate: false },
            Ingested::Duplicate(id) => Self { id, duplicate: true },
        }
    }
}

/// The results of a batch of reports.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LoggedBatch")]
pub(in crate::requests) struct BatchAnswer {
    created: usize,
    duplicates: usize,
    refused: usize,
    /// One for each report, in their order.
    results: Vec<BatchResult>,
}

/// The result of a report.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LoggedBatchResult")]
pub(in crate::requests) struct BatchResult {
    #[schemars(extend("enum" = ["created", "duplicate", "refused"]))]
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl BatchResult {
    pub(in crate::requests) fn of(ingested: Ingested) -> Self {
        let (status, id) = match ingested {
            Ingested::Created(id) => ("created", Some(id)),
            Ingested::Duplicate(id) => ("duplicate", id),
        };
        Self { status: status.to_owned(), id, error: None }
    }

    pub(in crate::requests) fn refused(error: String) -> Self {
        Self { status: "refused".to_owned(), id: None, error: Some(error) }
    }
}

impl BatchAnswer {
    pub(in crate::requests) fn of(results: Vec<BatchResult>) -> Self {
        let count = |status: &str| results.iter().filter(|it| it.status == status).count();
        let (created, duplicates, refused) =
            (count("created"), count("duplicate"), count("refused"));
        Self { created, duplicates, refused, results }
    }
}

/// A text without its secrets.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RedactionPreview")]
pub(in crate::requests) struct Preview {
    pub(in crate::requests) text: String,
    /// How many there were.
    pub(in crate::requests) redacted: u32,
}

fn report() -> Value {
    json!({
        "service": { "type": "string", "minLength": 1, "maxLength": 100 },
        "endpoint": { "type": "string" },
        "method": { "type": "string", "minLength": 1, "maxLength": 20 },
        "request_id": {
            "type": ["string", "null"],
            "description": "Unique in the service: a repeat with it changes nothing.",
        },
        "timestamp": { "type": ["string", "null"], "description": "Default: now." },
        "user_identifier": { "type": ["string", "null"] },
        "request_body": { "description": "Text; other JSON is stored as its text." },
        "response_body": {},
        "request_headers": {
            "type": ["object", "null"],
            "description": "By their names; values of those that could be secrets are not stored.",
        },
        "response_headers": { "type": ["object", "null"] },
        "status_code": { "type": ["integer", "null"], "minimum": 0, "maximum": 999 },
        "duration_ms": { "type": ["number", "null"], "minimum": 0 },
        "correlation_id": { "type": ["string", "null"] },
        "error": { "type": ["string", "null"] },
        "key_id": {
            "type": ["string", "null"],
            "description": "The id of the key that was shown; never the key.",
        },
        "model": { "type": ["string", "null"] },
        "input_tokens": { "type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000_000 },
        "output_tokens": { "type": ["integer", "null"], "minimum": 0, "maximum": 1_000_000_000 },
        "cost": {
            "type": ["number", "null"],
            "minimum": 0,
            "description": "In one currency for all services.",
        },
        "first_token_ms": { "type": ["number", "null"], "minimum": 0 },
        "dropped": {
            "type": ["integer", "null"],
            "minimum": 1,
            "description": "It is no request but stands for so many reports that were dropped.",
        },
    })
}

fn example() -> Value {
    json!({
        "service": "llm",
        "endpoint": "/v1/chat",
        "method": "POST",
        "request_id": "r-1",
        "status_code": 200,
        "duration_ms": 812,
        "request_body": "{\"prompt\":\"…\",\"api_key\":\"sk-…\"}",
    })
}

const REPORT: [&str; 3] = ["service", "endpoint", "method"];

pub(in crate::requests) fn log_request() -> Operation {
    let logged = Logged { id: Some(7), duplicate: false };
    operation("log_request", "Log a request")
        .description(
            "Takes secrets out of bodies, endpoint and error, cuts bodies at 2,000 characters, and \
             stores the entry. With a `request_id` a repeat changes nothing and is told its number.",
        )
        .takes(takes(&REPORT, report(), example()))
        .answers(Answer::new(200, "It is there.").content(Content::like(&logged)))
        .problems(BODY)
}

pub(in crate::requests) fn log_requests() -> Operation {
    let reports = json!({
        "requests": {
            "type": "array",
            "maxItems": 1000,
            "items": { "type": "object", "required": REPORT, "properties": report() },
        },
    });
    let answer = BatchAnswer::of(vec![
        BatchResult::of(Ingested::Created(7)),
        BatchResult::refused("service: expected it, it is missing".to_owned()),
    ]);
    operation("log_requests", "Log many requests")
        .description(
            "At most 1,000 reports. One that is refused stops no other; `results` tells of each, in \
             their order. After an outage send all of them again: those with a `request_id` are \
             there once.",
        )
        .takes(takes(&["requests"], reports, json!({ "requests": [example()] })))
        .answers(Answer::new(200, "What became of each.").content(Content::like(&answer)))
        .problems(BODY)
        .problems([codes::LIMIT_EXCEEDED])
}

pub(in crate::requests) fn preview_redaction() -> Operation {
    let body =
        takes(&["text"], json!({ "text": {} }), json!({ "text": "{\"password\":\"hunter2\"}" }));
    let preview = Preview { text: "{\"password\":\"[redacted]\"}".to_owned(), redacted: 1 };
    operation("preview_redaction", "Try the redaction")
        .description("What would be stored of a text. Nothing is stored.")
        .takes(body)
        .answers(Answer::new(200, "The text.").content(Content::like(&preview)))
        .problems(BODY)
}
