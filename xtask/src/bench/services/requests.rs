//! Ingest and reading of the request log beside plain documents.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use isobase_testkit::{histogram::Histogram, load::Workload};
use serde_json::{Value, json};

use super::{
    Plan, Subject, peer,
    ratios::{Ratios, Target},
};

const LOG: &str = "/api/v1/db/requests";
/// Rows of one batch: the most that a request takes.
pub(super) const BATCH: u64 = 1_000;
/// Batches of each of both kinds that are timed.
const TIMED: u64 = 50;
/// Each alone must give its first page from an index.
const FILTERS: [&str; 9] = [
    "service=llm",
    "status=503",
    "class=5xx",
    "endpoint=/v1/chat/7",
    "user=user7@example.com",
    "method=DELETE",
    "correlation_id=trace-7",
    "min_ms=60000",
    "max_ms=1",
];
/// One row in so many is of a kind that others are not.
const RARE: u64 = 997;
/// Pages that are asked for each filter.
const PAGES: u32 = 50;

pub(super) fn measure(subject: &Subject, plan: Plan, ratios: &mut Ratios) -> Result<()> {
    let rows = plan.rows.div_ceil(BATCH) * BATCH;
    for first in (0..rows).step_by(BATCH as usize) {
        ingest(subject, first, BATCH)?;
        load_lines(subject, first)?;
    }
    // With all of that there: the same rows in turns, so that both meet the same machine.
    let timed = TIMED.min(rows / BATCH).max(1);
    let (mut logged, mut plain) = (0.0, 0.0);
    for turn in 0..timed {
        let first = rows + turn * BATCH;
        logged += ingest(subject, first, BATCH)?;
        plain += load_lines(subject, first)?;
    }
    let total = (timed * BATCH) as f64;
    ratios.rate(
        "ingest in batches / NDJSON load of the same rows",
        (total / logged, total / plain),
        Target::AtLeast(0.3),
    );
    let document = row(0);
    let single = Workload::of("post", subject.post(LOG, &document));
    let create = Workload::of("create", subject.post("/records/plain", &document));
    let creates = subject.load(&create, plan, Some(plan.writes_max))?;
    let posts = subject.load(&single, plan, Some(plan.writes_max))?;
    ratios.rate(
        "single posts / durable creates",
        (posts.rate(), creates.rate()),
        Target::AtLeast(0.7),
    );
    if plan.peer {
        peer::measure(subject, plan, rows + timed * BATCH, ratios)?;
    }
    read(subject, ratios)
}

fn read(subject: &Subject, ratios: &mut Ratios) -> Result<()> {
    let listed = subject.ask("GET", &format!("{LOG}?limit=1"), "")?;
    let id = listed["requests"][0]["id"].to_string();
    let get = quantile(subject, &format!("{LOG}/{id}"))?;
    let mut slowest = 0.0_f64;
    for filter in FILTERS {
        let page =
            quantile(subject, &format!("{LOG}?limit=50&from=2026-11-01&to=2026-12-01&{filter}"))?;
        let bound = 10.0_f64.max(0.020 / get.max(f64::MIN_POSITIVE));
        ratios.time(
            &format!("p95 of the first page by {filter} / of GET by id"),
            (page, get),
            Target::AtMost(bound),
        );
        slowest = slowest.max(page);
    }
    let chart = quantile(subject, &format!("{LOG}/stats?from=2026-11-01&to=2026-12-01&step=3600"))?;
    ratios.time("p95 of a chart of 30 days / of a page", (chart, slowest), Target::AtMost(10.0));
    let began = Instant::now();
    let search = subject.ask("GET", &format!("{LOG}?q=there+is+no+such+text&limit=50"), "")?;
    let took = began.elapsed().as_secs_f64();
    ensure!(
        search["searched_to"].is_string() || search["next_cursor"].is_null(),
        "a search that ends at its budget says where: {search}"
    );
    ratios.time("text search / its budget of 500 ms", (took, 0.5), Target::AtMost(2.0));
    Ok(())
}

/// The p95 of a read, in seconds.
fn quantile(subject: &Subject, path: &str) -> Result<f64> {
    let mut times = Histogram::default();
    subject.ask("GET", path, "").with_context(|| path.to_owned())?;
    for _ in 0..PAGES {
        let began = Instant::now();
        subject.ask("GET", path, "")?;
        times.record(began.elapsed());
    }
    Ok(times.quantile(0.95).as_secs_f64())
}

/// A request as services log them; the moments of all are spread over a month.
fn row(n: u64) -> Value {
    let minute = n % 43_200;
    let at =
        format!("2026-11-{:02}T{:02}:{:02}:00Z", 1 + minute / 1_440, minute / 60 % 24, minute % 60);
    let status = [200, 200, 200, 200, 201, 204, 400, 404, 500, 503][(n % 10) as usize];
    let service = ["llm", "web", "mail"][(n % 3) as usize];
    json!({
        "service": service,
        "endpoint": format!("/v1/chat/{}", n % 50),
        "method": if n % RARE == 0 { "DELETE" } else { "POST" },
        "correlation_id": format!("trace-{}", n / 4),
        "timestamp": at,
        "request_id": format!("r-{n}"),
        "user_identifier": format!("user{}@example.com", n % 1_000),
        "status_code": status,
        "duration_ms": if n % RARE == 1 { 60_000 } else { n % 900 },
        "request_body": "{\"prompt\":\"a question of some words, as people ask them\"}",
        "response_body": "{\"answer\":\"an answer of some more words, as machines give them\"}",
    })
}

pub(super) fn ingest(subject: &Subject, first: u64, count: u64) -> Result<f64> {
    let rows: Vec<Value> = (first..first + count).map(row).collect();
    subject.seconds("POST", &format!("{LOG}/batch"), &json!({ "requests": rows }).to_string())
}

fn load_lines(subject: &Subject, first: u64) -> Result<f64> {
    let lines: String = (first..first + BATCH).map(|n| format!("{}\n", row(n))).collect();
    subject.seconds("POST", "/records/plain", &lines)
}
