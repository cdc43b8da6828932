//! How PostgreSQL carries out a statement, what is odd in that, and indexes that would help.
//!
//! The statement runs for real, in a transaction that the server itself keeps from writing. The gain
//! of an index is measured and not estimated: it is built in a transaction that is rolled back.

mod advice;
mod plan;

use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

pub use self::{advice::Oddity, plan::PlanNode};
use self::{advice::Wanted, plan::parse};
use crate::{
    DbConnector, Dialect, Error, ErrorKind, Session, Table, Transaction, Value, catalogue,
    lexer::first_word, name::quoted,
};

/// Most indexes that are suggested for one statement.
const SUGGESTIONS_MAX: usize = 3;
/// Runs of a statement before and after; the fastest counts, because nothing but others' work makes
/// a run slower.
const RUNS: usize = 3;

/// How a statement is explained.
#[derive(Clone, Copy, Debug)]
pub struct ExplainOptions {
    /// Builds each suggested index in a transaction that is rolled back, and measures the statement
    /// with it. Until then writers to the table wait.
    pub measure: bool,
    /// How long each run of the statement and each index may take.
    pub timeout: Duration,
}

impl Default for ExplainOptions {
    /// Nothing is built, and nothing takes longer than 30 s.
    fn default() -> Self {
        Self { measure: false, timeout: Duration::from_secs(30) }
    }
}

/// A statement explained.
#[derive(Clone, Debug)]
pub struct Explained {
    /// The plan, as it was carried out.
    pub plan: PlanNode,
    /// How long it took, in milliseconds.
    pub execution_ms: f64,
    /// How long it was planned, in milliseconds.
    pub planning_ms: f64,
    /// The oddities of the plan.
    pub oddities: Vec<Oddity>,
    /// Indexes that would help, the most promising first.
    pub suggestions: Vec<SuggestedIndex>,
}

/// An index that a statement lacks.
#[derive(Clone, Debug, PartialEq)]
pub struct SuggestedIndex {
    /// The statement that makes it.
    pub sql: String,
    /// Its gain, when that was measured.
    pub measured: Option<MeasuredIndex>,
}

/// The gain of an index.
#[derive(Clone, Debug, PartialEq)]
pub struct MeasuredIndex {
    /// The fastest of three runs without it, in milliseconds.
    pub before_ms: f64,
    /// The fastest of three runs with it, in milliseconds.
    pub after_ms: f64,
    /// Whether the plan has it.
    pub is_used: bool,
    /// Its size.
    pub bytes: i64,
    /// How long it was built, in milliseconds.
    pub build_ms: f64,
}

/// Explains a statement that reads.
///
/// # Errors
/// [`ErrorKind::Invalid`] on SQLite and for CREATE, DECLARE and EXECUTE; [`ErrorKind::Query`] with
/// SQLSTATE 25006 for other statements that write, and as the statement itself is refused or takes too long.
pub async fn explain(
    db: &DbConnector,
    sql: &str,
    parameters: &[Value],
    options: &ExplainOptions,
) -> Result<Explained, Error> {
    if db.dialect() != Dialect::Postgres {
        let message = "only statements of PostgreSQL are explained, and this database is SQLite: \
                       its own EXPLAIN QUERY PLAN tells which indexes it uses";
        return Err(Error::invalid(message));
    }
    // In a transaction that reads only, PostgreSQL refuses CREATE TABLE AS, and lets EXPLAIN ANALYZE
    // of the same make its table; `SELECT … INTO` is one too. The rollback takes that back.
    let word = first_word(Dialect::Postgres, sql);
    if matches!(word.as_str(), "CREATE" | "DECLARE" | "EXECUTE") {
        let message = format!("only statements that read are explained, and this is a {word}");
        return Err(Error::invalid(message));
    }
    let transaction = Transaction::begin(db, "BEGIN READ ONLY").await?;
    limit(&transaction, options).await?;
    let run = run(&transaction, sql, parameters).await?;
    let mut tables = Vec::new();
    for node in run.plan.all() {
        if let (Some(schema), Some(name)) = (&node.schema, &node.relation) {
            tables.push(catalogue::read_table(&transaction, schema, name).await?);
        }
    }
    transaction.rollback().await?;
    let oddities = advice::oddities(&run.plan);
    let mut suggestions = Vec::new();
    for wanted in advice::indexes(&run.plan, &tables).into_iter().take(SUGGESTIONS_MAX) {
        let measured = match options.measure {
            true => Some(measure(db, sql, parameters, &wanted, options).await?),
            false => None,
        };
        suggestions.push(SuggestedIndex { sql: create(&wanted, None), measured });
    }
    let gain = |index: &SuggestedIndex| {
        index.measured.as_ref().map_or(0.0, |it| it.after_ms - it.before_ms)
    };
    suggestions.sort_by(|a, b| gain(a).total_cmp(&gain(b)));
    let Run { plan, execution_ms, planning_ms } = run;
    Ok(Explained { plan, execution_ms, planning_ms, oddities, suggestions })
}

