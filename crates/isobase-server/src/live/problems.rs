//! Errors of live events, as problems.

use isobase_http::{Problem, ProblemItem};
use isobase_store::{InvalidSince, StoreError};

use crate::{codes, failure::IntoProblem};

/// The header in which a client says where it was.
pub(super) const LAST_EVENT_ID: &str = "last-event-id";

/// The id in the header is none of ours.
pub(super) fn invalid_id(text: &str, error: InvalidSince) -> Problem {
    let detail = format!("the header {LAST_EVENT_ID} is refused: {error}");
    Problem::new(codes::INVALID_HEADER, detail).with_item(ProblemItem::named(
        LAST_EVENT_ID,
        error.to_string(),
        text,
    ))
}

/// Names where the place was given, where it is at fault.
pub(super) fn not_listened(error: StoreError, place: Option<(&str, String)>) -> Problem {
    let message = match &error {
        StoreError::ForeignPlace(foreign) => Some(foreign.to_string()),
        _ => None,
    };
    let problem = error.into_problem();
    match (message, place) {
        (Some(message), Some((name, text))) => {
            problem.with_item(ProblemItem::named(name, message, text))
        }
        _ => problem,
    }
}

/// No stream of this process has the number.
pub(super) fn no_connection(named: &str) -> Problem {
    let shown: String = named.chars().take(40).collect();
    let detail = format!("no open stream of this process has the number {shown:?}");
    Problem::new(codes::CONNECTION_NOT_FOUND, detail)
}
