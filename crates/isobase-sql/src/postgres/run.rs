//! One statement on one connection of PostgreSQL.

use std::{mem, pin::pin};

use isobase_postgres::{Connection, Keep};

use super::{of_connection, parameter::Parameter, refused};
use crate::{Answer, Dialect, Error, RawAnswer, TakeRows, Value, quote};

/// Longer texts are made once, by a program, and would only fill the memory of the server.
const KEPT_TEXT_BYTES_MAX: usize = 8 * 1024;

/// So many rows are worth handing on: a taker that makes objects of another language waits for
/// the right to make them, once for each part.
const PART_ROWS: usize = 2_048;

/// A statement with its values, and what takes its rows while more of them come.
pub(crate) struct Asked<'a, 't> {
    pub(crate) sql: &'a str,
    pub(crate) parameters: &'a [Value],
    pub(crate) taker: Option<&'t mut dyn TakeRows>,
}

/// Prepares the statement, or takes it as it was prepared before, and runs it.
pub(crate) async fn run(
    connection: &Connection,
    sql: &str,
    parameters: &[Value],
    keep: Keep,
) -> Result<Answer, Error> {
    run_raw(connection, Asked { sql, parameters, taker: None }, keep).await?.into_answer()
}

/// As [`run`], with the values as they come.
pub(crate) async fn run_raw(
    connection: &Connection,
    mut asked: Asked<'_, '_>,
    keep: Keep,
) -> Result<RawAnswer, Error> {
    let sql = asked.sql;
    let keep = if sql.len() > KEPT_TEXT_BYTES_MAX { Keep::Nothing } else { keep };
    let mut taken = 0;
    let answer = attempt(connection, &mut asked, keep, &mut taken).await;
    match answer {
        // A table was changed since it was prepared: the statement did not begin. Inside a
        // transaction the second attempt is refused by the server.
        Err(error)
            if taken == 0 && error.code() == Some("0A000") && connection.forget_text(sql) =>
        {
            attempt(connection, &mut asked, keep, &mut taken).await
        }
        answer => answer,
    }
}

/// Runs the statement in a transaction of its own with the schema searched first.
pub(crate) async fn run_in_schema(
    connection: &Connection,
    schema: &str,
    asked: Asked<'_, '_>,
) -> Result<RawAnswer, Error> {
    connection.batch("BEGIN").await.map_err(of_connection)?;
    search_first(connection, schema).await?;
    // Not kept: the same text means other tables elsewhere.
    let answer = run_raw(connection, asked, Keep::Nothing).await;
    let end = if answer.is_ok() { "COMMIT" } else { "ROLLBACK" };
    connection.batch(end).await.map_err(of_connection)?;
    answer
}

/// Runs the statement in the transaction that is open with the schema searched first.
pub(crate) async fn run_in_open_schema(
    connection: &Connection,
    schema: &str,
    asked: Asked<'_, '_>,
) -> Result<RawAnswer, Error> {
    let show = run(connection, "SELECT current_setting('search_path')", &[], Keep::Session).await?;
    search_first(connection, schema).await?;
    let answer = run_raw(connection, asked, Keep::Nothing).await?;
    let before = [show.into_value().unwrap_or(Value::Null)];
    let set = "SELECT set_config('search_path', $1, true)";
    run(connection, set, &before, Keep::Session).await?;
    Ok(answer)
}

async fn search_first(connection: &Connection, schema: &str) -> Result<(), Error> {
    let path = format!("{}, public", quote(Dialect::Postgres, schema)?);
    let set = "SELECT set_config('search_path', $1, true)";
    run(connection, set, &[path.into()], Keep::Session).await.map(drop)
}

async fn attempt(
    connection: &Connection,
    Asked { sql, parameters, taker }: &mut Asked<'_, '_>,
    keep: Keep,
    taken: &mut usize,
) -> Result<RawAnswer, Error> {
    let failed = |error| refused(error, sql);
    let statement = connection.prepare_text(sql, keep).await.map_err(failed)?;
    let (wanted, given) = (statement.params().len(), parameters.len());
    if wanted != given {
        return Err(Error::invalid(format!(
            "the statement has {wanted} parameters, {given} values were given"
        )));
    }
    let parameters: Vec<Parameter<'_>> = parameters.iter().map(Parameter).collect();
    let stream =
        Box::pin(connection.client().query_raw(&statement, &parameters)).await.map_err(failed)?;
    let mut stream = pin!(stream);
    let mut rows = Vec::new();
    while let Some(row) = futures_util::StreamExt::next(&mut stream).await {
        rows.push(row.map_err(failed)?);
        if let Some(taker) = taker
            && rows.len() == PART_ROWS
        {
            *taken += rows.len();
            let part = mem::replace(&mut rows, Vec::with_capacity(PART_ROWS));
            taker.take(RawAnswer::of_postgres(statement.clone(), part, 0));
        }
    }
    let affected = stream.rows_affected().unwrap_or(0);
    Ok(RawAnswer::of_postgres(statement, rows, affected))
}
