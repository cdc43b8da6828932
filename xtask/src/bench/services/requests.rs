//! Ingest and reading of the request log beside plain documents.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use isobase_testkit::{histogram::Histogram, load::Workload};
use serde_json::{Value, json};

use super::{
    Parts, Plan, Subject, peer,
    ratios::{Ratios, Target},
};

const LOG: &str = "/api/v1/db/requests";
/// Rows of one batch: the most that a request takes.
pub(super) const BATCH: u64 = 1_000;
/// Batches of each of both kinds that are timed.
const TIMED: u64 = 50;
/// Each alone must give its first page from an index.
const FILTERS: [&str; 12] = [
    "service=llm",
    "status=503",
    "class=5xx",
    "endpoint=/v1/chat/7",
    "user=user7@example.com",
    "method=DELETE",
    "correlation_id=trace-7",
    "min_ms=60000",
    "max_ms=1",
    "model=large-1",
    "key_id=k-7",
    "has_error=true",
];
/// Two together give a page, or say how far they have looked.
const PAIRS: [&str; 4] = [
    "service=llm&status=503",
    "endpoint=/v1/chat/7&user=user7@example.com",
    "method=DELETE&min_ms=60000",
    "service=web&correlation_id=trace-7",
];
/// One row in so many is of a kind that others are not.
const RARE: u64 = 997;
/// Pages that are asked for each filter.
const PAGES: u32 = 50;
/// The moments of all rows are spread over this, one after the other, as a log grows.
const MONTH_S: u64 = 30 * 86_400;
const MONTH: &str = "from=2026-11-01&to=2026-12-01";
/// How long a search goes on before it says how far it has come.
const BUDGET_S: f64 = 0.5;
/// How often the rows that are there are told, in batches.
const TOLD_EVERY: u64 = 250;

pub(super) const PARTS: [&str; 6] = ["ingest", "posts", "pages", "pairs", "chart", "search"];

pub(super) fn measure(
    subject: &Subject,
    plan: Plan,
    parts: &Parts,
    ratios: &mut Ratios,
) -> Result<()> {
    // Of what is only read no plain documents are needed.
    let with_plain = parts.any(&["ingest", "posts"]);
    let rows = fill(subject, plan, with_plain)?;
    let mut next = rows;
    if parts.has("ingest") {
        next = in_batches(subject, rows, ratios)?;
    }
    if parts.has("posts") {
        singles(subject, plan, ratios)?;
    }
    if plan.peer {
        peer::measure(subject, plan, next, ratios)?;
    }
    if parts.any(&["pages", "chart"]) {
        pages(subject, parts, ratios)?;
    }
    if parts.has("pairs") {
        for pair in PAIRS {
            honest(subject, pair, &format!("first page by {pair}"), ratios)?;
        }
    }
    match parts.has("search") {
        true => honest(subject, "q=there+is+no+such+text", "text search", ratios),
        false => Ok(()),
    }
}

/// Brings rows in, as many as there is time for; says how many are there.
fn fill(subject: &Subject, plan: Plan, with_plain: bool) -> Result<u64> {
    let (began, wanted) = (Instant::now(), plan.rows.div_ceil(BATCH));
    let mut there = 0;
    while there < wanted && began.elapsed() < plan.fill {
        let rows = Rows { first: there * BATCH, of: plan.rows };
        rows.ingest(subject)?;
        if with_plain {
            rows.load_lines(subject)?;
        }
        there += 1;
        if there % TOLD_EVERY == 0 {
            println!("{} rows after {:.0} s", there * BATCH, began.elapsed().as_secs_f64());
        }
    }
    let rows = there * BATCH;
    println!("{rows} rows were brought in within {:.0} s", began.elapsed().as_secs_f64());
    if there < wanted {
        println!("the time for that is over: the figures are of {rows} rows");
    }
    Ok(rows)
}

/// With all of that there: the same rows in turns, so that both meet the same machine. Returns the
/// number of the next row.
fn in_batches(subject: &Subject, rows: u64, ratios: &mut Ratios) -> Result<u64> {
    let timed = TIMED.min(rows / BATCH).max(1);
    let (mut logged, mut plain) = (0.0, 0.0);
    for turn in 0..timed {
        let rows = Rows { first: rows + turn * BATCH, of: rows };
        logged += rows.ingest(subject)?;
        plain += rows.load_lines(subject)?;
    }
    let total = (timed * BATCH) as f64;
    ratios.rate(
        "ingest in batches / NDJSON load of the same rows",
        (total / logged, total / plain),
        Target::AtLeast(0.3),
    );
    Ok(rows + timed * BATCH)
}

