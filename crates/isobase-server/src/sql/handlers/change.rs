//! How a change is made: run, looked at, written into the audit, committed.

use std::mem;

use isobase_auth::{Audit, AuditEntry};
use isobase_http::Problem;
use isobase_sql::{Dialect, Effect, ReadLimits, SqlWriter, WriteStatement, Written, masked};
use serde_json::{Value as Json, json as value};

use super::asked::stoppable;
use crate::{Call, actor::actor, failure::IntoProblem, sql::state::State};

/// Characters of a statement that the audit keeps.
const TOLD_CHARACTERS_MAX: usize = 8 * 1024;

/// The change.
pub(super) struct Change<'a> {
    pub(super) writer: &'a SqlWriter,
    pub(super) owner: String,
    /// By which it is stopped.
    pub(super) id: String,
    pub(super) statements: Vec<WriteStatement>,
    pub(super) limits: ReadLimits,
    /// Whether it is only tried, and taken back.
    pub(super) dry_run: bool,
}

/// Makes a change, unless `judge` refuses what it did; else that says what the audit is told.
pub(super) async fn carry_out(
    state: &State,
    call: &Call,
    change: Change<'_>,
    judge: impl FnOnce(&[Effect]) -> Result<Json, Problem>,
) -> Result<Vec<Effect>, Problem> {
    let running = change.writer.write(&change.statements, &change.limits);
    let mut written = stoppable(state, &change.owner, &change.id, running).await?;
    let told = match judge(&written.effects) {
        Ok(told) => told,
        Err(problem) => {
            // What it says of the change is of no interest any more.
            drop(written.take_back().await);
            return Err(problem);
        }
    };
    let effects = mem::take(&mut written.effects);
    if change.dry_run {
        written.take_back().await.map_err(IntoProblem::into_problem)?;
        return Ok(effects);
    }
    let ending = Ending {
        audit: state.audit.clone(),
        by: actor(call),
        database: change.writer.address().to_owned(),
        told,
    };
    // Goes on when the client leaves: there is no change that the audit does not tell of.
    let ended = tokio::spawn(ending.end(written)).await;
    ended.map_err(|error| Problem::internal(error.to_string()))??;
    Ok(effects)
}

/// The end of a change that was run.
struct Ending {
    audit: Audit,
    by: isobase_auth::Actor,
    database: String,
    told: Json,
}

impl Ending {
    /// Writes the entry first: a change that cannot be told of is taken back.
    async fn end(self, written: Written) -> Result<(), Problem> {
        if let Err(error) = self.tell("sql.changed", None).await {
            drop(written.take_back().await);
            return Err(error);
        }
        let Err(error) = written.commit().await else { return Ok(()) };
        let problem = error.into_problem();
        if let Err(error) = self.tell("sql.change_failed", Some(problem.code().as_str())).await {
            let error = error.code().as_str();
            tracing::warn!(error, "an entry of the audit is missing: {error}");
        }
        Err(problem)
    }

    async fn tell(&self, action: &str, problem: Option<&str>) -> Result<(), Problem> {
        let mut after = self.told.clone();
        if let Some(problem) = problem {
            after["problem"] = value!(problem);
        }
        let entry = AuditEntry {
            by: &self.by,
            action,
            object_type: "sql_database",
            object_id: &self.database,
            before: Json::Null,
            after,
        };
        self.audit.write(&entry).await.map_err(IntoProblem::into_problem)
    }
}

/// A statement as the audit tells it, whose readers see fewer things than those who look at the database:
/// its words, and none of its values.
pub(super) fn told(dialect: Dialect, statement: &str) -> String {
    start_of(&masked(dialect, statement))
}

/// The first characters of a text.
pub(super) fn start_of(text: &str) -> String {
    match text.char_indices().nth(TOLD_CHARACTERS_MAX) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
