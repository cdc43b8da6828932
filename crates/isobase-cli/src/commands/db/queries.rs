//! `isobase db queries`

use std::time::Duration;

use anyhow::Result;
use clap::Args;
use isobase_sql::{
    DbConnector, DbOperator, Dialect, ExplainOptions, Explained, MeasuredIndex, Row, Select, Value,
    explain,
};

use super::connect::{DatabaseFlags, failure};
use crate::{failure::Failure, print::Printer};

/// Source: PostgreSQL documentation, `pg_stat_statements`; these names are of 13 and newer.
const SQL: &str = "\
SELECT calls, round(total_exec_time::numeric, 2) AS total_ms, \
       round(mean_exec_time::numeric, 2) AS mean_ms, rows, query \
  FROM pg_stat_statements s \
  JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database() \
 ORDER BY total_exec_time DESC LIMIT $1";

#[derive(Debug, Args)]
pub(crate) struct QueriesArguments {
    /// How many statements
    #[arg(long, default_value_t = 10)]
    top: u32,
    /// Explain this statement instead: run it without letting it write, say what is odd in its
    /// plan, and suggest indexes
    #[arg(long, value_name = "SQL")]
    explain: Option<String>,
    /// A value of the statement, for $1, $2, …
    #[arg(long = "value", value_name = "TEXT", requires = "explain", allow_hyphen_values = true)]
    values: Vec<String>,
    /// Build each suggested index in a transaction that is rolled back, and measure its gain.
    /// Until then writers to the table wait
    #[arg(long, requires = "explain")]
    measure: bool,
    /// Longest time of each run and each index, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "explain")]
    timeout: u32,
    #[command(flatten)]
    database: DatabaseFlags,
}

pub(super) async fn run(arguments: QueriesArguments, printer: Printer) -> Result<()> {
    let db = arguments.database.open()?;
    if let Some(sql) = &arguments.explain {
        return explain_one(&db, sql, &arguments, printer).await;
    }
    if db.dialect() != Dialect::Postgres {
        return Err(Failure::usage("SQLite keeps no statistics of statements").into());
    }
    let operator = DbOperator::new(db);
    if !operator.table_exists("pg_stat_statements").await.map_err(failure)? {
        let hint = "add it to shared_preload_libraries, then CREATE EXTENSION pg_stat_statements";
        let failure = Failure::new("the database has no pg_stat_statements in its schema public");
        return Err(failure.hint(hint).into());
    }
    let select = Select::sql(SQL, [i64::from(arguments.top).into()]);
    for row in operator.fetch(select).await.map_err(failure)? {
        printer.line(&if printer.json { row.to_json() } else { as_text(&row) });
    }
    Ok(())
}

async fn explain_one(
    db: &DbConnector,
    sql: &str,
    arguments: &QueriesArguments,
    printer: Printer,
) -> Result<()> {
    let values: Vec<Value> = arguments.values.iter().map(|text| text.as_str().into()).collect();
    let timeout = Duration::from_secs(arguments.timeout.max(1).into());
    let options = ExplainOptions { measure: arguments.measure, timeout };
    let explained = explain(db, sql, &values, &options).await.map_err(|error| {
        if error.code() == Some("25006") {
            return Failure::usage("only statements that read are explained: this one writes");
        }
        failure(error)
    })?;
    if printer.json {
        printer.json_line(&explained.to_json());
        return Ok(());
    }
    print(&explained, printer);
    Ok(())
}

fn print(explained: &Explained, printer: Printer) {
    let (execution, planning) = (explained.execution_ms, explained.planning_ms);
    printer.line(&format!("{execution:.3} ms, planned in {planning:.3} ms"));
    for line in explained.plan.lines() {
        printer.line(&format!("  {line}"));
    }
    for oddity in &explained.oddities {
        printer.line(&format!("odd: {oddity}"));
    }
    for index in &explained.suggestions {
        printer.line(&format!("suggested: {}", index.sql));
        if let Some(measured) = &index.measured {
            printer.line(&format!("  {}", gain(measured)));
        }
    }
}

fn gain(measured: &MeasuredIndex) -> String {
    let MeasuredIndex { before_ms, after_ms, is_used, bytes, build_ms } = measured;
    let verdict = if *is_used { "" } else { ", and the plan does not use it" };
    format!(
        "measured: {before_ms:.3} ms without it, {after_ms:.3} ms with it{verdict}; {bytes} bytes, built in \
         {build_ms:.0} ms"
    )
}

fn as_text(row: &Row) -> String {
    let text = |name| row.get(name).map(Value::to_string).unwrap_or_default();
    let query = text("query").split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{} ms, {} calls of {} ms: {query}", text("total_ms"), text("calls"), text("mean_ms"))
}
