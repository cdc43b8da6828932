//! The common parts of requests about statements: the statement, who may stop it, that it is remembered.

use std::time::{Instant, SystemTime};

use isobase_http::Problem;
use isobase_sql::{ReadError, ReadLimits, Value};
use isobase_types::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

use crate::{
    Call,
    failure::{Failure, IntoProblem},
    request::{Members, no_parameters},
    sql::{
        history::Entry,
        problems,
        state::{State, owner},
    },
};

/// Bytes of all values that an answer shows.
const SHOWN_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Characters of one value that an answer shows.
const SHOWN_CELL_MAX: usize = 64 * 1024;
/// Longest id of a statement.
const ID_BYTES_MAX: usize = 64;

/// How much an answer to a statement shows.
pub(super) fn shown(
    state: &State,
    (owner, id): (&str, &str),
    rows_max: Option<usize>,
) -> ReadLimits {
    ReadLimits {
        rows_max: rows_max.unwrap_or(state.options.rows_max),
        bytes_max: SHOWN_BYTES_MAX,
        cell_characters_max: SHOWN_CELL_MAX,
        timeout: state.options.timeout,
        mark: mark(owner, id),
    }
}

/// By which other services that look at the same database find a statement.
pub(super) fn mark(owner: &str, id: &str) -> u64 {
    let hash = Sha256::new().chain_update(owner).chain_update([0]).chain_update(id).finalize();
    u64::from_be_bytes(std::array::from_fn(|at| hash[at]))
}

/// By what a statement is stopped; the id of the request when none is given.
pub(super) fn statement_id(call: &Call, members: &mut Members) -> String {
    // Not `id`: that is no member of a document, and taken out of every body.
    match members.optional_text("statement_id") {
        Some(id) if id.is_empty() || id.len() > ID_BYTES_MAX => {
            members.fault("statement_id", &format!("expected 1 to {ID_BYTES_MAX} bytes"))
        }
        Some(id) => id,
        None => call.request_id.to_str().unwrap_or_default().to_owned(),
    }
}

/// When a statement began.
pub(super) struct Began(Instant, SystemTime);

impl Began {
    pub(super) fn now() -> Self {
        Self(Instant::now(), SystemTime::now())
    }

    /// Milliseconds until now.
    pub(super) fn ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// The memory of the statement.
    pub(super) fn entry(
        &self,
        statement: String,
        rows: Option<u64>,
        problem: Option<&Problem>,
    ) -> Entry {
        Entry {
            at: Timestamp::from_system_time(self.1).to_string(),
            statement,
            ms: self.ms(),
            rows,
            problem: problem.map(|problem| problem.code().as_str().to_owned()),
        }
    }
}

/// A statement as it is asked for.
pub(super) struct Asked {
    pub(super) owner: String,
    pub(super) id: String,
    /// As it was written.
    pub(super) statement: String,
    /// As the database takes it.
    pub(super) sql: String,
    pub(super) parameters: Vec<Value>,
}

impl Asked {
    pub(super) fn read(state: &State, call: &Call, members: &mut Members) -> Result<Self, Failure> {
        let owner = owner(call)?;
        no_parameters(call)?;
        let statement = members.text("statement");
        let id = statement_id(call, members);
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

/// Waits for a statement that another request may stop. Its drop stops it in the database, also when
/// the client has left.
pub(super) async fn stoppable<T>(
    state: &State,
    owner: &str,
    id: &str,
    statement: impl Future<Output = Result<T, ReadError>>,
) -> Result<T, Problem> {
    let ticket = state.running.begin(owner, id.to_owned());
    let ticket = ticket.map_err(IntoProblem::into_problem)?;
    tokio::select! {
        done = statement => done.map_err(IntoProblem::into_problem),
        () = ticket.stopped.cancelled() => Err(problems::stopped()),
    }
}

/// Remembers a statement. One that is not remembered was answered all the same.
pub(super) async fn remember(state: &State, owner: &str, entry: Entry) {
    if let Err(error) = state.history.add(owner, entry).await {
        tracing::warn!(%error, "a statement is not remembered: {error}");
    }
}

/// Takes a member that is more than a text or a number; one that is not as it should be is named.
pub(super) fn nested<T: DeserializeOwned>(
    members: &mut Members,
    name: &str,
    needed: bool,
) -> Option<T> {
    match members.any(name) {
        None | Some(Json::Null) if needed => {
            members.fault::<()>(name, "expected it, it is missing");
            None
        }
        None | Some(Json::Null) => None,
        Some(value) => match serde_json::from_value(value) {
            Ok(value) => Some(value),
            Err(error) => {
                members.fault::<()>(name, &error.to_string());
                None
            }
        },
    }
}
