//! Statements that only read, on SQLite.

use std::{sync::Arc, time::Duration};

use isobase_sqlite::rusqlite::{Connection, Row, Statement, types::ValueRef};
use tokio::time::Instant;

use super::answer::{
    ACQUIRE_TIMEOUT, ReadAnswer, ReadCell, ReadColumn, ReadForm, ReadLimits, ReadPlan, cell,
};
use crate::{
    Error, ErrorKind, PlanNode, Refusal, Value,
    sqlite::{SqliteLease, SqlitePool, bind, refused, value},
};

/// Steps of its machine after which SQLite asks whether it is late: about a tenth of a millisecond.
const STEPS: i32 = 10_000;

pub(super) async fn read(
    pool: &Arc<SqlitePool>,
    sql: &str,
    parameters: &[Value],
    limits: &ReadLimits,
) -> Result<ReadAnswer, Error> {
    let (sql, parameters, limits) = (sql.to_owned(), parameters.to_vec(), *limits);
    let job = move |connection: &mut Connection| answer(connection, &sql, &parameters, &limits);
    alone(pool, limits.timeout, job).await
}

pub(super) async fn plan(
    pool: &Arc<SqlitePool>,
    sql: &str,
    parameters: &[Value],
    timeout: Duration,
) -> Result<ReadPlan, Error> {
    let text = format!("EXPLAIN QUERY PLAN {sql}");
    let parameters = parameters.to_vec();
    let job = move |connection: &mut Connection| steps(connection, &text, &parameters);
    let steps = alone(pool, timeout, job).await?;
    Ok(ReadPlan { steps, execution_ms: None })
}

async fn alone<T: Send + 'static>(
    pool: &Arc<SqlitePool>,
    timeout: Duration,
    job: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let lease = pool.lease(Instant::now() + ACQUIRE_TIMEOUT).await?;
    on_lease(&lease, timeout, job).await
}

/// Runs a job on a connection, and stops it when its time is over.
pub(crate) async fn on_lease<T: Send + 'static>(
    lease: &SqliteLease,
    timeout: Duration,
    job: impl FnOnce(&mut Connection) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let until = Instant::now() + timeout;
    let timed = move |connection: &mut Connection| {
        // Beside the interrupt, which a statement of few steps could miss.
        let late = move || Instant::now() >= until;
        connection.progress_handler(STEPS, Some(late)).map_err(|error| refused(error, ""))?;
        let done = job(connection);
        connection.progress_handler(0, None::<fn() -> bool>).map_err(|error| refused(error, ""))?;
        done
    };
    match lease.call(until, timed).await {
        Err(error) if error.kind == ErrorKind::TimedOut => {
            let message = format!("the statement was stopped after {timeout:?}");
            Err(Error::new(ErrorKind::TimedOut, message))
        }
        done => done,
    }
}

fn answer(
    connection: &mut Connection,
    sql: &str,
    parameters: &[Value],
    limits: &ReadLimits,
) -> Result<ReadAnswer, Error> {
    let failed = |error| refused(error, sql);
    let mut statement = connection.prepare(sql).map_err(failed)?;
    // VACUUM INTO writes another file, which a file that is opened to be read does not forbid.
    if !statement.readonly() {
        let refusal =
            Refusal { code: "25006".to_owned(), statement: sql.to_owned(), ..Refusal::default() };
        let message = "the statement writes, and the database is opened to be read".to_owned();
        let refusal = Some(Box::new(refusal));
        return Err(Error { kind: ErrorKind::Query, message, refusal, column: None });
    }
    bind(&mut statement, sql, parameters)?;
    let mut answer = ReadAnswer { columns: columns_of(&statement), ..ReadAnswer::default() };
    let mut bytes = 0;
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        let cells = cells_of(row, &mut answer.columns, limits)?;
        if !answer.take(cells, &mut bytes, limits) {
            break;
        }
    }
    Ok(answer)
}

/// The columns of what a statement answers, whose types its first row tells.
pub(crate) fn columns_of(statement: &Statement<'_>) -> Vec<ReadColumn> {
    let names = statement.column_names();
    names.map(|name| ReadColumn { name: name.to_owned(), data_type: String::new() }).collect()
}

/// The values of a row as texts.
pub(crate) fn cells_of(
    row: &Row<'_>,
    columns: &mut [ReadColumn],
    limits: &ReadLimits,
) -> Result<Vec<Option<ReadCell>>, Error> {
    let characters = limits.cell_of(columns.len());
    let mut cells = Vec::with_capacity(columns.len());
    for (at, column) in columns.iter_mut().enumerate() {
        let native = row.get_ref(at).map_err(|error| refused(error, ""))?;
        if column.data_type.is_empty() {
            column.data_type = kind(native).to_owned();
        }
        cells.push(text_of(row, at, characters)?);
    }
    Ok(cells)
}

fn text_of(row: &Row<'_>, at: usize, characters: usize) -> Result<Option<ReadCell>, Error> {
    let value = value(row, at)?;
    let form = match value {
        Value::Int(_) | Value::Float(_) => ReadForm::Number,
        _ => ReadForm::Text,
    };
    Ok((!value.is_null()).then(|| cell(value.to_string(), characters, form)))
}

/// The kind of a value, which in SQLite each value has for itself.
fn kind(value: ValueRef<'_>) -> &'static str {
    match value {
        ValueRef::Null => "",
        ValueRef::Integer(_) => "integer",
        ValueRef::Real(_) => "real",
        ValueRef::Text(_) => "text",
        ValueRef::Blob(_) => "blob",
    }
}

/// The steps of a plan, those inside others below them.
fn steps(
    connection: &mut Connection,
    sql: &str,
    parameters: &[Value],
) -> Result<Vec<PlanNode>, Error> {
    let failed = |error| refused(error, sql);
    let mut statement = connection.prepare(sql).map_err(failed)?;
    bind(&mut statement, sql, parameters)?;
    let mut found: Vec<(i64, i64, String)> = Vec::new();
    let mut rows = statement.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        let step = (row.get(0), row.get(1), row.get(3));
        let (id, above, kind) =
            (step.0.map_err(failed)?, step.1.map_err(failed)?, step.2.map_err(failed)?);
        found.push((id, above, kind));
    }
    Ok(below(&found, 0))
}

fn below(found: &[(i64, i64, String)], of: i64) -> Vec<PlanNode> {
    let here = found.iter().filter(|(id, above, _)| *above == of && *id != of);
    here.map(|(id, _, kind)| PlanNode {
        kind: kind.clone(),
        below: below(found, *id),
        ..PlanNode::default()
    })
    .collect()
}
