//! The request log on the wire, and how its routes are described.

mod facets;

use std::collections::BTreeMap;

use isobase_http::{Answer, Content, Location, Operation, Parameter, Shape};
use isobase_requests::{self as library, Bucket, Entry, Ingested, Item, RequestPage};
use isobase_types::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

use crate::{codes, csv};

pub(super) use facets::{FacetsAnswer, get_request_facets};

/// An entry that is there.
#[derive(Serialize, JsonSchema)]
pub(super) struct Logged {
    /// Its number; null for a repeat of one that is gone.
    id: Option<i64>,
    /// It was reported before.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    duplicate: bool,
}

impl Logged {
    pub(super) fn of(ingested: Ingested) -> Self {
        match ingested {
            Ingested::Created(id) => Self { id: Some(id), duplicate: false },
            Ingested::Duplicate(id) => Self { id, duplicate: true },
        }
    }
}

/// What became of the reports of a batch.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LoggedBatch")]
pub(super) struct BatchAnswer {
    created: usize,
    duplicates: usize,
    refused: usize,
    /// One for each report, in their order.
    results: Vec<BatchResult>,
}

/// What became of a report.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "LoggedBatchResult")]
pub(super) struct BatchResult {
    #[schemars(extend("enum" = ["created", "duplicate", "refused"]))]
    status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl BatchResult {
    pub(super) fn of(ingested: Ingested) -> Self {
        let (status, id) = match ingested {
            Ingested::Created(id) => ("created", Some(id)),
            Ingested::Duplicate(id) => ("duplicate", id),
        };
        Self { status: status.to_owned(), id, error: None }
    }

    pub(super) fn refused(error: String) -> Self {
        Self { status: "refused".to_owned(), id: None, error: Some(error) }
    }
}

impl BatchAnswer {
    pub(super) fn of(results: Vec<BatchResult>) -> Self {
        let count = |status: &str| results.iter().filter(|it| it.status == status).count();
        let (created, duplicates, refused) =
            (count("created"), count("duplicate"), count("refused"));
        Self { created, duplicates, refused, results }
    }
}

/// A text without its secrets.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RedactionPreview")]
pub(super) struct Preview {
    pub(super) text: String,
    /// How many there were.
    pub(super) redacted: u32,
}

/// An entry of the log.
#[derive(Serialize, JsonSchema)]
pub(super) struct LoggedRequest {
    id: i64,
    /// ISO 8601 with microseconds in UTC, without saying so.
    timestamp: String,
    service: String,
    endpoint: String,
    method: String,
    user_identifier: Option<String>,
    request_body: Option<String>,
    response_body: Option<String>,
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
    /// In the currency of whoever reported it.
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
pub(super) const COLUMNS: [&str; 22] = [
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
];

impl LoggedRequest {
    pub(super) fn of(entry: Entry) -> Self {
        Self {
            id: entry.id,
            timestamp: entry.at.trim_end_matches('Z').to_owned(),
            service: entry.service,
            endpoint: entry.endpoint,
            method: entry.method,
            user_identifier: entry.user_identifier,
            request_body: entry.request_body,
            response_body: entry.response_body,
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
    pub(super) fn write_csv(&self, out: &mut Vec<u8>) {
        let text = |text: &Option<String>| text.clone().unwrap_or_default();
        let shown =
            |number: &Option<Value>| number.as_ref().map(Value::to_string).unwrap_or_default();
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
pub(super) struct Page {
    requests: Vec<LoggedRequest>,
    count: usize,
    /// All that are chosen, counted up to 10,000; null for a search by text.
    total: Option<u64>,
    /// There may be more than `total`.
    total_capped: bool,
    next_cursor: Option<String>,
    /// Of a search that ended at its budget: back to which moment it has come. `next_cursor` goes
    /// on there.
    searched_to: Option<String>,
}

impl Page {
    pub(super) fn of(page: RequestPage) -> Self {
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

/// Entries that whoever watches the log is not told of.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "MissedRequests")]
pub(super) struct Left {
    /// `too_slow`, `too_far` or `past_gone`.
    pub(super) reason: String,
    /// How many of those it asked for; null where they were not counted.
    pub(super) missed: Option<u64>,
    pub(super) first_id: i64,
    pub(super) last_id: i64,
    /// When the first of them was, where they were counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) from: Option<String>,
    /// When the last of them was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) to: Option<String>,
}

/// What happened over time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RequestStats")]
pub(super) struct Stats {
    from: String,
    to: String,
    /// Length of a bucket.
    step_seconds: i64,
    /// All of them together.
    whole: StatsBucket,
    /// Those in which something happened.
    buckets: Vec<StatsBucket>,
}

/// What happened in one bucket.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "RequestStatsBucket")]
pub(super) struct StatsBucket {
    /// When it begins.
    start: String,
    count: u64,
    /// Requests by class of status: `2xx`, …, `none`.
    classes: BTreeMap<String, u64>,
    mean_ms: Option<f64>,
    /// Half of the requests took at most so long; at most a fifth too much.
    p50_ms: Option<f64>,
    p95_ms: Option<f64>,
    p99_ms: Option<f64>,
    /// Tokens that models read.
    input_tokens: u64,
    /// Tokens that models wrote.
    output_tokens: u64,
    /// What that cost, in the currency of whoever reported it.
    cost: f64,
    /// Reports that services had no room for.
    dropped: u64,
}

impl Stats {
    pub(super) fn of(
        buckets: &[Bucket],
        (from, to): (Timestamp, Timestamp),
        step_seconds: i64,
    ) -> Self {
        let mut whole = Bucket::beginning(from.unix_us.div_euclid(1_000_000));
        buckets.iter().for_each(|bucket| whole.merge(bucket));
        Self {
            from: from.to_string(),
            to: to.to_string(),
            step_seconds,
            whole: StatsBucket::of(&whole),
            buckets: buckets.iter().map(StatsBucket::of).collect(),
        }
    }
}

impl StatsBucket {
    fn of(bucket: &Bucket) -> Self {
        let rounded = |ms: f64| (ms * 100.0).round() / 100.0;
        Self {
            start: Timestamp { unix_us: bucket.at * 1_000_000 }.to_string(),
            count: bucket.count,
            classes: bucket.by_class.clone(),
            mean_ms: (bucket.count > 0).then(|| rounded(bucket.sum_ms / bucket.count as f64)),
            p50_ms: bucket.quantile(0.5).map(rounded),
            p95_ms: bucket.quantile(0.95).map(rounded),
            p99_ms: bucket.quantile(0.99).map(rounded),
            input_tokens: bucket.input_tokens,
            output_tokens: bucket.output_tokens,
            // Sums of decimal fractions end in dust.
            cost: (bucket.cost * 1e9).round() / 1e9,
            dropped: bucket.dropped,
        }
    }
}

/// Work that was taken, or that is there.
#[derive(Serialize, JsonSchema)]
pub(super) struct CreatedItem {
    id: i64,
    correlation_id: String,
    status: String,
    output_json: Option<String>,
    /// It was not there before.
    created: bool,
}

impl CreatedItem {
    pub(super) fn of(item: Item, created: bool) -> Self {
        let Item { id, correlation_id, status, output_json, .. } = item;
        Self { id, correlation_id, status, output_json, created }
    }
}

/// Whether the work is there.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "UpdatedItem")]
pub(super) struct Updated {
    pub(super) ok: bool,
}

/// The work of an input.
#[derive(Serialize, JsonSchema)]
pub(super) struct FoundItem {
    id: i64,
    correlation_id: String,
    status: String,
    output_json: Option<String>,
}

impl FoundItem {
    pub(super) fn of(item: Item) -> Self {
        let Item { id, correlation_id, status, output_json, .. } = item;
        Self { id, correlation_id, status, output_json }
    }
}

/// Work with everything that is known of it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Item")]
pub(super) struct WholeItem {
    id: i64,
    correlation_id: String,
    created_at: String,
    updated_at: String,
    license_key: Option<String>,
    installation_id: Option<String>,
    input_json: Option<String>,
    output_json: Option<String>,
    input_hash: Option<String>,
    status: String,
    error_message: Option<String>,
    http_status_code: Option<i64>,
    duration_ms: Option<f64>,
}

impl WholeItem {
    fn of(item: Item) -> Self {
        let zoneless = |text: &str| text.trim_end_matches('Z').to_owned();
        Self {
            id: item.id,
            created_at: zoneless(&item.created_at),
            updated_at: zoneless(&item.updated_at),
            correlation_id: item.correlation_id,
            license_key: item.license_key,
            installation_id: item.installation_id,
            input_json: item.input_json,
            output_json: item.output_json,
            input_hash: item.input_hash,
            status: item.status,
            error_message: item.error_message,
            http_status_code: item.http_status_code,
            duration_ms: item.duration_ms,
        }
    }
}

/// A page of work, the newest first.
#[derive(Serialize, JsonSchema)]
pub(super) struct ItemPage {
    items: Vec<WholeItem>,
    count: usize,
    total: usize,
}

impl ItemPage {
    pub(super) fn of(page: library::ItemPage) -> Self {
        let total = page.total;
        let items: Vec<_> = page.items.into_iter().map(WholeItem::of).collect();
        Self { count: items.len(), items, total }
    }
}

fn operation(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "requests", summary)
}

/// A body that is read member by member.
fn takes(required: &[&str], properties: Value, example: Value) -> Content {
    let shape = json!({ "type": "object", "required": required, "properties": properties });
    Content::shaped(Shape::Written(shape)).example(example)
}

fn maybe(name: &'static str, description: &'static str) -> Parameter {
    Parameter::new(Location::Query, name, description)
}

fn maybe_number(name: &'static str, description: &'static str, max: i64) -> Parameter {
    maybe(name, description).schema(json!({ "type": "integer", "minimum": 0, "maximum": max }))
}

const BODY: [isobase_http::ProblemCode; 3] =
    [codes::INVALID_BODY, codes::INVALID_JSON, codes::NOT_AN_OBJECT];

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

pub(super) fn log_request() -> Operation {
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

pub(super) fn log_requests() -> Operation {
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

pub(super) fn preview_redaction() -> Operation {
    let body =
        takes(&["text"], json!({ "text": {} }), json!({ "text": "{\"password\":\"hunter2\"}" }));
    let preview = Preview { text: "{\"password\":\"[redacted]\"}".to_owned(), redacted: 1 };
    operation("preview_redaction", "Try the redaction")
        .description("What would be stored of a text. Nothing is stored.")
        .takes(body)
        .answers(Answer::new(200, "The text.").content(Content::like(&preview)))
        .problems(BODY)
}

fn entry() -> LoggedRequest {
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

fn choosing(operation: Operation) -> Operation {
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
        maybe("from", "At this date or moment, or after it."),
        maybe("to", "Before this date or moment."),
        maybe_number("min_ms", "That took at least so long.", u32::MAX.into()),
        maybe_number("max_ms", "That took at most so long.", u32::MAX.into()),
        maybe("q", "With this text in endpoint, user, bodies, error or ids, whatever the case."),
    ])
}

pub(super) fn list_requests() -> Operation {
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

pub(super) fn stream_requests() -> Operation {
    let data = |value: serde_json::Result<Value>| value.unwrap_or_default().to_string();
    let missed = Left {
        reason: "too_slow".to_owned(),
        missed: Some(37),
        first_id: 8,
        last_id: 44,
        from: Some("2026-11-30T12:00:01.000000Z".to_owned()),
        to: Some("2026-11-30T12:00:02.000000Z".to_owned()),
    };
    let example = format!(
        "event: connected\ndata: {{}}\nid: 6\n\nevent: request\ndata: {}\nid: 7\n\n\
         event: gap\ndata: {}\nid: 44\n\n",
        data(serde_json::to_value(entry())),
        data(serde_json::to_value(missed))
    );
    choosing(operation("stream_requests", "Watch the log"))
        .description(
            "A stream of server-sent events: `connected`, then `request` with each new entry that \
             the filters choose, whichever process over the same database logged it, within about \
             a second; `ping` after 30 s without another. Whoever takes them too slowly is told by \
             `gap` how many were left out, and from when to when they were: the list has them. Every \
             event has the number of an entry as its id; a client that comes back with it as \
             `Last-Event-ID` is told up to 10,000 entries that it missed. The stream ends within \
             seconds when the right to read the log is taken away, and when the service stops.",
        )
        .parameters([
            maybe("since", "Begin after the entry with this number. `Last-Event-ID` comes before it."),
            Parameter::new(
                Location::Header,
                "Last-Event-ID",
                "The id of the last event that was seen; browsers send it by themselves.",
            ),
        ])
        .answers(
            Answer::new(200, "The stream.")
                .content(Content::text("text/event-stream").example(example)),
        )
        .problems([codes::INVALID_HEADER])
}

pub(super) fn get_request() -> Operation {
    let id = Parameter::new(Location::Path, "id", "The number of the entry.")
        .schema(json!({ "type": "integer", "minimum": 0 }))
        .example(7);
    operation("get_request", "Read an entry of the log")
        .description("One entry, with its bodies.")
        .parameters([id])
        .answers(Answer::new(200, "The entry.").content(Content::like(&entry())))
        .problems([codes::REQUEST_NOT_FOUND, codes::INVALID_ID])
}

pub(super) fn get_request_stats() -> Operation {
    let bucket = StatsBucket {
        start: "2026-11-30T12:00:00.000000Z".to_owned(),
        count: 10,
        classes: BTreeMap::from([("2xx".to_owned(), 9), ("5xx".to_owned(), 1)]),
        mean_ms: Some(130.5),
        p50_ms: Some(90.51),
        p95_ms: Some(512.0),
        p99_ms: Some(861.08),
        input_tokens: 5_120,
        output_tokens: 840,
        cost: 0.0231,
        dropped: 0,
    };
    let stats = Stats {
        from: "2026-11-30T11:00:00.000000Z".to_owned(),
        to: "2026-11-30T13:00:00.000000Z".to_owned(),
        step_seconds: 300,
        whole: bucket.clone(),
        buckets: vec![bucket],
    };
    operation("get_request_stats", "Count the log over time")
        .description(
            "From counts that are kept beside the log, in buckets of five minutes or a multiple. \
             Endpoints are grouped: `/users/7` is `/users/:id`. Durations are at most a fifth too \
             long.",
        )
        .parameters([
            maybe("from", "Default: a day before `to`."),
            maybe("to", "Default: now."),
            maybe("step", "Seconds of a bucket, a multiple of 300. Default 300.")
                .schema(json!({ "type": "integer", "minimum": 300, "multipleOf": 300 })),
            maybe("service", "Of this service."),
            maybe("endpoint", "Of this group of endpoints."),
        ])
        .answers(Answer::new(200, "The buckets.").content(Content::like(&stats)))
}

pub(super) fn export_csv() -> Operation {
    choosing(operation("export_requests_csv", "Export the log as CSV"))
        .description(
            "Every entry that is chosen, the newest first, streamed. Cells that a spreadsheet would \
             take for formulas begin with an apostrophe.",
        )
        .answers(Answer::new(200, "The rows.").content(Content::text("text/csv")))
}

pub(super) fn export_lines() -> Operation {
    choosing(operation("export_requests_ndjson", "Export the log as lines of JSON"))
        .description("Every entry that is chosen, the newest first, streamed.")
        .answers(Answer::new(200, "The lines.").content(Content::text("application/x-ndjson")))
}

pub(super) fn create_item() -> Operation {
    let text = || json!({ "type": ["string", "null"] });
    let body = takes(
        &["correlation_id"],
        json!({
            "correlation_id": { "type": "string" },
            "license_key": text(),
            "installation_id": text(),
            "input_json": text(),
            "input_hash": text(),
        }),
        json!({ "correlation_id": "c-1", "input_json": "{}", "input_hash": "44136fa3" }),
    );
    let item = Item {
        id: 7,
        correlation_id: "c-1".to_owned(),
        status: "pending".to_owned(),
        ..Item::default()
    };
    operation("create_extract_item", "Take work")
        .description(
            "Of several that come with the same `input_hash` one is told `created: true` and works; \
             the others are told of its work. Inputs are cut at 100,000 characters.",
        )
        .takes(body)
        .answers(Answer::new(200, "The work.").content(Content::like(&CreatedItem::of(item, true))))
        .problems(BODY)
        .problems([codes::WORK_EXISTS])
}

pub(super) fn update_item() -> Operation {
    let text = || json!({ "type": ["string", "null"] });
    let body = takes(
        &["correlation_id"],
        json!({
            "correlation_id": { "type": "string" },
            "output_json": text(),
            "status": text(),
            "error_message": text(),
            "http_status_code": { "type": ["integer", "null"] },
            "duration_ms": { "type": ["number", "null"] },
        }),
        json!({ "correlation_id": "c-1", "output_json": "[]" }),
    );
    operation("update_extract_item", "Note what became of work")
        .description(
            "What is not given stays; the status becomes `completed` when it is not given. `ok` is \
             false when the work is not there.",
        )
        .takes(body)
        .answers(Answer::new(200, "It is noted.").content(Content::like(&Updated { ok: true })))
        .problems(BODY)
}

pub(super) fn list_items() -> Operation {
    let page = ItemPage { items: vec![WholeItem::of(Item::default())], count: 1, total: 1 };
    operation("list_extract_items", "List work")
        .description("The newest first, among the newest 10,000.")
        .parameters([
            maybe("limit", "Items of a page. Default 20.")
                .schema(json!({ "type": "integer", "minimum": 1, "maximum": 200 })),
            maybe_number("offset", "Leaves so many out.", 10_000),
            maybe("status", "With this status."),
            maybe("search", "With this text in licence or installation, whatever the case."),
        ])
        .answers(Answer::new(200, "The page.").content(Content::like(&page)))
}

pub(super) fn get_item() -> Operation {
    let item = Item {
        id: 7,
        correlation_id: "c-1".to_owned(),
        status: "completed".to_owned(),
        output_json: Some("[]".to_owned()),
        ..Item::default()
    };
    operation("get_extract_item", "Find the work of an input")
        .description("By the hash of its input.")
        .parameters([
            Parameter::new(Location::RequiredQuery, "hash", "The hash.").example("44136fa3")
        ])
        .answers(Answer::new(200, "The work.").content(Content::like(&FoundItem::of(item))))
        .problems([codes::WORK_NOT_FOUND])
}
