//! What goes wrong with records, as problems.

use http::{HeaderName, HeaderValue, header};
use isobase_store::{Rejection, Violation};
use isobase_types::{
    FieldPath, InvalidParameter, Revision,
    json::{InvalidJson, InvalidJsonKind},
};

use super::{
    answer,
    idempotency::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, InvalidKey},
    ids,
    preconditions::InvalidConditions,
};
use crate::{Problem, ProblemCode, ProblemItem};

/// What the clients of the record routes have always been told about a body that is no object.
const NOT_AN_OBJECT: &str = "Input should be a valid dictionary";

/// Query parameters that are refused; at least one.
pub(super) fn parameters(faults: Vec<InvalidParameter>) -> Problem {
    let detail = faults.first().map(ToString::to_string).unwrap_or_default();
    faults.into_iter().fold(
        Problem::new(ProblemCode::InvalidParameter, detail),
        |problem, InvalidParameter { parameter, value, message }| {
            problem.with_item(ProblemItem::named(parameter, message, value))
        },
    )
}

/// A body that cannot be stored.
pub(super) fn body(error: &InvalidJson) -> Problem {
    let (code, detail) = match &error.kind {
        InvalidJsonKind::NotAnObject { found } => {
            (ProblemCode::NotAnObject, format!("{NOT_AN_OBJECT}, found {found}"))
        }
        _ => (ProblemCode::InvalidJson, format!("the body is not valid: {error}")),
    };
    let item = ProblemItem::at(pointer(&error.path), error.to_string());
    Problem::new(code, detail).with_item(item)
}

/// A body of another type than JSON: the wrong kind of value, whatever it holds.
pub(super) fn not_json(media_type: &str) -> Problem {
    let shown: String = media_type.chars().take(100).collect();
    let detail = format!("{NOT_AN_OBJECT}; the body has the type {shown:?}, send application/json");
    Problem::new(ProblemCode::NotAnObject, detail).with_item(ProblemItem::named(
        header::CONTENT_TYPE.as_str(),
        "expected application/json or a type that ends in +json",
        shown,
    ))
}

/// A field path as a JSON pointer (RFC 6901); the top when the path was cut and cannot be read.
fn pointer(path: &str) -> String {
    let Ok(path) = FieldPath::parse(path) else { return String::new() };
    path.steps()
        .iter()
        .map(|step| format!("/{}", step.replace('~', "~0").replace('/', "~1")))
        .collect()
}

/// The code and the text for a write that was refused.
pub(super) fn rejection_parts(rejection: &Rejection) -> (ProblemCode, String) {
    match rejection {
        Rejection::NotFound => (ProblemCode::RecordNotFound, "Record not found".to_owned()),
        Rejection::AlreadyExists => (ProblemCode::AlreadyExists, rejection.to_string()),
        Rejection::RevisionConflict { current: Some(revision) } => (
            ProblemCode::RevisionConflict,
            format!(
                "the document's revision is \"{revision}\", which does not meet the precondition"
            ),
        ),
        Rejection::RevisionConflict { current: None } => (
            ProblemCode::RevisionConflict,
            "there is no document with this id, which does not meet the precondition".to_owned(),
        ),
        Rejection::Unholdable { .. } => (ProblemCode::DocumentUnholdable, rejection.to_string()),
        Rejection::SchemaViolation { .. } => (ProblemCode::SchemaViolation, rejection.to_string()),
        Rejection::BatchRejected => (ProblemCode::BatchRejected, rejection.to_string()),
    }
}

/// The current revision, when the caller sent another.
pub(super) fn current_revision(rejection: &Rejection) -> Option<&Revision> {
    match rejection {
        Rejection::RevisionConflict { current } => current.as_ref(),
        _ => None,
    }
}

impl From<Rejection> for Problem {
    fn from(rejection: Rejection) -> Self {
        let (code, detail) = rejection_parts(&rejection);
        let mut problem = Self::new(code, detail);
        if let Some(revision) = current_revision(&rejection) {
            problem = problem.with_header(header::ETAG, answer::etag(revision));
        }
        match rejection {
            Rejection::Unholdable { path, reason } => {
                problem = problem.with_item(ProblemItem::at(pointer(&path), reason));
            }
            Rejection::SchemaViolation { violations } => {
                for Violation { pointer, message } in violations {
                    problem = problem.with_item(ProblemItem::at(pointer, message));
                }
            }
            _ => {}
        }
        problem
    }
}

impl From<InvalidConditions> for Problem {
    fn from(error: InvalidConditions) -> Self {
        let message = error.to_string();
        let item =
            ProblemItem { name: Some(error.header().to_owned()), message, ..Default::default() };
        Self::new(ProblemCode::InvalidHeader, error.to_string()).with_item(item)
    }
}

impl From<InvalidKey> for Problem {
    fn from(error: InvalidKey) -> Self {
        let (name, message) = (Some(IDEMPOTENCY_KEY.to_owned()), error.to_string());
        Self::new(ProblemCode::InvalidHeader, error.to_string()).with_item(ProblemItem {
            name,
            message,
            ..Default::default()
        })
    }
}

/// A write to an id that is the name of a route.
pub(crate) fn reserved_id(name: &str) -> Problem {
    let message = ids::explain(name);
    Problem::new(ProblemCode::ReservedId, message.clone())
        .with_item(ProblemItem::named("id", message, name))
}

/// Marks the repeat of a refused request.
pub(super) fn replayed(problem: Problem, replayed: bool) -> Problem {
    if !replayed {
        return problem;
    }
    let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED);
    problem.with_header(name, HeaderValue::from_static("true"))
}
