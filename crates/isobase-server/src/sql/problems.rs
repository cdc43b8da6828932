//! Errors of statements, as problems.

use isobase_http::{Problem, ProblemItem};
use isobase_sql::{ANSWER_BYTES_MAX, Error, ErrorKind, ReadError};

use super::running::{NotBegun, RUNNING_MAX};
use crate::{codes, failure::IntoProblem};

impl IntoProblem for ReadError {
    fn into_problem(self) -> Problem {
        match self {
            Self::Sql(error) => error.into_problem(),
            Self::TooLarge => {
                let detail = format!(
                    "the database answers with more than {} MiB at once: a plan, a message or a \
                     value is as long as that",
                    ANSWER_BYTES_MAX >> 20
                );
                Problem::new(codes::SQL_TOO_LARGE, detail)
            }
            Self::Guarded => {
                let detail = "sql.write_url leads to the database of the records, which only the \
                              service changes";
                Problem::new(codes::SQL_GUARDED, detail)
            }
            Self::PowerfulRole(role) => {
                let detail = format!(
                    "the role {role} could write files or start programs on the server, or make itself \
                     a role that can, which no transaction forbids; name another role in sql.url or \
                     sql.write_url"
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
            // What the server itself says of it: our own deadline comes before that of the server.
            ErrorKind::TimedOut if self.code() == Some("57014") => return stopped(),
            ErrorKind::TimedOut => codes::SQL_TIMED_OUT,
            ErrorKind::OutcomeUnknown => {
                let detail = "the connection broke during the commit: the change may or may not \
                              have happened";
                return Problem::new(codes::OUTCOME_UNKNOWN, detail).with_cause(self.to_string());
            }
            ErrorKind::Io => return Problem::internal(self.to_string()),
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
    let detail = format!("no statement of yours with the id {shown:?} runs");
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

/// Nothing is changed here.
pub(super) fn read_only() -> Problem {
    Problem::new(codes::SQL_READ_ONLY, "sql.write_url is not set: the database is only looked at")
}

/// The name that says that somebody means it was not given, or is another one.
pub(super) fn not_confirmed(pointer: &str, name: &str) -> Problem {
    let detail = format!("type {name:?} to say that you mean it; nothing was changed");
    let item = ProblemItem::at(pointer, format!("expected {name:?}"));
    Problem::new(codes::SQL_NOT_CONFIRMED, detail).with_item(item)
}

/// As many rows would have changed as no one expected, or the database does not say how many.
pub(super) fn affected_differs(expected: u64, found: Option<u64>) -> Problem {
    let found = match found {
        Some(found) => format!("{found} rows would have changed"),
        None => "the database does not say how many rows would have changed".to_owned(),
    };
    let detail = format!("{found}, {expected} were expected; everything was taken back");
    Problem::new(codes::SQL_AFFECTED_DIFFERS, detail)
}

/// A row is no longer as it was.
pub(super) fn row_changed(place: usize) -> Problem {
    let detail = format!(
        "the row of change {} was changed or deleted meanwhile, or has another key; everything was \
         taken back",
        place + 1
    );
    let item = ProblemItem::at(format!("/changes/{place}"), "the row is no longer like that");
    Problem::new(codes::SQL_ROW_CHANGED, detail).with_item(item)
}

/// Something of the body cannot become a statement.
pub(super) fn at(pointer: &str, error: Error) -> Problem {
    match error.kind {
        ErrorKind::Invalid => {
            let item = ProblemItem::at(pointer, error.message.clone());
            Problem::new(codes::INVALID_BODY, error.message).with_item(item)
        }
        _ => error.into_problem(),
    }
}

/// The engine cannot change a table like that.
pub(super) fn no_schema_statement(why: &str) -> Problem {
    Problem::new(codes::SQL_REFUSED, why.to_owned())
}