#[derive(Debug)]
struct Run {
    plan: PlanNode,
    execution_ms: f64,
    planning_ms: f64,
}

async fn limit(transaction: &Transaction, options: &ExplainOptions) -> Result<(), Error> {
    let timeout = options.timeout.as_millis().clamp(1, i32::MAX as u128);
    let lock = timeout.min(2_000);
    transaction.run(&format!("SET LOCAL statement_timeout = {timeout}"), &[]).await?;
    transaction.run(&format!("SET LOCAL lock_timeout = {lock}"), &[]).await.map(drop)
}

/// The plan in the JSON of an EXPLAIN, and the milliseconds that it ran, if it did.
pub(crate) fn parse_plan(text: &str) -> Option<(PlanNode, Option<f64>)> {
    let json: Json = serde_json::from_str(text).ok()?;
    let whole = json.get(0)?;
    Some((parse(whole.get("Plan")?)?, whole.get("Execution Time").and_then(Json::as_f64)))
}

async fn run(transaction: &Transaction, sql: &str, parameters: &[Value]) -> Result<Run, Error> {
    let explain = format!("EXPLAIN (ANALYZE, VERBOSE, FORMAT JSON) {sql}");
    let answer = transaction.run(&explain, parameters).await?;
    let unreadable = || Error::new(ErrorKind::Query, "the plan cannot be read");
    let text = answer.into_value().ok_or_else(unreadable)?;
    let json: Json =
        serde_json::from_str(text.as_str().unwrap_or_default()).map_err(|_| unreadable())?;
    let whole = json.get(0).ok_or_else(unreadable)?;
    let plan = whole.get("Plan").and_then(parse).ok_or_else(unreadable)?;
    let time = |name| whole.get(name).and_then(Json::as_f64).unwrap_or_default();
    Ok(Run { plan, execution_ms: time("Execution Time"), planning_ms: time("Planning Time") })
}

async fn fastest(transaction: &Transaction, sql: &str, parameters: &[Value]) -> Result<Run, Error> {
    let mut best = run(transaction, sql, parameters).await?;
    for _ in 1..RUNS {
        let next = run(transaction, sql, parameters).await?;
        if next.execution_ms < best.execution_ms {
            best = next;
        }
    }
    Ok(best)
}

async fn measure(
    db: &DbConnector,
    sql: &str,
    parameters: &[Value],
    wanted: &Wanted<'_>,
    options: &ExplainOptions,
) -> Result<MeasuredIndex, Error> {
    const NAME: &str = "isobase_measured";
    let transaction = Transaction::begin(db, "BEGIN READ ONLY").await?;
    limit(&transaction, options).await?;
    let before = fastest(&transaction, sql, parameters).await?;
    transaction.rollback().await?;

    let transaction = db.begin().await?;
    limit(&transaction, options).await?;
    let began = Instant::now();
    transaction.run(&create(wanted, Some(NAME)), &[]).await?;
    let build_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let index = [format!("{}.{}", quoted(&wanted.table.schema), quoted(NAME)).into()];
    let size = transaction.run("SELECT pg_relation_size($1::text::regclass)", &index).await?;
    let bytes = size.into_value().and_then(|it| it.as_int()).unwrap_or_default();
    // Only the index was allowed to write.
    transaction.run("SET LOCAL transaction_read_only = on", &[]).await?;
    let after = fastest(&transaction, sql, parameters).await?;
    transaction.rollback().await?;
    let is_used = after.plan.all().iter().any(|node| node.index.as_deref() == Some(NAME));
    let (before_ms, after_ms) = (before.execution_ms, after.execution_ms);
    Ok(MeasuredIndex { before_ms, after_ms, is_used, bytes, build_ms })
}

fn create(wanted: &Wanted<'_>, name: Option<&str>) -> String {
    let name = name.map(|name| format!("{} ", quoted(name))).unwrap_or_default();
    let columns: Vec<_> = wanted.columns.iter().map(|column| quoted(column)).collect();
    let table: &Table = wanted.table;
    format!("CREATE INDEX {name}ON {} ({})", table.sql_name(), columns.join(", "))
}

impl Explained {
    /// The whole as a JSON object.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let indexes = self.suggestions.iter().map(|index| {
            let measured = index.measured.as_ref().map(|it| {
                json!({
                    "before_ms": it.before_ms, "after_ms": it.after_ms, "is_used": it.is_used,
                    "bytes": it.bytes, "build_ms": it.build_ms,
                })
            });
            json!({"sql": index.sql, "measured": measured})
        });
        json!({
            "execution_ms": self.execution_ms,
            "planning_ms": self.planning_ms,
            "plan": self.plan.lines(),
            "odd": self.oddities.iter().map(Oddity::to_string).collect::<Vec<_>>(),
            "suggestions": indexes.collect::<Vec<_>>(),
        })
    }
}
