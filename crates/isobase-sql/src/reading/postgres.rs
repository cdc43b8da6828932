//! Statements that only read, on PostgreSQL.

use std::{pin::pin, sync::Arc, time::Duration};

use futures_util::StreamExt;
use isobase_postgres::{
    Connection, Keep, Lease, Pool,
    tokio_postgres::{self, Statement},
};
use tokio::time::{Instant, timeout_at};

use super::answer::{
    ACQUIRE_TIMEOUT, ReadAnswer, ReadCell, ReadColumn, ReadError, ReadForm, ReadLimits, ReadPlan,
    cell,
};
use crate::{
    DbConnector, Dialect, Error, ErrorKind, Session, Value,
    explain::parse_plan,
    lexer::{Kind, Lexer, first_word},
    postgres::{Parameter, Raw, decode, of_connection, refused, run},
};

/// Our own deadline comes first; the server's ends what a process has left that was killed.
const SERVER_LATER: Duration = Duration::from_secs(1);

/// Whether the role could reach beyond the database: as a superuser, by the files and programs of the
/// server, or by its replication. All it could become counts.
///
/// Source: PostgreSQL documentation, "Predefined Roles".
const IS_POWERFUL: &str = "\
SELECT session_user::text FROM pg_roles r
 WHERE (r.rolsuper OR r.rolreplication OR r.rolname IN
        ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
   AND pg_has_role(session_user, r.oid, 'MEMBER') LIMIT 1";

/// The same of a role that changes things. One that makes roles could make itself such a role: until
/// PostgreSQL 15 it may grant all of the above.
const IS_POWERFUL_TO_CHANGE: &str = "\
SELECT session_user::text FROM pg_roles r
 WHERE (r.rolsuper OR r.rolreplication OR r.rolcreaterole OR r.rolname IN
        ('pg_execute_server_program', 'pg_write_server_files', 'pg_read_server_files'))
   AND pg_has_role(session_user, r.oid, 'MEMBER') LIMIT 1";

/// Only sessions of the same role are ours to stop.
const STOP: &str = "\
SELECT count(*) FILTER (WHERE pg_cancel_backend(pid)) FROM pg_stat_activity
 WHERE application_name = $1::text AND usename = session_user AND pid <> pg_backend_pid()";

/// The purpose of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It only reads.
    Read,
    /// It changes things.
    Change,
}

/// Words of statements whose rows can be those of a part of another statement.
const QUERIES: [&str; 4] = ["SELECT", "VALUES", "TABLE", "WITH"];
/// Words of statements that a WITH may hold, which then is no part of another one.
const WRITES: [&str; 4] = ["insert", "update", "delete", "merge"];

pub(super) async fn read(
    pool: &Arc<Pool>,
    sql: &str,
    parameters: &[Value],
    limits: &ReadLimits,
) -> Result<ReadAnswer, ReadError> {
    let lease = lease(pool).await?;
    let work = async {
        begin(&lease, Purpose::Read, (limits.timeout, limits.mark)).await?;
        Ok(Box::pin(answer(&lease, sql, parameters, limits)).await?)
    };
    let answer = within(limits.timeout, work).await.map_err(|error| told(&lease, error))?;
    // An answer that was not read to its end is cancelled by the drop.
    if answer.ended_by.is_none() {
        end(lease);
    }
    Ok(answer)
}

pub(super) async fn plan(
    pool: &Arc<Pool>,
    sql: &str,
    parameters: &[Value],
    carry_out: bool,
    (timeout, mark): (Duration, u64),
) -> Result<ReadPlan, ReadError> {
    // EXPLAIN ANALYZE of these makes what they make, which only the rollback would take back.
    let word = first_word(Dialect::Postgres, sql);
    if carry_out && matches!(word.as_str(), "CREATE" | "DECLARE" | "EXECUTE") {
        let message = format!("only statements that read are carried out, and this is a {word}");
        return Err(Error::invalid(message).into());
    }
    let lease = lease(pool).await?;
    let work = async {
        begin(&lease, Purpose::Read, (timeout, mark)).await?;
        // Its own errors have the places of its own text.
        lease.client().prepare(sql).await.map_err(|error| refused(error, sql))?;
        let options = if carry_out { "ANALYZE, VERBOSE" } else { "VERBOSE" };
        let explain = format!("EXPLAIN ({options}, FORMAT JSON) {sql}");
        Ok(Box::pin(run(&lease, &explain, parameters, Keep::Nothing)).await?)
    };
    let answer = within(timeout, work).await.map_err(|error| told(&lease, error))?.into_value();
    end(lease);
    let text = answer.as_ref().and_then(Value::as_str).unwrap_or_default();
    let (step, execution_ms) =
        parse_plan(text).ok_or_else(|| Error::new(ErrorKind::Query, "the plan cannot be read"))?;
    Ok(ReadPlan { steps: vec![step], execution_ms: execution_ms.filter(|_| carry_out) })
}

