//! The meaning of SQLite's failures, in the words of SQLSTATE.

use isobase_sqlite::rusqlite::{self, ErrorCode, ffi};

use crate::{Error, ErrorKind, Refusal};

/// A failure of a statement.
pub(crate) fn refused(error: rusqlite::Error, statement: &str) -> Error {
    let (native, message, position) = match error {
        rusqlite::Error::SqliteFailure(native, message) => (native, message, None),
        rusqlite::Error::SqlInputError { error, msg, sql, offset } => {
            (error, Some(msg), position(&sql, offset))
        }
        other => return Error::new(ErrorKind::Query, other.to_string()),
    };
    let message = message.unwrap_or_else(|| native.to_string());
    let (kind, code) = meaning(native, &message);
    let refusal = Refusal {
        code: code.to_owned(),
        position,
        statement: statement.to_owned(),
        ..Refusal::default()
    };
    Error { kind, message, refusal: Some(Box::new(refusal)), column: None }
}

/// In characters from 1, as PostgreSQL counts.
fn position(sql: &str, offset: std::ffi::c_int) -> Option<u32> {
    let before = sql.get(..usize::try_from(offset).ok()?)?;
    u32::try_from(before.chars().count() + 1).ok()
}

/// The SQLSTATE that comes nearest.
///
/// Source: PostgreSQL documentation, appendix A; <https://sqlite.org/rescode.html>.
fn meaning(native: ffi::Error, message: &str) -> (ErrorKind, &'static str) {
    match native.extended_code {
        ffi::SQLITE_CONSTRAINT_UNIQUE
        | ffi::SQLITE_CONSTRAINT_PRIMARYKEY
        | ffi::SQLITE_CONSTRAINT_ROWID => return (ErrorKind::Query, "23505"),
        ffi::SQLITE_CONSTRAINT_FOREIGNKEY => return (ErrorKind::Query, "23503"),
        ffi::SQLITE_CONSTRAINT_NOTNULL => return (ErrorKind::Query, "23502"),
        ffi::SQLITE_CONSTRAINT_CHECK => return (ErrorKind::Query, "23514"),
        _ => {}
    }
    match native.code {
        ErrorCode::ConstraintViolation => (ErrorKind::Query, "23000"),
        ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked => (ErrorKind::Query, "55P03"),
        ErrorCode::ReadOnly => (ErrorKind::Query, "25006"),
        ErrorCode::AuthorizationForStatementDenied => (ErrorKind::Query, "42501"),
        ErrorCode::TooBig => (ErrorKind::Query, "54000"),
        ErrorCode::OperationInterrupted => (ErrorKind::TimedOut, "57014"),
        ErrorCode::DiskFull => (ErrorKind::Query, "53100"),
        ErrorCode::CannotOpen | ErrorCode::NotADatabase => (ErrorKind::Connection, "08001"),
        ErrorCode::DatabaseCorrupt => (ErrorKind::Query, "XX001"),
        ErrorCode::TypeMismatch => (ErrorKind::Query, "42804"),
        // SQLite has one code for all of these, and tells them apart by the text alone.
        _ if message.starts_with("no such table") => (ErrorKind::Schema, "42P01"),
        _ if message.starts_with("unknown database") => (ErrorKind::Schema, "3F000"),
        _ if message.starts_with("no such column") => (ErrorKind::Query, "42703"),
        _ if message.contains("syntax error") => (ErrorKind::Query, "42601"),
        _ => (ErrorKind::Query, "XX000"),
    }
}
