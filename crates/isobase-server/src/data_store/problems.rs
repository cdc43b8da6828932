//! Errors of the data store, as problems.

use isobase_http::{Problem, ProblemItem};
use isobase_types::InvalidDocumentId;

use crate::codes;

/// There is no such record.
pub(super) fn not_found(key: &str, namespace: &str) -> Problem {
    Problem::new(codes::RECORD_NOT_FOUND, format!("Record '{key}' not found in '{namespace}'"))
}

/// The parts of a record's name have no room in an id.
pub(super) fn too_long(key: &str, error: &InvalidDocumentId) -> Problem {
    let message = format!("the user, the namespace and the key are too long: {error}");
    let item = ProblemItem::named("key", message.clone(), key);
    Problem::new(codes::INVALID_ID, message).with_item(item)
}

/// The namespace cannot be one.
pub(super) fn invalid_namespace(namespace: &str, bytes_max: usize) -> Problem {
    let message = format!("expected 1 to {bytes_max} bytes of UTF-8 without control characters");
    let item = ProblemItem::named("namespace", message.clone(), namespace);
    let detail = format!("the namespace is refused: {message}");
    Problem::new(codes::INVALID_ID, detail).with_item(item)
}

/// A header that is no name of a user or an agent.
pub(super) fn invalid_name(header: &str, text: &str, bytes_max: usize) -> Problem {
    let message = format!("expected once 1 to {bytes_max} bytes of UTF-8");
    let item = ProblemItem::named(header, message.clone(), text);
    let detail = format!("the header {header} is refused: {message}");
    Problem::new(codes::INVALID_HEADER, detail).with_item(item)
}

/// The body is no record.
pub(super) fn invalid_record(faults: Vec<ProblemItem>) -> Problem {
    let detail = "expected {\"value\": …, \"metadata\": {…}}; metadata may be left out";
    let problem = Problem::new(codes::INVALID_DATA_RECORD, detail);
    faults.into_iter().fold(problem, Problem::with_item)
}
