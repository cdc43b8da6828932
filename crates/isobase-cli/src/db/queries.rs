//! `isobase db queries`

use anyhow::Result;
use clap::Args;
use isobase_sql::{DbOperator, Dialect, Row, Select, Value};

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
    #[command(flatten)]
    database: DatabaseFlags,
}

pub(super) async fn run(arguments: QueriesArguments, printer: Printer) -> Result<()> {
    let db = arguments.database.open()?;
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

fn as_text(row: &Row) -> String {
    let text = |name| row.get(name).map(Value::to_string).unwrap_or_default();
    let query = text("query").split_whitespace().collect::<Vec<_>>().join(" ");
    format!("{} ms, {} calls of {} ms: {query}", text("total_ms"), text("calls"), text("mean_ms"))
}
