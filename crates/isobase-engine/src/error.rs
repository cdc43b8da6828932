//! Errors from below the contract.

use std::error::Error;

use isobase_types::Sequence;

/// A failure of an engine.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct EngineError {
    /// The kind of the failure.
    pub kind: ErrorKind,
    /// The failure, for the operator: names the thing, its value and the way out. Never holds
    /// a secret or a document.
    pub message: String,
    /// The native failure.
    #[source]
    pub source: Option<Box<dyn Error + Send + Sync>>,
}

/// Kinds of failure. Closed: callers decide by it what to tell whom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The request cannot be carried out by anyone (a foreign cursor).
    InvalidArgument,
    /// The request would exceed a named bound (documents examined, bytes sorted).
    LimitExceeded,
    /// The engine does not have this ability.
    Unsupported,
    /// An idempotency key came back with another request.
    IdempotencyMismatch,
    /// The asked part of the change feed is no longer kept.
    ChangesGone {
        /// The oldest place from which the feed can still be read.
        oldest: Sequence,
    },
    /// Documents have equal values of fields that are to be unique; the message names them. What
    /// was to be declared is not.
    NotUnique,
    /// The database cannot be reached, is restarting, or has too much to do. Nothing was written.
    Unavailable,
    /// The deadline passed. Nothing was written.
    TimedOut,
    /// There is no room on the disk. Nothing was written.
    OutOfSpace,
    /// The connection broke while the write was being committed: it may have happened.
    OutcomeUnknown,
    /// The stored data cannot be read. Needs a person.
    Corrupted,
    /// A mistake of ours or a failure that was not foreseen.
    Unexpected,
}

/// The beginning of the message of a check when writing has ended for the life of the process. The
/// message is of our own making, so it may be told to everybody; what a database says may hold its
/// address.
pub const WRITING_STOPPED: &str = "writing has stopped";

impl EngineError {
    /// An error without a native cause.
    #[must_use]
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    /// An error with its native cause.
    #[must_use]
    pub fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self { kind, message: message.into(), source: Some(source.into()) }
    }

    /// Whether the same request may succeed later, unchanged.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        matches!(
            self.kind,
            ErrorKind::Unavailable
                | ErrorKind::TimedOut
                | ErrorKind::OutOfSpace
                | ErrorKind::OutcomeUnknown
        )
    }
}
