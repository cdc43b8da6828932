//! Failures of the store as problems.

use isobase_store::{ErrorKind, StoreError};

use super::{Problem, ProblemCode};

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let code = match &error {
            StoreError::SchemaDeclared { .. } => ProblemCode::SchemaDeclared,
            StoreError::ReservedCollection { .. } => ProblemCode::InvalidCollectionName,
            error => code_of(error.kind()),
        };
        let detail = match code {
            ProblemCode::Unavailable => "the database is not available; nothing was written".into(),
            ProblemCode::DeadlineExceeded => {
                "the database took too long; nothing was written".into()
            }
            ProblemCode::OutOfSpace => "there is no space left; nothing was written".into(),
            ProblemCode::OutcomeUnknown => "the write may or may not have happened".into(),
            ProblemCode::Internal => return Self::internal(cause(&error)),
            // These messages are about the request, by the engine contract.
            _ => error.to_string(),
        };
        Self::new(code, detail).with_cause(cause(&error))
    }
}

/// The code for a kind of failure.
fn code_of(kind: ErrorKind) -> ProblemCode {
    match kind {
        ErrorKind::InvalidArgument => ProblemCode::InvalidArgument,
        ErrorKind::LimitExceeded => ProblemCode::LimitExceeded,
        ErrorKind::Unsupported => ProblemCode::Unsupported,
        ErrorKind::IdempotencyMismatch => ProblemCode::IdempotencyMismatch,
        ErrorKind::ChangesGone { .. } => ProblemCode::ChangesGone,
        ErrorKind::Unavailable => ProblemCode::Unavailable,
        ErrorKind::TimedOut => ProblemCode::DeadlineExceeded,
        ErrorKind::OutOfSpace => ProblemCode::OutOfSpace,
        ErrorKind::OutcomeUnknown => ProblemCode::OutcomeUnknown,
        ErrorKind::Corrupted | ErrorKind::Unexpected => ProblemCode::Internal,
    }
}

/// The failure with all its sources, for the log.
fn cause(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let message = error.to_string();
        if !text.ends_with(&message) {
            text.push_str(": ");
            text.push_str(&message);
        }
        source = error.source();
    }
    text
}
