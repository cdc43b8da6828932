//! Statistics over time.

use isobase_http::{Answer, Content, Operation};
use isobase_requests::Bucket;
use isobase_types::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;
use std::collections::BTreeMap;

use super::described::{hide, maybe, operation};

/// Statistics over time.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RequestStats")]
pub(in crate::requests) struct Stats {
    from: String,
    to: String,
    /// Length of a bucket.
    step_seconds: i64,
    /// All of them together.
    whole: StatsBucket,
    /// Those in which something happened.
    buckets: Vec<StatsBucket>,
}

/// Statistics of one bucket.
#[derive(Clone, Serialize, JsonSchema)]
#[schemars(rename = "RequestStatsBucket")]
pub(in crate::requests) struct StatsBucket {
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
    /// Their costs, in the currency of the services that reported them.
    cost: f64,
    /// Reports that services had no room for.
    dropped: u64,
}

impl Stats {
    pub(in crate::requests) fn of(
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

pub(in crate::requests) fn get_request_stats() -> Operation {
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
            hide(),
        ])
        .answers(Answer::new(200, "The buckets.").content(Content::like(&stats)))
}
