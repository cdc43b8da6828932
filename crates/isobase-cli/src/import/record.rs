//! One record of a file, and why a file cannot be read on.

use std::io;

use isobase::types::{DocumentId, json::SplitError};

/// Longest record, as in the service: a larger one would need a larger `limits.body_bytes` too.
pub(super) const RECORD_BYTES_MAX: usize = 64 << 20;

/// A record of the file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Record {
    /// Its number in the file, from 1.
    pub(super) number: u64,
    /// Its own id, if it has one, or why that is none.
    pub(super) id: Option<Result<DocumentId, String>>,
    /// The document as canonical text without `id`, or why it is none.
    pub(super) body: Result<String, String>,
}

/// Why a file cannot be read on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReadError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Split(#[from] SplitError),
    #[error("{0}")]
    Csv(String),
    #[error("{0}")]
    Other(String),
}

impl From<io::ErrorKind> for ReadError {
    fn from(kind: io::ErrorKind) -> Self {
        Self::Io(kind.into())
    }
}
