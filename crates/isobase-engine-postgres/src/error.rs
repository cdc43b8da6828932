//! Failures of PostgreSQL as failures of an engine.

use isobase_engine::{EngineError, ErrorKind};
use isobase_postgres as postgres;
use isobase_writer::NotDone;

/// The one place where a failure gets its kind. The kinds of the connection layer come from the
/// table in [`postgres::kind_of_code`].
pub(crate) fn engine_error(error: postgres::Error) -> EngineError {
    let kind = match error.kind {
        postgres::ErrorKind::Unavailable => ErrorKind::Unavailable,
        postgres::ErrorKind::TimedOut => ErrorKind::TimedOut,
        postgres::ErrorKind::OutOfSpace => ErrorKind::OutOfSpace,
        postgres::ErrorKind::OutcomeUnknown => ErrorKind::OutcomeUnknown,
        postgres::ErrorKind::Corrupted => ErrorKind::Corrupted,
        postgres::ErrorKind::Unexpected => ErrorKind::Unexpected,
    };
    match error.source {
        Some(source) => EngineError::with_source(kind, error.message, source),
        None => EngineError::new(kind, error.message),
    }
}

/// The same failure for one more caller. The native cause stays with the first.
pub(crate) fn again(error: &EngineError) -> EngineError {
    EngineError::new(error.kind, error.message.clone())
}

/// Another process loads the database.
pub(crate) fn being_loaded() -> postgres::Error {
    let refused = isobase_engine::being_loaded(None);
    postgres::Error::new(postgres::ErrorKind::Unavailable, refused.message)
}

/// A row that our own code cannot have written.
pub(crate) fn corrupted(what: &str) -> postgres::Error {
    postgres::Error::new(postgres::ErrorKind::Corrupted, format!("{what} cannot be read"))
}

/// Why the writing task gave no answer.
pub(crate) fn not_done(reason: NotDone) -> EngineError {
    let kind =
        if reason.may_be_done() { ErrorKind::OutcomeUnknown } else { ErrorKind::Unavailable };
    EngineError::new(kind, reason.to_string())
}
