//! A job as it is shown, and what the descriptions of several routes share.

use isobase_http::{Answer, Content, Location, Operation, Parameter};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use crate::{codes, request::idempotency};

/// A job.
#[derive(JsonSchema, Serialize)]
pub(super) struct JobShape {
    id: &'static str,
    /// `backup`, `verify`, `restore`, `copy`, `import`, `reconcile`, `audit` or `sweep`.
    kind: &'static str,
    /// `queued`, `running`, `succeeded`, `failed`, `cancelled` or `interrupted`.
    state: &'static str,
    /// The account or key that asked for it.
    by: &'static str,
    /// The request, without secrets.
    parameters: serde_json::Value,
    created_at: &'static str,
    started_at: Option<&'static str>,
    ended_at: Option<&'static str>,
    /// Whether it rests in the middle, until somebody lets it go on.
    paused: bool,
    progress: Option<ProgressShape>,
    /// The report of the work.
    result: Option<serde_json::Value>,
    /// Why it failed.
    error: Option<&'static str>,
    /// When its process was heard of last, in microseconds since 1970.
    beat_us: i64,
}

/// How far a job is.
#[derive(JsonSchema, Serialize)]
struct ProgressShape {
    stage: &'static str,
    collection: Option<&'static str>,
    documents: u64,
    documents_total: Option<u64>,
    /// Of their text; of an import those of the file that were read.
    bytes: u64,
    /// Of the file that is imported.
    bytes_total: Option<u64>,
    rate: Option<RateShape>,
}

/// How fast a stage goes.
#[derive(JsonSchema, Serialize)]
struct RateShape {
    documents_per_second: f64,
    seconds_left: Option<f64>,
}

impl JobShape {
    pub(super) fn example() -> Self {
        Self {
            id: "j17645100000001f0a5d",
            kind: "copy",
            state: "running",
            by: "account:1",
            parameters: json!({ "to": "postgres://app@db.example.com/app", "dry_run": false }),
            created_at: "2026-11-20T14:09:00.000000Z",
            started_at: Some("2026-11-20T14:09:00.000000Z"),
            ended_at: None,
            paused: false,
            progress: Some(ProgressShape {
                stage: "writing",
                collection: Some("orders"),
                documents: 12_000,
                documents_total: Some(48_000),
                bytes: 3_400_000,
                bytes_total: None,
                rate: Some(RateShape { documents_per_second: 24_000.0, seconds_left: Some(1.5) }),
            }),
            result: None,
            error: None,
            beat_us: 1_764_510_000_000_000,
        }
    }
}

pub(super) fn jobs(id: &'static str, summary: &'static str) -> Operation {
    Operation::new(id, "jobs", summary)
}

pub(super) fn job() -> Parameter {
    Parameter::new(Location::Path, "job", "The id of a job.").example("j17645100000001f0a5d")
}

/// A job that was begun.
pub(crate) fn begins(
    id: &'static str,
    summary: &'static str,
    description: &'static str,
) -> Operation {
    jobs(id, summary)
        .description(description)
        .answers(
            Answer::new(202, "The job, which runs as soon as it has its turn.")
                .content(Content::like(&JobShape::example())),
        )
        .parameters([idempotency::parameter()])
        .problems([
            codes::INVALID_PARAMETER,
            codes::INVALID_HEADER,
            codes::IDEMPOTENCY_MISMATCH,
            codes::TOO_MANY_JOBS,
            codes::UNSUPPORTED,
        ])
}
