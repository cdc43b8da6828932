//! Handlers of the routes that change the database by statements.

use std::sync::Arc;

use http::Response;
use isobase_http::{Body, Problem};
use isobase_sql::{Dialect, WriteStatement, plan_schema_change};
use serde_json::json as value;

use super::{
    asked::{Asked, Began, nested, remember, shown, statement_id},
    change::{Change, carry_out, told},
};
use crate::{
    Call,
    answer::json,
    failure::{Failure, IntoProblem},
    request::{Members, no_parameters},
    sql::{
        problems,
        state::{State, owner},
        wire::write::{SchemaChangeOf, SchemaPlan, WrittenRows},
    },
};

/// `POST /api/v1/sql/write`
pub(in crate::sql) async fn write_statement(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let asked = Asked::read(&state, &call, &mut members)?;
    let typed = members.text("database");
    let rows_max = members.integer("limit", 1..=state.options.rows_max);
    let expected: Option<u64> = members.integer("expected_rows", 0..=u64::MAX >> 1);
    let dry_run = members.flag("dry_run");
    members.finish()?;
    let limits = shown(&state, (&asked.owner, &asked.id), rows_max);
    let change = Change {
        writer: state.writer(&typed)?,
        owner: asked.owner.clone(),
        id: asked.id,
        statements: vec![WriteStatement { sql: asked.sql, parameters: asked.parameters }],
        limits,
        dry_run,
    };
    let began = Began::now();
    let statement = told(state.options.reader.dialect(), &asked.statement);
    let done = carry_out(&state, &call, change, |effects| {
        let affected = effects.first().and_then(|effect| effect.affected);
        match expected {
            Some(expected) if affected != Some(expected) => {
                Err(problems::affected_differs(expected, affected))
            }
            _ => Ok(value!({ "statement": statement, "affected": affected })),
        }
    });
    let done = done.await;
    let ms = began.ms();
    if !dry_run {
        let effect = done.as_ref().ok().and_then(|effects| effects.first());
        let rows = effect.map(|it| it.affected.unwrap_or(it.answer.rows.len() as u64));
        let entry = began.entry(asked.statement, rows, done.as_ref().err());
        remember(&state, &asked.owner, entry).await;
    }
    let effects = done?;
    Ok(json(&WrittenRows::of(effects.first(), !dry_run, ms)))
}

/// `POST /api/v1/sql/schema`
pub(in crate::sql) async fn change_schema(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let owner = owner(&call)?;
    no_parameters(&call)?;
    let id = statement_id(&call, &mut members);
    let (schema, table) = (members.text("schema"), members.text("table"));
    let wanted: Option<SchemaChangeOf> = nested(&mut members, "change", true);
    let run = members.flag("run");
    let typed = members.optional_text("database").unwrap_or_default();
    let named = members.optional_text("name");
    members.finish()?;
    let Some(wanted) = wanted.map(SchemaChangeOf::into_change) else {
        return Err(Problem::internal("a fault was not told").into());
    };
    let dialect = state.options.reader.dialect();
    let plan = |dialect, schema| plan_schema_change(dialect, (schema, &table), &wanted);
    let own = plan(dialect, &schema).map_err(|error| problems::at("/change", error))?;
    let other = match dialect {
        Dialect::Postgres => (Dialect::Sqlite, plan(Dialect::Sqlite, "main")),
        Dialect::Sqlite => (Dialect::Postgres, plan(Dialect::Postgres, "public")),
    };
    if !run {
        return Ok(json(&SchemaPlan::of((dialect, own), other, None)));
    }
    let writer = state.writer(&typed)?;
    let sql = own.statement.clone().map_err(problems::no_schema_statement)?;
    if let Some(name) = own.loses.as_deref().filter(|name| named.as_deref() != Some(*name)) {
        return Err(problems::not_confirmed("/name", name).into());
    }
    let statements = vec![WriteStatement { sql: sql.clone(), parameters: Vec::new() }];
    let limits = shown(&state, (&owner, &id), None);
    let change = Change { writer, owner: owner.clone(), id, statements, limits, dry_run: false };
    let began = Began::now();
    let statement = told(dialect, &sql);
    let done = carry_out(&state, &call, change, |_| Ok(value!({ "statement": statement }))).await;
    let entry = began.entry(sql, done.as_ref().ok().map(|_| 0), done.as_ref().err());
    remember(&state, &owner, entry).await;
    done.map_err(IntoProblem::into_problem)?;
    Ok(json(&SchemaPlan::of((dialect, own), other, Some(began.ms()))))
}