fn singles(subject: &Subject, plan: Plan, ratios: &mut Ratios) -> Result<()> {
    let mut document = Rows { first: 0, of: 1 }.row(0);
    // With an id all but the first would be repeats.
    document["request_id"] = Value::Null;
    let single = Workload::of("post", subject.post(LOG, &document));
    let create = Workload::of("create", subject.post("/records/plain", &document));
    let creates = subject.load(&create, plan, Some(plan.writes_max))?;
    let posts = subject.load(&single, plan, Some(plan.writes_max))?;
    ratios.rate(
        "single posts / durable creates",
        (posts.rate(), creates.rate()),
        Target::AtLeast(0.7),
    );
    Ok(())
}

/// First pages by one filter beside an entry by its number, and a chart beside the slowest of them.
fn pages(subject: &Subject, parts: &Parts, ratios: &mut Ratios) -> Result<()> {
    let listed = subject.ask("GET", &format!("{LOG}?limit=1"), "")?;
    let id = listed["requests"][0]["id"].to_string();
    let get = quantile(subject, &format!("{LOG}/{id}"))?;
    let bound = 10.0_f64.max(0.020 / get.max(f64::MIN_POSITIVE));
    let mut slowest = 0.0_f64;
    for filter in FILTERS {
        let page = quantile(subject, &format!("{LOG}?limit=50&{MONTH}&{filter}"))?;
        slowest = slowest.max(page);
        if parts.has("pages") {
            ratios.time(
                &format!("p95 of the first page by {filter} / of GET by id (or 20 ms)"),
                (page, get),
                Target::AtMost(bound),
            );
        }
    }
    if parts.has("chart") {
        let chart = quantile(subject, &format!("{LOG}/stats?{MONTH}&step=3600"))?;
        ratios.time(
            "p95 of a chart of 30 days / of a page",
            (chart, slowest),
            Target::AtMost(10.0),
        );
    }
    Ok(())
}

/// What need not be found soon ends at its budget, and says where.
fn honest(subject: &Subject, asked: &str, name: &str, ratios: &mut Ratios) -> Result<()> {
    let began = Instant::now();
    let found = subject.ask("GET", &format!("{LOG}?limit=50&{MONTH}&{asked}"), "")?;
    let took = began.elapsed().as_secs_f64();
    let rows = found["requests"].as_array().map_or(0, Vec::len);
    ensure!(
        rows >= 50 || found["searched_to"].is_string() || found["next_cursor"].is_null(),
        "{name}: a search that ends at its budget says where: {found}"
    );
    ratios.time(&format!("{name} / its budget"), (took, BUDGET_S), Target::AtMost(2.0));
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

/// A batch of rows, of so many that are spread over a month.
pub(super) struct Rows {
    pub(super) first: u64,
    pub(super) of: u64,
}

impl Rows {
    /// A request as services log them.
    fn row(&self, n: u64) -> Value {
        let second = (n * MONTH_S / self.of.max(1)).min(MONTH_S - 1);
        let (day, hour) = (1 + second / 86_400, second / 3_600 % 24);
        let (minute, second) = (second / 60 % 60, second % 60);
        let rare = n % RARE;
        let service = ["llm", "web", "mail"][(n % 3) as usize];
        let status = [200, 200, 200, 200, 201, 204, 400, 404, 500, 503][(n % 10) as usize];
        let model = n.is_multiple_of(3).then_some(if rare < 10 { "large-1" } else { "small-1" });
        json!({
            "service": service,
            "endpoint": format!("/v1/chat/{}", n % 50),
            "method": if rare == 0 { "DELETE" } else { "POST" },
            "correlation_id": format!("trace-{}", n / 4),
            "timestamp": format!("2026-11-{day:02}T{hour:02}:{minute:02}:{second:02}Z"),
            "request_id": format!("r-{n}"),
            "user_identifier": format!("user{}@example.com", n % 1_000),
            "status_code": status,
            "duration_ms": if rare == 1 { 60_000 } else { n % 900 },
            "model": model,
            "key_id": format!("k-{}", n % 50),
            "error": (rare == 3).then_some("the upstream did not answer"),
            "request_body": "{\"prompt\":\"a question of some words, as people ask them\"}",
            "response_body": "{\"answer\":\"an answer of some more words, as machines give them\"}",
        })
    }

    /// Logs them; returns the seconds that took.
    pub(super) fn ingest(&self, subject: &Subject) -> Result<f64> {
        let rows: Vec<Value> = self.numbers().map(|n| self.row(n)).collect();
        let body = json!({ "requests": rows }).to_string();
        subject.seconds("POST", &format!("{LOG}/batch"), &body)
    }

    /// Loads them as plain documents; returns the seconds that took.
    fn load_lines(&self, subject: &Subject) -> Result<f64> {
        let lines: String = self.numbers().map(|n| format!("{}\n", self.row(n))).collect();
        subject.seconds("POST", "/records/plain", &lines)
    }

    fn numbers(&self) -> std::ops::Range<u64> {
        self.first..self.first + BATCH
    }
}
