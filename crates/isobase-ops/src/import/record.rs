//! One record of a file, and why a file cannot be read on.

use std::io;

use isobase_types::{DocumentId, json::SplitError};

/// Longest record, as in the service: a larger one would need a larger `limits.body_bytes` too.
pub(crate) const RECORD_BYTES_MAX: usize = 64 << 20;

/// A record of the file.
#[derive(Debug, PartialEq, Eq)]
pub struct Record {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The line on which it begins, from 1.
    pub line: u64,
    /// Its own id, if it has one, or why that is none.
    pub id: Option<Result<DocumentId, String>>,
    /// The document as canonical text without `id`, or why it is none.
    pub body: Result<String, String>,
}

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The file cannot be read, or is not packed as it begins.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is no array of JSON values, and no lines of them.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// It is no table.
    #[error("{0}")]
    Csv(String),
    /// It is of another kind, or wants something that it has not.
    #[error("{0}")]
    Other(String),
}

impl From<io::ErrorKind> for ReadError {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Io(kind.into())
    }
}
