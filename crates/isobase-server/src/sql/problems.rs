//! What goes wrong with statements, as problems.

use isobase_http::{Problem, ProblemItem};
use isobase_sql::{Error, ErrorKind, ReadError};

use super::running::{NotBegun, RUNNING_MAX};
use crate::{codes, failure::IntoProblem};

impl IntoProblem for ReadError {
    fn into_problem(self) -> Problem {
        match self {
            Self::Sql(error) => error.into_problem(),
            Self::PowerfulRole(role) => {
                let detail = format!(
                    "the role {role} could write files or start programs on the server, which no \
                     transaction forbids; name a role in sql.url that may only read"
                );
                Problem::new(codes::SQL_ROLE, detail).with_member(
                    "hint",
                    "CREATE ROLE reader LOGIN PASSWORD '…'; GRANT pg_read_all_data TO reader",
                )
            }
        }
    }
}

impl IntoProblem for Error {
    fn into_problem(self) -> Problem {
        let code = match self.kind {
            ErrorKind::Connection => codes::SQL_UNAVAILABLE,
            ErrorKind::TimedOut => codes::SQL_TIMED_OUT,
            ErrorKind::OutcomeUnknown | ErrorKind::Io => {
                return Problem::internal(self.to_string());
            }
            ErrorKind::Query | ErrorKind::Schema | ErrorKind::ColumnMatch => codes::SQL_REFUSED,
            ErrorKind::Invalid => {
                let item = ProblemItem::at("/statement", self.message.clone());
                return Problem::new(codes::INVALID_BODY, self.message).with_item(item);
            }
        };
        if code == codes::SQL_UNAVAILABLE {
            let detail = "the database of the SQL screens is not available now";
            return Problem::new(code, detail).with_cause(self.to_string());
        }
        let mut problem = Problem::new(code, self.message);
        if let Some(refusal) = self.refusal {
            problem = problem.with_member("sqlstate", refusal.code);
            if let Some(position) = refusal.position {
                problem = problem.with_member("position", position.to_string());
            }
            if let Some(hint) = refusal.hint {
                problem = problem.with_member("hint", hint);
            }
            if let Some(detail) = refusal.detail {
                problem = problem.with_member("more", detail);
            }
        }
        problem
    }
}

impl IntoProblem for NotBegun {
    fn into_problem(self) -> Problem {
        match self {
            Self::Busy => {
                let detail = format!("{RUNNING_MAX} statements of yours run; stop one of them");
                Problem::new(codes::SQL_BUSY, detail)
            }
            Self::Taken => {
                Problem::new(codes::SQL_STATEMENT_RUNS, "a statement with this id runs already")
            }
        }
    }
}

/// Only owners look at the database.
pub(super) fn owners_only() -> Problem {
    Problem::new(codes::SQL_OWNERS_ONLY, "only owners look at the database of the SQL screens")
}

/// Somebody asked for the statement to be stopped.
pub(super) fn stopped() -> Problem {
    Problem::new(codes::SQL_STOPPED, "the statement was stopped")
}

/// No statement of this id runs here.
pub(super) fn not_running(id: &str) -> Problem {
    let shown: String = id.chars().take(64).collect();
    let detail = format!("no statement of yours with the id {shown:?} runs in this process");
    Problem::new(codes::SQL_STATEMENT_NOT_FOUND, detail)
}

/// There is no such table.
pub(super) fn no_table(message: String) -> Problem {
    Problem::new(codes::SQL_TABLE_NOT_FOUND, message)
}

/// A file would not hold all of the answer.
pub(super) fn too_large(rows_max: usize) -> Problem {
    let detail = format!(
        "the answer has more than {rows_max} rows, 32 MiB, or a value of more than a million \
         characters; narrow it down, nothing was left out silently"
    );
    Problem::new(codes::SQL_TOO_LARGE, detail)
}
