//! A transaction of a person's statements on PostgreSQL.

use std::{pin::pin, sync::Arc};

use futures_util::StreamExt;
use isobase_postgres::{Connection, Lease, Pool};

use super::{
    guarded::Guarded,
    statement::{Effect, WriteStatement},
};
use crate::{
    Dialect, Error, ReadAnswer, ReadError, ReadLimits,
    lexer::first_word,
    postgres::{Parameter, refused},
    reading::postgres::{NotShown, Purpose, begin, cells_of, columns_of, lease, told, within},
};

/// Words of statements whose tag counts the rows that they changed.
const COUNTED: [&str; 4] = ["INSERT", "UPDATE", "DELETE", "MERGE"];

pub(super) async fn write(
    pool: &Arc<Pool>,
    guarded: Option<&Guarded>,
    statements: &[WriteStatement],
    limits: &ReadLimits,
) -> Result<(Vec<Effect>, Lease<'static>), ReadError> {
    let lease = lease(pool).await?;
    let work = async {
        if let Some(guarded) = guarded
            && guarded.is_reached_by(&lease).await?
        {
            return Err(ReadError::Guarded);
        }
        begin(&lease, Purpose::Change, (limits.timeout, limits.mark)).await?;
        let mut effects = Vec::with_capacity(statements.len());
        for statement in statements {
            effects.push(Box::pin(run(&lease, statement, limits)).await?);
        }
        Ok(effects)
    };
    let effects = within(limits.timeout, work).await.map_err(|error| told(&lease, error))?;
    Ok((effects, lease))
}

/// Runs a statement to its end; what is more than the limits show is passed over.
async fn run(
    connection: &Connection,
    statement: &WriteStatement,
    limits: &ReadLimits,
) -> Result<Effect, Error> {
    let sql = &*statement.sql;
    let failed = |error| refused(error, sql);
    let asked = connection.client().prepare(sql).await.map_err(failed)?;
    let (wanted, given) = (asked.params().len(), statement.parameters.len());
    if wanted != given {
        let message = format!("the statement has {wanted} parameters, {given} values were given");
        return Err(Error::invalid(message));
    }
    let parameters: Vec<Parameter<'_>> = statement.parameters.iter().map(Parameter).collect();
    let rows = connection.client().query_raw(&asked, &parameters).await.map_err(failed)?;
    let mut rows = pin!(rows);
    let mut answer = ReadAnswer { columns: columns_of(&asked), ..ReadAnswer::default() };
    let characters = limits.cell_of(answer.columns.len());
    let mut bytes = 0;
    while let Some(row) = rows.next().await {
        let row = row.map_err(failed)?;
        if answer.ended_by.is_none() {
            let cells = cells_of(&row, &asked, characters).map_err(|error| match error {
                NotShown::Row(error) => failed(error),
                NotShown::Value(error) => error,
            })?;
            answer.take(cells, &mut bytes, limits);
        }
    }
    let word = first_word(Dialect::Postgres, sql);
    // The tag of a WITH that answers rows may be that of a query.
    let counted = COUNTED.contains(&&*word) || (word == "WITH" && answer.columns.is_empty());
    let affected = rows.rows_affected().filter(|_| counted);
    Ok(Effect { answer, affected })
}
