//! Errors, with the answer of the database.

use std::fmt;

/// A failure of the toolkit.
#[derive(Debug)]
pub struct Error {
    /// Its meaning for the caller.
    pub kind: ErrorKind,
    /// A description of the failure. It names tables and columns, and holds no value of a row.
    pub message: String,
    /// The words of the database itself, when it refused a statement.
    pub refusal: Option<Box<Refusal>>,
    /// Which column was asked for, when [`ErrorKind::ColumnMatch`].
    pub column: Option<Box<ColumnMismatch>>,
}

/// The meaning of a failure. Closed: callers decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The database cannot be reached, or no connection got free in time.
    Connection,
    /// The database refused a statement.
    Query,
    /// A deadline passed. What ran was cancelled, and its transaction is rolled back.
    TimedOut,
    /// The connection broke while a commit was under way: the outcome is unknown.
    OutcomeUnknown,
    /// A schema or a table does not exist, or is not what it should be.
    Schema,
    /// No column has that name.
    ColumnMatch,
    /// An argument that is refused before the database is asked.
    Invalid,
    /// A file cannot be read or written, or a program cannot be run.
    Io,
}

/// The refusal of a statement, in the words of the database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Refusal {
    /// The SQLSTATE of PostgreSQL; on SQLite the one that comes nearest.
    pub code: String,
    /// Where in the statement, in characters from 1.
    pub position: Option<u32>,
    /// The advice of the database.
    pub hint: Option<String>,
    /// More about it. PostgreSQL quotes values of rows here, so that [`Error`] does not show it.
    pub detail: Option<String>,
    /// The constraint that was violated.
    pub constraint: Option<String>,
    /// The statement.
    pub statement: String,
}

/// A column that was not found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnMismatch {
    /// The name that was asked for.
    pub name: String,
    /// The columns that there are, in their order.
    pub available: Vec<String>,
    /// The schema, when it is known.
    pub schema: Option<String>,
    /// The table, when it is known.
    pub table: Option<String>,
    /// Up to three names that look alike, the nearest first.
    pub suggestions: Vec<String>,
}

impl Error {
    /// A failure that the database did not say anything about.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), refusal: None, column: None }
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
    }

    pub(crate) fn io(what: &str, path: &std::path::Path, error: &std::io::Error) -> Self {
        Self::new(ErrorKind::Io, format!("cannot {what} {}: {error}", path.display()))
    }

    pub(crate) fn missing_table(schema: &str, table: &str) -> Self {
        Self::new(ErrorKind::Schema, format!("Table {schema}.{table} does not exist"))
    }

    /// The SQLSTATE, when the database refused.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        self.refusal.as_deref().map(|refusal| refusal.code.as_str())
    }
}

impl From<ColumnMismatch> for Error {
    fn from(mismatch: ColumnMismatch) -> Self {
        Self {
            kind: ErrorKind::ColumnMatch,
            message: mismatch.to_string(),
            refusal: None,
            column: Some(Box::new(mismatch)),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        let Some(refusal) = &self.refusal else { return Ok(()) };
        write!(f, " (SQLSTATE {}", refusal.code)?;
        if let Some(position) = refusal.position {
            write!(f, ", at character {position}")?;
        }
        f.write_str(")")?;
        match &refusal.hint {
            Some(hint) => write!(f, "; {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Error {}

impl fmt::Display for ColumnMismatch {
    /// The text of the specification.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Column '{}' not found", self.name)?;
        match (&self.schema, &self.table) {
            (Some(schema), Some(table)) => write!(f, " in table '{schema}.{table}'")?,
            (None, Some(table)) => write!(f, " in table '{table}'")?,
            _ => {}
        }
        write!(f, ". Available columns: {}", self.available.join(", "))?;
        if self.suggestions.is_empty() {
            return Ok(());
        }
        write!(f, ". Did you mean: {}?", self.suggestions.join(", "))
    }
}
