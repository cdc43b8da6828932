//! A transaction of a person's statements on SQLite.

use std::sync::Arc;

use isobase_sqlite::rusqlite::{
    Connection,
    hooks::{AuthContext, Authorization},
};
use tokio::time::Instant;

use super::statement::{Effect, WriteStatement};
use crate::{
    Dialect, Error, ReadAnswer, ReadLimits,
    lexer::first_word,
    reading::{
        answer::ACQUIRE_TIMEOUT,
        sqlite::{cells_of, columns_of, on_lease},
    },
    sqlite::{SqliteLease, SqlitePool, authorise_change, bind, refused},
};

/// Words of statements whose changes SQLite counts.
const COUNTED: [&str; 5] = ["INSERT", "UPDATE", "DELETE", "REPLACE", "WITH"];

pub(super) async fn write(
    pool: &Arc<SqlitePool>,
    statements: Vec<WriteStatement>,
    limits: &ReadLimits,
) -> Result<(Vec<Effect>, SqliteLease), Error> {
    let lease = pool.lease(Instant::now() + ACQUIRE_TIMEOUT).await?;
    let (limits, timeout) = (*limits, limits.timeout);
    let job = move |connection: &mut Connection| {
        let failed = |error| refused(error, "");
        connection.execute_batch("BEGIN IMMEDIATE").map_err(failed)?;
        connection.authorizer(Some(authorise_change)).map_err(failed)?;
        let effects = statements.iter().map(|statement| run(connection, statement, &limits));
        let effects = effects.collect::<Result<Vec<_>, Error>>();
        let none = None::<fn(AuthContext<'_>) -> Authorization>;
        connection.authorizer(none).map_err(failed)?;
        effects
    };
    let effects = on_lease(&lease, timeout, job).await?;
    Ok((effects, lease))
}

/// Ends the transaction.
pub(super) async fn end(
    lease: &SqliteLease,
    sql: &'static str,
    until: Instant,
) -> Result<(), Error> {
    let job = move |connection: &mut Connection| {
        connection.execute_batch(sql).map_err(|error| refused(error, sql))
    };
    lease.call(until, job).await
}

/// Runs a statement to its end; what is more than the limits show is passed over.
fn run(
    connection: &Connection,
    statement: &WriteStatement,
    limits: &ReadLimits,
) -> Result<Effect, Error> {
    let sql = &*statement.sql;
    let failed = |error| refused(error, sql);
    let before = connection.total_changes();
    let mut prepared = connection.prepare(sql).map_err(failed)?;
    bind(&mut prepared, sql, &statement.parameters)?;
    let counted = !prepared.readonly() && COUNTED.contains(&&*first_word(Dialect::Sqlite, sql));
    let mut answer = ReadAnswer { columns: columns_of(&prepared), ..ReadAnswer::default() };
    let mut bytes = 0;
    let mut rows = prepared.raw_query();
    while let Some(row) = rows.next().map_err(failed)? {
        if answer.ended_by.is_none() {
            let cells = cells_of(row, &mut answer.columns, limits)?;
            answer.take(cells, &mut bytes, limits);
        }
    }
    drop(rows);
    drop(prepared);
    // `changes` is that of the last statement that changed something.
    let changed = if connection.total_changes() == before { 0 } else { connection.changes() };
    Ok(Effect { answer, affected: counted.then_some(changed) })
}
