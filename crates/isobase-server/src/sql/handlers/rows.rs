//! Handlers of the routes about rows of one table.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem};
use isobase_sql::{Comparison, ErrorKind, ReadError, RowChange, RowCondition, RowsWanted, Value};
use serde_json::json as value;

use super::{
    asked::{Began, nested, shown, statement_id, stoppable},
    change::{Change, carry_out, start_of},
};
use crate::{
    Call,
    answer::json,
    failure::{Failure, IntoProblem},
    request::{Members, no_parameters},
    sql::{
        problems,
        state::{State, owner},
        wire::rows::{ChangedRows, ConditionOf, RowChangeOf, TableRows},
    },
};

/// Rows that may be passed over: the database reads all of them.
const OFFSET_MAX: u64 = 1_000_000;
/// Conditions at once.
const CONDITIONS_MAX: usize = 20;
/// Changes of one transaction.
const CHANGES_MAX: usize = 200;

/// Changes that the audit is told one by one; of more it is told the number.
const TOLD_MAX: usize = 20;

/// `POST /api/v1/sql/rows`
pub(in crate::sql) async fn list_rows(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let owner = owner(&call)?;
    no_parameters(&call)?;
    let id = statement_id(&call, &mut members);
    let (schema, table) = (members.text("schema"), members.text("table"));
    let order = members.optional_text("order");
    let descending = members.flag("descending");
    let wanted = RowsWanted {
        conditions: conditions(&mut members),
        order: order.map(|column| (column, descending)),
        after: after(&mut members),
        offset: members.integer("offset", 0..=OFFSET_MAX).unwrap_or(0),
    };
    let rows_max = members.integer("limit", 1..=state.options.rows_max);
    members.finish()?;
    let limits = shown(&state, (&owner, &id), rows_max);
    let began = Began::now();
    let reading = state.options.reader.rows((&schema, &table), &wanted, &limits);
    let reading = async { Ok(reading.await.map_err(of_table)) };
    let found = stoppable(&state, &owner, &id, reading).await??;
    Ok(json(&TableRows::of(found, began.ms())))
}

/// The values of the row behind which the rows begin.
fn after(members: &mut Members) -> Option<Vec<Value>> {
    let asked: Vec<Option<String>> = nested(members, "after", false)?;
    Some(asked.into_iter().map(|value| value.map_or(Value::Null, Value::Text)).collect())
}

fn conditions(members: &mut Members) -> Vec<RowCondition> {
    let asked: Vec<ConditionOf> = nested(members, "where", false).unwrap_or_default();
    if asked.len() > CONDITIONS_MAX {
        return members.fault("where", &format!("expected at most {CONDITIONS_MAX} conditions"));
    }
    let condition = |asked: ConditionOf| {
        let known = Comparison::ALL.into_iter().find(|it| it.name() == asked.comparison)?;
        let value = asked.value.map_or(Value::Null, Value::Text);
        Some(RowCondition { column: asked.column, comparison: known, value })
    };
    let conditions: Option<Vec<_>> = asked.into_iter().map(condition).collect();
    conditions.unwrap_or_else(|| {
        let names = Comparison::ALL.map(Comparison::name).join("`, `");
        members.fault("where", &format!("expected one of `{names}` as comparison"))
    })
}

/// `POST /api/v1/sql/changes`
pub(in crate::sql) async fn change_rows(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let owner = owner(&call)?;
    no_parameters(&call)?;
    let id = statement_id(&call, &mut members);
    let (schema, table) = (members.text("schema"), members.text("table"));
    let typed = members.text("database");
    let dry_run = members.flag("dry_run");
    let asked: Vec<RowChangeOf> = nested(&mut members, "changes", true).unwrap_or_default();
    if asked.is_empty() || asked.len() > CHANGES_MAX {
        members.fault::<()>("changes", &format!("expected 1 to {CHANGES_MAX} changes"));
    }
    members.finish()?;
    let told = value!({
        "table": start_of(&format!("{schema}.{table}")),
        "count": asked.len(),
        "changes": asked.iter().take(TOLD_MAX).map(RowChangeOf::told).collect::<Vec<_>>(),
    });
    let changes: Vec<RowChange> = asked.into_iter().map(RowChangeOf::into_change).collect();
    let writer = state.writer(&typed)?;
    let statements = writer.row_statements((&schema, &table), &changes).await;
    let statements = statements.map_err(|error| of_table(error.into()))?;
    let limits = shown(&state, (&owner, &id), None);
    let shown = statements.clone();
    let change = Change { writer, owner, id, statements, limits, dry_run };
    let began = Began::now();
    let judge = |effects: &[isobase_sql::Effect]| match effects
        .iter()
        .position(|effect| effect.affected != Some(1))
    {
        Some(place) => Err(problems::row_changed(place)),
        None => Ok(told),
    };
    carry_out(&state, &call, change, judge).await?;
    Ok(json(&ChangedRows::of(&shown, !dry_run, began.ms())))
}

/// A table that is not there is told as one; else it is about the changes.
fn of_table(error: ReadError) -> Problem {
    match error {
        ReadError::Sql(error) if error.kind == ErrorKind::Schema && error.refusal.is_none() => {
            problems::no_table(error.message)
        }
        ReadError::Sql(error) => problems::at("/changes", error),
        error => error.into_problem(),
    }
}
