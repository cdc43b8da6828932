//! What answers the SQL routes.

use std::{sync::Arc, time::Instant};

use http::{HeaderValue, Response, StatusCode, header};
use isobase_http::{Body, Problem};
use isobase_sql::{ErrorKind, ReadError, ReadLimits, Value};
use isobase_types::Timestamp;
use serde_json::{Value as Json, json as value};

use super::{
    State,
    history::Entry,
    problems,
    state::owner,
    wire::{Database, HistoryOf, Plan, References, Rows, TableOf, Tables},
};
use crate::{
    Call,
    answer::json,
    csv,
    failure::{Failure, IntoProblem},
    request::{Members, Parameters, no_parameters},
};

/// Bytes of all values that an answer shows.
const SHOWN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of one value that an answer shows.
const SHOWN_CELL_MAX: usize = 64 * 1024;
/// The same of a file.
const FILE_ROWS_MAX: usize = 100_000;
const FILE_BYTES_MAX: usize = 32 * 1024 * 1024;
const FILE_CELL_MAX: usize = 1_000_000;
/// Longest id of a statement.
const ID_BYTES_MAX: usize = 64;

/// `GET /api/v1/sql`
pub(super) async fn get_database(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    no_parameters(&call)?;
    Ok(json(&Database::of(&state.options, state.running.count(&owner))))
}

/// A statement as it is asked for.
struct Asked {
    owner: String,
    id: String,
    /// As it was written.
    statement: String,
    /// As the database takes it.
    sql: String,
    parameters: Vec<Value>,
}

impl Asked {
    fn read(state: &State, call: &Call, members: &mut Members) -> Result<Self, Failure> {
        let owner = owner(call)?;
        no_parameters(call)?;
        let statement = members.text("statement");
        // Not `id`: that is no member of a document, and taken out of every body.
        let id = members.optional_text("statement_id");
        let id = match id {
            Some(id) if id.is_empty() || id.len() > ID_BYTES_MAX => {
                members.fault("statement_id", &format!("expected 1 to {ID_BYTES_MAX} bytes"))
            }
            Some(id) => id,
            None => call.request_id.to_str().unwrap_or_default().to_owned(),
        };
        let (sql, parameters) = parameters(state, members, &statement)?;
        Ok(Self { owner, id, statement, sql, parameters })
    }
}

/// The statement as the database takes it, with the values of its parameters: an array of them, or an
/// object of names.
fn parameters(
    state: &State,
    members: &mut Members,
    statement: &str,
) -> Result<(String, Vec<Value>), Failure> {
    let text = |value: Json| match value {
        Json::String(text) => Some(Value::Text(text)),
        Json::Null => Some(Value::Null),
        _ => None,
    };
    match members.any("parameters") {
        None | Some(Json::Null) => return Ok((statement.to_owned(), Vec::new())),
        Some(Json::Array(values)) => {
            let values: Option<Vec<_>> = values.into_iter().map(text).collect();
            if let Some(values) = values {
                return Ok((statement.to_owned(), values));
            }
        }
        Some(Json::Object(named)) => {
            let named: Option<Vec<_>> =
                named.into_iter().map(|(name, value)| Some((name, text(value)?))).collect();
            if let Some(named) = named {
                return Ok(state.options.reader.numbered(statement, &named)?);
            }
        }
        Some(_) => {}
    }
    members.fault::<()>("parameters", "expected texts and nulls, in an array or by name");
    Ok(Default::default())
}

/// `POST /api/v1/sql/run`
pub(super) async fn run_statement(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let asked = Asked::read(&state, &call, &mut members)?;
    let rows_max = members.integer("limit", 1..=state.options.rows_max);
    members.finish()?;
    let limits = ReadLimits {
        rows_max: rows_max.unwrap_or(state.options.rows_max),
        bytes_max: SHOWN_BYTES_MAX,
        cell_characters_max: SHOWN_CELL_MAX,
        timeout: state.options.timeout,
    };
    let (began, at) = (Instant::now(), Timestamp::from_system_time(std::time::SystemTime::now()));
    let reading = state.options.reader.read(&asked.sql, &asked.parameters, &limits);
    let read = stoppable(&state, &asked, reading).await;
    let ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let entry = Entry {
        at: at.to_string(),
        statement: asked.statement,
        ms,
        rows: read.as_ref().ok().map(|answer| answer.rows.len() as u64),
        problem: read.as_ref().err().map(|problem| problem.code().as_str().to_owned()),
    };
    remember(&state, &asked.owner, entry).await;
    Ok(json(&Rows::of(&read?, ms)))
}