/// Asks the server to stop the statements of a mark; says whether there was one.
pub(crate) async fn stop(db: &DbConnector, mark: u64) -> Result<bool, Error> {
    let stopped = db.run(STOP, &[name_of(mark).into()]).await?.into_value();
    Ok(stopped.as_ref().and_then(Value::as_int).is_some_and(|stopped| stopped > 0))
}

/// Under which a statement is in the list of sessions.
fn name_of(mark: u64) -> String {
    format!("isobase statement {mark:016x}")
}

/// A connection that no one has used: each statement has one of its own.
pub(crate) async fn lease(pool: &Arc<Pool>) -> Result<Lease<'static>, Error> {
    let until = Instant::now() + ACQUIRE_TIMEOUT;
    pool.lease_owned(until).await.map_err(of_connection)
}

/// The changes of a statement to its session go with it.
pub(crate) fn end(lease: Lease<'static>) {
    lease.close();
    lease.finish();
}

/// Why a statement failed: a connection that was closed for what came too much of it says nothing else.
pub(crate) fn told(connection: &Connection, error: ReadError) -> ReadError {
    if connection.exceeded() { ReadError::TooLarge } else { error }
}

pub(crate) async fn within<T>(
    timeout: Duration,
    work: impl Future<Output = Result<T, ReadError>>,
) -> Result<T, ReadError> {
    match timeout_at(Instant::now() + timeout, work).await {
        Ok(done) => done,
        Err(_) => {
            let message = format!("the statement was stopped after {timeout:?}");
            Err(Error::new(ErrorKind::TimedOut, message).into())
        }
    }
}

/// Begins the one transaction of a connection, within which no statement waits for ever.
pub(crate) async fn begin(
    connection: &Connection,
    purpose: Purpose,
    (timeout, mark): (Duration, u64),
) -> Result<(), ReadError> {
    let late = (timeout + SERVER_LATER).as_millis().min(i32::MAX as u128);
    let (word, powerful) = match purpose {
        // The question for the role fixes the transaction: after it no statement makes it write.
        Purpose::Read => ("BEGIN READ ONLY", IS_POWERFUL),
        Purpose::Change => ("BEGIN READ WRITE", IS_POWERFUL_TO_CHANGE),
    };
    let begin = format!(
        "{word}; SET LOCAL statement_timeout = {late}; SET LOCAL lock_timeout = {late}; \
         SET LOCAL idle_in_transaction_session_timeout = {late}; \
         SET LOCAL application_name = '{}'",
        name_of(mark)
    );
    connection.batch(&begin).await.map_err(of_connection)?;
    let powerful = run(connection, powerful, &[], Keep::Nothing).await?.into_value();
    match powerful.as_ref().and_then(Value::as_str) {
        Some(role) => Err(ReadError::PowerfulRole(role.to_owned())),
        None => Ok(()),
    }
}

async fn answer(
    connection: &Connection,
    sql: &str,
    parameters: &[Value],
    limits: &ReadLimits,
) -> Result<ReadAnswer, Error> {
    let asked = connection.client().prepare(sql).await.map_err(|error| refused(error, sql))?;
    if asked.params().len() != parameters.len() {
        let (wanted, given) = (asked.params().len(), parameters.len());
        let message = format!("the statement has {wanted} parameters, {given} values were given");
        return Err(Error::invalid(message));
    }
    let columns = columns_of(&asked);
    let answer = ReadAnswer { columns, ..ReadAnswer::default() };
    match is_query(sql) && !answer.columns.is_empty() {
        true => read_texts(connection, sql, parameters, limits, answer).await,
        false => read_values(connection, sql, &asked, parameters, limits, answer).await,
    }
}

/// Whether its rows can be those of a part of another statement.
fn is_query(sql: &str) -> bool {
    let word = first_word(Dialect::Postgres, sql);
    let writes = |token: crate::lexer::Token<'_>| {
        token.kind == Kind::Word && WRITES.iter().any(|word| token.is(word))
    };
    QUERIES.contains(&word.as_str())
        && (word != "WITH" || !Lexer::new(Dialect::Postgres, sql).any(writes))
}

