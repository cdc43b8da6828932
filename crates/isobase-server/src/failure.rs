//! Errors from below the handlers, as problems.

use http::{HeaderValue, header};
use isobase_http::{Problem, ProblemCode, ProblemItem};
use isobase_store::{ErrorKind, Rejection, StoreError, Violation};
use isobase_types::{FieldPath, Revision};

use crate::{codes, etag::etag};

/// Says how a caller shows who it is.
pub(crate) const CHALLENGE: HeaderValue = HeaderValue::from_static("Bearer realm=\"isobase\"");

/// Why a handler does not answer: a problem, or what becomes one.
///
/// `?` in a handler takes problems, failures of the store and the errors of the slices alike.
#[derive(Debug)]
pub(crate) struct Failure(Problem);

impl<E: IntoProblem> From<E> for Failure {
    fn from(error: E) -> Self {
        Self(error.into_problem())
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        failure.0
    }
}

/// An error of the crates below as a problem.
pub(crate) trait IntoProblem {
    fn into_problem(self) -> Problem;
}

impl IntoProblem for Problem {
    fn into_problem(self) -> Problem {
        self
    }
}

impl IntoProblem for StoreError {
    fn into_problem(self) -> Problem {
        let error = self;
        let code = match &error {
            StoreError::SchemaDeclared { .. } => codes::SCHEMA_DECLARED,
            StoreError::CollectionReferenced { .. } => codes::REFERENCED,
            StoreError::ForeignPlace(_) => codes::FOREIGN_PLACE,
            StoreError::WriteOnlyField { .. } => codes::WRITE_ONLY_FIELD,
            StoreError::UnknownExpansion { .. }
            | StoreError::ExpansionTooDeep { .. }
            | StoreError::ExpansionTooWide => codes::INVALID_PARAMETER,
            StoreError::ReservedCollection { .. } => codes::INVALID_COLLECTION_NAME,
            StoreError::NotAllowed { anonymous: true, .. } => codes::UNAUTHENTICATED,
            StoreError::NotAllowed { .. } => codes::FORBIDDEN,
            error => code_of(error.kind()),
        };
        let detail = match error.kind() {
            ErrorKind::Unavailable => "the database is not available; nothing was written".into(),
            ErrorKind::TimedOut => "the database took too long; nothing was written".into(),
            ErrorKind::OutOfSpace => "there is no space left; nothing was written".into(),
            ErrorKind::OutcomeUnknown => "the write may or may not have happened".into(),
            ErrorKind::Corrupted | ErrorKind::Unexpected => {
                return Problem::internal(cause(&error));
            }
            // These messages are about the request, by the engine contract.
            _ => error.to_string(),
        };
        let problem = Problem::new(code, detail).with_cause(cause(&error));
        match code == codes::UNAUTHENTICATED {
            true => problem.with_header(header::WWW_AUTHENTICATE, CHALLENGE),
            false => problem,
        }
    }
}

