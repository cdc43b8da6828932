//! Failures of PostgreSQL, and their meaning.

use std::io;

/// A failure of PostgreSQL or of the way to it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// Its meaning for the caller.
    pub kind: ErrorKind,
    /// The failure, for the operator. Without passwords and values of rows: the detail that
    /// PostgreSQL sends beside its message is left out, because it quotes them.
    pub message: String,
    /// The SQLSTATE, when PostgreSQL itself refused.
    pub code: Option<String>,
    /// The failure of the operating system, if there is one.
    #[source]
    pub source: Option<io::Error>,
}

/// The meaning of a failure. Closed: callers decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// Not reachable, restarting, read-only or overloaded. Nothing was changed.
    Unavailable,
    /// A deadline passed. Nothing was changed.
    TimedOut,
    /// The disk is full. Nothing was changed.
    OutOfSpace,
    /// The connection broke during a commit: it may have happened.
    OutcomeUnknown,
    /// PostgreSQL says that its files are damaged.
    Corrupted,
    /// A mistake of ours, a database that was changed underneath, or something no one foresaw.
    Unexpected,
}

/// The activity of a connection when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum During {
    /// Opening it.
    Connect,
    /// Anything that a rollback undoes, and reads.
    Statement,
    /// A commit.
    Commit,
}

impl Error {
    /// A failure without a native cause.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), code: None, source: None }
    }

    /// The meaning of a failure of the driver. The only place that looks into one.
    #[must_use]
    pub fn of(error: tokio_postgres::Error, during: During) -> Self {
        if let Some(refused) = error.as_db_error() {
            let code = refused.code().code();
            let message = format!("{} (SQLSTATE {code}){}", refused.message(), advice(code));
            let kind = kind_of_code(code, during);
            return Self { kind, message, code: Some(code.to_owned()), source: None };
        }
        let closed = error.is_closed();
        let text = error.to_string();
        let source = error.into_source().and_then(|cause| cause.downcast::<io::Error>().ok());
        let broken = closed || source.is_some() || during == During::Connect;
        let kind = match (broken, during) {
            (true, During::Commit) => ErrorKind::OutcomeUnknown,
            (true, _) => ErrorKind::Unavailable,
            (false, _) => ErrorKind::Unexpected,
        };
        let message = match &source {
            Some(cause) => cause.to_string(),
            None => text,
        };
        Self { kind, message, code: None, source: source.map(|cause| *cause) }
    }
}

/// The meaning of a SQLSTATE.
///
/// Source: PostgreSQL documentation, appendix A, "PostgreSQL Error Codes" (version 15).
#[must_use]
pub fn kind_of_code(code: &str, during: During) -> ErrorKind {
    // The server ended the connection or itself. During a commit it may be either side of it:
    // a commit that waits for a standby ends like this after it has happened locally.
    let ends_connection = code.starts_with("08") || code.starts_with("57P");
    if ends_connection {
        return match during {
            During::Commit => ErrorKind::OutcomeUnknown,
            During::Connect | During::Statement => ErrorKind::Unavailable,
        };
    }
    match code {
        // Disk full; the rest of class 53 is memory, connections, configured limits.
        "53100" => ErrorKind::OutOfSpace,
        // Serialization failure, deadlock, lock not available, a read-only server (a standby
        // after a failover), an idle transaction that was ended.
        "40001" | "40P01" | "55P03" | "25006" | "25P03" => ErrorKind::Unavailable,
        // Query canceled: the statement timeout.
        "57014" => ErrorKind::TimedOut,
        // Data corrupted, index corrupted.
        "XX001" | "XX002" => ErrorKind::Corrupted,
        // Wrong password, unknown database: the operator changes something, here or there.
        "3D000" => ErrorKind::Unavailable,
        _ if code.starts_with("53") || code.starts_with("28") => ErrorKind::Unavailable,
        _ => ErrorKind::Unexpected,
    }
}

/// The way out of failures that have one.
fn advice(code: &str) -> &'static str {
    match code {
        // Invalid statement name, duplicate prepared statement.
        "26000" | "42P05" => {
            "; behind a pooler in transaction mode add pgbouncer=transaction to the URL"
        }
        "42501" => "; grant the user all rights on the schema",
        "53300" => "; raise max_connections or lower pool_size",
        "25006" => "; the server is read-only, probably a standby",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_kinds() {
        use During::{Commit, Connect, Statement};
        use ErrorKind::{Corrupted, OutOfSpace, OutcomeUnknown, TimedOut, Unavailable, Unexpected};
        let cases = [
            ("08000", Statement, Unavailable),
            ("08003", Statement, Unavailable),
            ("08006", Statement, Unavailable),
            ("08006", Commit, OutcomeUnknown),
            ("08P01", Connect, Unavailable),
            ("22P05", Statement, Unexpected),
            ("25006", Statement, Unavailable),
            ("25P03", Statement, Unavailable),
            ("26000", Statement, Unexpected),
            ("28000", Connect, Unavailable),
            ("28P01", Connect, Unavailable),
            ("3D000", Connect, Unavailable),
            ("40001", Statement, Unavailable),
            ("40001", Commit, Unavailable),
            ("40P01", Statement, Unavailable),
            ("42501", Statement, Unexpected),
            ("42P01", Statement, Unexpected),
            ("53000", Statement, Unavailable),
            ("53100", Statement, OutOfSpace),
            ("53100", Commit, OutOfSpace),
            ("53200", Statement, Unavailable),
            ("53300", Connect, Unavailable),
            ("55P03", Statement, Unavailable),
            ("57014", Statement, TimedOut),
            ("57P01", Statement, Unavailable),
            ("57P01", Commit, OutcomeUnknown),
            ("57P02", Statement, Unavailable),
            ("57P02", Commit, OutcomeUnknown),
            ("57P03", Connect, Unavailable),
            ("58030", Statement, Unexpected),
            ("XX000", Statement, Unexpected),
            ("XX001", Statement, Corrupted),
            ("XX002", Statement, Corrupted),
        ];
        for (code, during, kind) in cases {
            assert_eq!(kind_of_code(code, during), kind, "{code} during {during:?}");
        }
    }
}
