//! Handlers of the routes that only read.

use std::sync::Arc;

use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::Body;
use isobase_sql::{ErrorKind, ReadAnswer, ReadLimits};
use serde_json::json as value;

use super::{
    asked::{Asked, Began, mark, remember, shown, stoppable},
    objects::objects,
};
use crate::{
    Call,
    answer::json,
    csv,
    failure::Failure,
    request::{Members, Parameters, no_parameters},
    sql::{
        history::Asked as AskedHistory,
        problems,
        state::{State, owner},
        wire::read::{Database, HistoryOf, Plan, References, Rows, TableOf, Tables},
    },
};

/// Most rows of a file, most bytes of all its values, and most characters of one.
const FILE_ROWS_MAX: usize = 100_000;
const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
const FILE_CELL_MAX: usize = 1_000_000;

/// Statements of a page of the history, unless `limit` says otherwise, and at most.
const HISTORY_PAGE: u32 = 100;
const HISTORY_PAGE_MAX: u32 = 200;

/// `GET /api/v1/sql`
pub(in crate::sql) async fn get_database(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    no_parameters(&call)?;
    Ok(json(&Database::of(&state.options, state.running.count(&owner))))
}

/// `POST /api/v1/sql/run`
pub(in crate::sql) async fn run_statement(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let asked = Asked::read(&state, &call, &mut members)?;
    let rows_max = members.integer("limit", 1..=state.options.rows_max);
    members.finish()?;
    let limits = shown(&state, (&asked.owner, &asked.id), rows_max);
    let began = Began::now();
    let reading = state.options.reader.read(&asked.sql, &asked.parameters, &limits);
    let read = stoppable(&state, &asked.owner, &asked.id, reading).await;
    let ms = began.ms();
    let rows = read.as_ref().ok().map(|answer| answer.rows.len() as u64);
    let entry = began.entry(asked.statement, rows, read.as_ref().err());
    remember(&state, &asked.owner, entry).await;
    Ok(json(&Rows::of(&read?, ms)))
}

/// `POST /api/v1/sql/csv`
pub(in crate::sql) async fn export_statement(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let answer = whole_answer(&state, call).await?;
    let mut text = Vec::new();
    csv::write_row(answer.columns.iter().map(|column| column.name.as_str()), &mut text);
    for row in &answer.rows {
        let cells = row.iter().map(|cell| cell.as_ref().map_or("", |cell| cell.text.as_str()));
        csv::write_row(cells, &mut text);
    }
    Ok(file(text, "text/csv; charset=utf-8", "attachment; filename=\"rows.csv\""))
}

/// `POST /api/v1/sql/json`
pub(in crate::sql) async fn export_json(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let answer = whole_answer(&state, call).await?;
    Ok(file(objects(&answer), "application/json", "attachment; filename=\"rows.json\""))
}

/// All rows of a statement, or none.
async fn whole_answer(state: &State, mut call: Call) -> Result<ReadAnswer, Failure> {
    let mut members = Members::read(&mut call).await?;
    let asked = Asked::read(state, &call, &mut members)?;
    members.finish()?;
    let limits = ReadLimits {
        rows_max: FILE_ROWS_MAX,
        bytes_max: FILE_BYTES_MAX,
        cell_characters_max: FILE_CELL_MAX,
        ..shown(state, (&asked.owner, &asked.id), None)
    };
    let reading = state.options.reader.read(&asked.sql, &asked.parameters, &limits);
    let answer = stoppable(state, &asked.owner, &asked.id, reading).await?;
    let is_cut = answer.rows.iter().flatten().flatten().any(|cell| cell.is_cut);
    match answer.ended_by.is_some() || is_cut {
        true => Err(problems::too_large(FILE_ROWS_MAX).into()),
        false => Ok(answer),
    }
}

fn file(text: Vec<u8>, media_type: &'static str, name: &'static str) -> Response<Body> {
    let media_type = HeaderValue::from_static(media_type);
    let mut response = Body::full(text).into_response(StatusCode::OK, media_type);
    response.headers_mut().insert(header::CONTENT_DISPOSITION, HeaderValue::from_static(name));
    response
}

/// `POST /api/v1/sql/explain`
pub(in crate::sql) async fn explain_statement(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let asked = Asked::read(&state, &call, &mut members)?;
    let run = members.flag("run");
    members.finish()?;
    let limits = shown(&state, (&asked.owner, &asked.id), None);
    let planning = state.options.reader.plan(&asked.sql, &asked.parameters, run, &limits);
    let plan = stoppable(&state, &asked.owner, &asked.id, planning).await?;
    Ok(json(&Plan::of(&plan)))
}

/// `POST /api/v1/sql/statements/{statement}/cancel`
pub(in crate::sql) async fn cancel_statement(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    no_parameters(&call)?;
    let id = call.parameter(0);
    match state.running.stop(&owner, id) || stopped_elsewhere(&state, mark(&owner, id)).await? {
        true => Ok(json(&value!({ "stopped": id }))),
        false => Err(problems::not_running(id).into()),
    }
}

/// Stops a statement that another service runs, where the database can do that.
async fn stopped_elsewhere(state: &State, mark: u64) -> Result<bool, isobase_sql::Error> {
    if state.options.reader.stop(mark).await? {
        return Ok(true);
    }
    match &state.options.writer {
        Some(writer) => writer.stop(mark).await,
        None => Ok(false),
    }
}

/// `GET /api/v1/sql/tables`
pub(in crate::sql) async fn list_tables(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    owner(&call)?;
    no_parameters(&call)?;
    Ok(json(&Tables::of(state.options.reader.tables().await?)))
}

/// `GET /api/v1/sql/table`
pub(in crate::sql) async fn get_table(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    owner(&call)?;
    let mut parameters = Parameters::parse(call.query());
    let schema = parameters.take("schema").unwrap_or_default();
    let name = parameters.take("name").unwrap_or_default();
    parameters.finish()?;
    match state.options.reader.table(&schema, &name).await {
        Ok(table) => {
            let triggers = state.options.reader.triggers(&table.schema, &table.name).await?;
            Ok(json(&TableOf::of(table).with_triggers(triggers)))
        }
        Err(error) if matches!(error.kind, ErrorKind::Schema | ErrorKind::Invalid) => {
            Err(problems::no_table(error.message).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /api/v1/sql/references`
pub(in crate::sql) async fn list_references(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    owner(&call)?;
    no_parameters(&call)?;
    Ok(json(&References::of(state.options.reader.references().await?)))
}

/// `GET /api/v1/sql/history`
pub(in crate::sql) async fn list_history(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    let mut parameters = Parameters::parse(call.query());
    let asked = AskedHistory {
        limit: parameters.take_number("limit", HISTORY_PAGE, (1, HISTORY_PAGE_MAX)),
        cursor: parameters.take("cursor").filter(|cursor| !cursor.is_empty()),
        text: parameters.take("q").filter(|text| !text.is_empty()),
    };
    parameters.finish()?;
    let (entries, next) = state.history.of(&owner, asked).await?;
    Ok(json(&HistoryOf { entries, next }))
}

/// `DELETE /api/v1/sql/history`
pub(in crate::sql) async fn delete_history(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    no_parameters(&call)?;
    state.history.clear(&owner).await?;
    Ok(json(&HistoryOf { entries: Vec::new(), next: None }))
}
