//! The meaning of PostgreSQL's failures to the user of the toolkit.

use isobase_postgres::{
    During, ErrorKind as NativeKind, kind_of_code,
    tokio_postgres::{self, error::ErrorPosition},
};

use crate::{Error, ErrorKind, Refusal};

/// A failure of the connection layer.
pub(crate) fn of_connection(error: isobase_postgres::Error) -> Error {
    let kind = kind_of(error.kind);
    let refusal = error.code.map(|code| Box::new(Refusal { code, ..Refusal::default() }));
    // The message of the layer says the SQLSTATE already.
    let message = error.message.split(" (SQLSTATE ").next().unwrap_or_default().to_owned();
    let message = if refusal.is_some() { message } else { error.message };
    Error { kind, message, refusal, column: None }
}

/// A failure of a statement.
pub(crate) fn refused(error: tokio_postgres::Error, statement: &str) -> Error {
    let Some(refusal) = error.as_db_error() else {
        return of_connection(isobase_postgres::Error::of(error, During::Statement));
    };
    let code = refusal.code().code();
    let kind = match kind_of_code(code, During::Statement) {
        // A schema or a table that does not exist.
        _ if matches!(code, "42P01" | "3F000") => ErrorKind::Schema,
        // Conflicts of transactions are the statement's, not the connection's.
        _ if code.starts_with("40") || code.starts_with("25") || code == "55P03" => {
            ErrorKind::Query
        }
        native => kind_of(native),
    };
    let position = refusal.position().and_then(|position| match position {
        ErrorPosition::Original(at) => Some(*at),
        ErrorPosition::Internal { .. } => None,
    });
    Error {
        kind,
        message: refusal.message().to_owned(),
        refusal: Some(Box::new(Refusal {
            code: code.to_owned(),
            position,
            hint: refusal.hint().map(str::to_owned),
            detail: refusal.detail().map(str::to_owned),
            constraint: refusal.constraint().map(str::to_owned),
            statement: statement.to_owned(),
        })),
        column: None,
    }
}

fn kind_of(kind: NativeKind) -> ErrorKind {
    match kind {
        NativeKind::Unavailable => ErrorKind::Connection,
        NativeKind::TimedOut => ErrorKind::TimedOut,
        NativeKind::OutcomeUnknown => ErrorKind::OutcomeUnknown,
        NativeKind::OutOfSpace | NativeKind::Corrupted | NativeKind::Unexpected => ErrorKind::Query,
    }
}