/// `POST /api/v1/sql/csv`
pub(super) async fn export_statement(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let asked = Asked::read(&state, &call, &mut members)?;
    members.finish()?;
    let limits = ReadLimits {
        rows_max: FILE_ROWS_MAX,
        bytes_max: FILE_BYTES_MAX,
        cell_characters_max: FILE_CELL_MAX,
        timeout: state.options.timeout,
    };
    let reading = state.options.reader.read(&asked.sql, &asked.parameters, &limits);
    let answer = stoppable(&state, &asked, reading).await?;
    let is_cut = answer.rows.iter().flatten().flatten().any(|cell| cell.is_cut);
    if answer.ended_by.is_some() || is_cut {
        return Err(problems::too_large(FILE_ROWS_MAX).into());
    }
    let mut text = Vec::new();
    csv::write_row(answer.columns.iter().map(|column| column.name.as_str()), &mut text);
    for row in &answer.rows {
        let cells = row.iter().map(|cell| cell.as_ref().map_or("", |cell| cell.text.as_str()));
        csv::write_row(cells, &mut text);
    }
    let media_type = HeaderValue::from_static("text/csv; charset=utf-8");
    let mut response = Body::full(text).into_response(StatusCode::OK, media_type);
    let name = HeaderValue::from_static("attachment; filename=\"rows.csv\"");
    response.headers_mut().insert(header::CONTENT_DISPOSITION, name);
    Ok(response)
}

/// `POST /api/v1/sql/explain`
pub(super) async fn explain_statement(
    state: Arc<State>,
    mut call: Call,
) -> Result<Response<Body>, Failure> {
    let mut members = Members::read(&mut call).await?;
    let asked = Asked::read(&state, &call, &mut members)?;
    let run = members.flag("run");
    members.finish()?;
    let (reader, timeout) = (&state.options.reader, state.options.timeout);
    let planning = reader.plan(&asked.sql, &asked.parameters, run, timeout);
    let plan = stoppable(&state, &asked, planning).await?;
    Ok(json(&Plan::of(&plan)))
}

/// `POST /api/v1/sql/statements/{statement}/cancel`
pub(super) async fn cancel_statement(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    no_parameters(&call)?;
    let id = call.parameter(0);
    match state.running.stop(&owner, id) {
        true => Ok(json(&value!({ "stopped": id }))),
        false => Err(problems::not_running(id).into()),
    }
}

/// `GET /api/v1/sql/tables`
pub(super) async fn list_tables(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    owner(&call)?;
    no_parameters(&call)?;
    Ok(json(&Tables::of(state.options.reader.tables().await?)))
}

/// `GET /api/v1/sql/table`
pub(super) async fn get_table(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    owner(&call)?;
    let mut parameters = Parameters::parse(call.query());
    let schema = parameters.take("schema").unwrap_or_default();
    let name = parameters.take("name").unwrap_or_default();
    parameters.finish()?;
    match state.options.reader.table(&schema, &name).await {
        Ok(table) => Ok(json(&TableOf::of(table))),
        Err(error) if matches!(error.kind, ErrorKind::Schema | ErrorKind::Invalid) => {
            Err(problems::no_table(error.message).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// `GET /api/v1/sql/references`
pub(super) async fn list_references(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    owner(&call)?;
    no_parameters(&call)?;
    Ok(json(&References::of(state.options.reader.references().await?)))
}

/// `GET /api/v1/sql/history`
pub(super) async fn list_history(state: Arc<State>, call: Call) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    no_parameters(&call)?;
    Ok(json(&HistoryOf { entries: state.history.of(&owner).await? }))
}

/// `DELETE /api/v1/sql/history`
pub(super) async fn delete_history(
    state: Arc<State>,
    call: Call,
) -> Result<Response<Body>, Failure> {
    let owner = owner(&call)?;
    no_parameters(&call)?;
    state.history.clear(&owner).await?;
    Ok(json(&HistoryOf { entries: Vec::new() }))
}

/// Waits for a statement that another request may stop. Its drop stops it in the database, also when
/// the client has left.
async fn stoppable<T>(
    state: &State,
    asked: &Asked,
    statement: impl Future<Output = Result<T, ReadError>>,
) -> Result<T, Problem> {
    let ticket = state.running.begin(&asked.owner, asked.id.clone());
    let ticket = ticket.map_err(IntoProblem::into_problem)?;
    tokio::select! {
        done = statement => done.map_err(IntoProblem::into_problem),
        () = ticket.stopped.cancelled() => Err(problems::stopped()),
    }
}

/// Remembers a statement. One that is not remembered was answered all the same.
async fn remember(state: &State, owner: &str, entry: Entry) {
    if let Err(error) = state.history.add(owner, entry).await {
        tracing::warn!(%error, "a statement is not remembered: {error}");
    }
}