/// The code for a kind of failure.
fn code_of(kind: ErrorKind) -> ProblemCode {
    match kind {
        ErrorKind::InvalidArgument => codes::INVALID_ARGUMENT,
        ErrorKind::LimitExceeded => codes::LIMIT_EXCEEDED,
        ErrorKind::Unsupported => codes::UNSUPPORTED,
        ErrorKind::IdempotencyMismatch => codes::IDEMPOTENCY_MISMATCH,
        ErrorKind::ChangesGone { .. } => codes::CHANGES_GONE,
        ErrorKind::NotUnique => codes::NOT_UNIQUE,
        ErrorKind::Unavailable => codes::UNAVAILABLE,
        ErrorKind::TimedOut => codes::DEADLINE_EXCEEDED,
        ErrorKind::OutOfSpace => codes::OUT_OF_SPACE,
        ErrorKind::OutcomeUnknown => codes::OUTCOME_UNKNOWN,
        ErrorKind::Corrupted | ErrorKind::Unexpected => codes::INTERNAL,
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

/// The rule for a field whose value another document has.
pub(crate) const TAKEN: &str = "another document has the same value";

/// There is no such document. The detail is what clients of the record routes expect.
pub(crate) fn record_not_found() -> Problem {
    Problem::new(codes::RECORD_NOT_FOUND, "Record not found")
}

impl IntoProblem for Rejection {
    fn into_problem(self) -> Problem {
        let rejection = self;
        let (code, detail) = rejection_parts(&rejection);
        let mut problem = Problem::new(code, detail);
        if let Some(revision) = current_revision(&rejection) {
            problem = problem.with_header(header::ETAG, etag(revision));
        }
        match rejection {
            Rejection::Unholdable { path, reason } => {
                problem = problem.with_item(ProblemItem::at(pointer(&path), reason));
            }
            Rejection::PatchConflict { pointer, reason } => {
                problem = problem.with_item(ProblemItem::at(pointer, reason));
            }
            Rejection::SchemaViolation { violations } => {
                for Violation { pointer, message } in violations {
                    problem = problem.with_item(ProblemItem::at(pointer, message));
                }
            }
            Rejection::NotUnique { fields } => {
                for field in fields {
                    problem = problem.with_item(ProblemItem::at(field_pointer(&field), TAKEN));
                }
            }
            Rejection::ReferenceNotFound { field, collection } => {
                let message = format!("there is no such document in {collection}");
                problem = problem.with_item(ProblemItem::at(field_pointer(&field), message));
            }
            Rejection::Forbidden { code, message } => {
                problem = problem.with_item(ProblemItem::named("rule", message, code));
            }
            _ => {}
        }
        problem
    }
}

/// The code and the text for a write that was refused.
pub(crate) fn rejection_parts(rejection: &Rejection) -> (ProblemCode, String) {
    match rejection {
        Rejection::NotFound => (codes::RECORD_NOT_FOUND, "Record not found".to_owned()),
        Rejection::AlreadyExists => (codes::ALREADY_EXISTS, rejection.to_string()),
        Rejection::RevisionConflict { current: Some(revision) } => (
            codes::REVISION_CONFLICT,
            format!(
                "the document's revision is \"{revision}\", which does not meet the precondition"
            ),
        ),
        Rejection::RevisionConflict { current: None } => (
            codes::REVISION_CONFLICT,
            "there is no document with this id, which does not meet the precondition".to_owned(),
        ),
        Rejection::Unholdable { .. } => (codes::DOCUMENT_UNHOLDABLE, rejection.to_string()),
        Rejection::SchemaViolation { .. } => (codes::SCHEMA_VIOLATION, rejection.to_string()),
        Rejection::NotUnique { .. } => (codes::NOT_UNIQUE, rejection.to_string()),
        Rejection::ReferenceNotFound { .. } => (codes::REFERENCE_NOT_FOUND, rejection.to_string()),
        Rejection::Referenced { .. } => (codes::REFERENCED, rejection.to_string()),
        Rejection::Forbidden { .. } => (codes::FORBIDDEN, rejection.to_string()),
        Rejection::PatchConflict { .. } => (codes::PATCH_CONFLICT, rejection.to_string()),
        Rejection::BatchRejected => (codes::BATCH_REJECTED, rejection.to_string()),
    }
}

/// The current revision, when the caller sent another.
pub(crate) fn current_revision(rejection: &Rejection) -> Option<&Revision> {
    match rejection {
        Rejection::RevisionConflict { current } => current.as_ref(),
        _ => None,
    }
}

/// A field path as a JSON pointer (RFC 6901); the top when the path was cut and cannot be read.
pub(crate) fn pointer(path: &str) -> String {
    FieldPath::parse(path).map(|path| field_pointer(&path)).unwrap_or_default()
}

/// A field as a JSON pointer.
pub(crate) fn field_pointer(path: &FieldPath) -> String {
    path.steps()
        .iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect()
}