/// Reads the rows as texts that the server writes and cuts itself: a type is shown that nothing here
/// knows, and a value of a gigabyte does not come.
async fn read_texts(
    connection: &Connection,
    sql: &str,
    parameters: &[Value],
    limits: &ReadLimits,
    mut answer: ReadAnswer,
) -> Result<ReadAnswer, Error> {
    let count = answer.columns.len();
    let characters = limits.cell_of(count);
    // One more of each tells that there is more.
    let cells = (1..=count).map(|at| format!("left(c{at}::text, {})", characters + 1));
    let names = (1..=count).map(|at| format!("c{at}"));
    let (cells, names) = (cells.collect::<Vec<_>>(), names.collect::<Vec<_>>());
    let front = format!("SELECT {} FROM (\n", cells.join(", "));
    let most = limits.rows_max.saturating_add(1);
    let text = format!("{front}{sql}\n) AS isobase ({}) LIMIT {most}", names.join(", "));
    let failed = |error| moved_back(refused(error, sql), front.chars().count());
    let statement = connection.client().prepare(&text).await.map_err(failed)?;
    let parameters: Vec<Parameter<'_>> = parameters.iter().map(Parameter).collect();
    let rows = connection.client().query_raw(&statement, &parameters).await.map_err(failed)?;
    let forms: Vec<_> =
        answer.columns.iter().map(|column| ReadForm::of_type(&column.data_type)).collect();
    let mut rows = pin!(rows);
    let mut bytes = 0;
    while let Some(row) = rows.next().await {
        let row = row.map_err(failed)?;
        let cells = forms
            .iter()
            .enumerate()
            .map(|(at, form)| text_of(&row, at, characters, *form).map_err(failed));
        if !answer.take(cells.collect::<Result<_, _>>()?, &mut bytes, limits) {
            break;
        }
    }
    Ok(answer)
}

fn text_of(
    row: &tokio_postgres::Row,
    at: usize,
    characters: usize,
    form: ReadForm,
) -> Result<Option<ReadCell>, tokio_postgres::Error> {
    let text: Option<&str> = row.try_get(at)?;
    Ok(text.map(|text| cell(text.to_owned(), characters, form)))
}

/// Runs what is no query: SHOW, EXPLAIN, and what the server refuses because it writes.
async fn read_values(
    connection: &Connection,
    sql: &str,
    statement: &Statement,
    parameters: &[Value],
    limits: &ReadLimits,
    mut answer: ReadAnswer,
) -> Result<ReadAnswer, Error> {
    let failed = |error| match refused(error, sql) {
        // The driver does not know the rows of a COPY.
        error if error.refusal.is_none() && first_word(Dialect::Postgres, sql) == "COPY" => {
            Error::invalid("COPY gives no rows here; use SELECT, and save its rows")
        }
        error => error,
    };
    let characters = limits.cell_of(answer.columns.len());
    let parameters: Vec<Parameter<'_>> = parameters.iter().map(Parameter).collect();
    let rows = connection.client().query_raw(statement, &parameters).await.map_err(failed)?;
    let mut rows = pin!(rows);
    let mut bytes = 0;
    while let Some(row) = rows.next().await {
        let row = row.map_err(failed)?;
        let cells = cells_of(&row, statement, characters).map_err(|error| match error {
            NotShown::Row(error) => failed(error),
            NotShown::Value(error) => error,
        })?;
        if !answer.take(cells, &mut bytes, limits) {
            break;
        }
    }
    Ok(answer)
}

/// Why a row is not shown.
pub(crate) enum NotShown {
    /// The driver cannot read it.
    Row(tokio_postgres::Error),
    /// Nothing here knows the type of a value.
    Value(Error),
}

/// The values of a row as texts.
pub(crate) fn cells_of(
    row: &tokio_postgres::Row,
    statement: &Statement,
    characters: usize,
) -> Result<Vec<Option<ReadCell>>, NotShown> {
    let columns = statement.columns().iter().enumerate();
    let cell_of = |(at, column): (usize, &tokio_postgres::Column)| {
        let raw: Option<Raw<'_>> = row.try_get(at).map_err(NotShown::Row)?;
        let value = raw.map(|Raw(raw)| decode(column.type_(), raw)).transpose();
        let value = value.map_err(|_| {
            let (name, ty) = (column.name(), column.type_().name());
            let message = format!("the column '{name}' of the type {ty} cannot be shown here");
            NotShown::Value(Error::new(ErrorKind::Query, message))
        })?;
        let value = value.filter(|value| !value.is_null());
        let form = ReadForm::of_type(column.type_().name());
        Ok(value.map(|value| cell(value.to_string(), characters, form)))
    };
    columns.map(cell_of).collect()
}

/// The columns of what a statement answers.
pub(crate) fn columns_of(statement: &Statement) -> Vec<ReadColumn> {
    let column = |column: &tokio_postgres::Column| ReadColumn {
        name: column.name().to_owned(),
        data_type: column.type_().name().to_owned(),
    };
    statement.columns().iter().map(column).collect()
}

/// The place in the statement of which one in a longer text is.
fn moved_back(mut error: Error, characters: usize) -> Error {
    if let Some(refusal) = &mut error.refusal {
        let moved = |at: u32| at.checked_sub(u32::try_from(characters).ok()?).filter(|at| *at > 0);
        refusal.position = refusal.position.and_then(moved);
    }
    error
}
