//! What goes wrong with the headers of records, as problems.

use http::{HeaderName, HeaderValue};
use isobase_http::{Problem, ProblemItem};

use super::handlers::{
    idempotency::{IDEMPOTENCY_KEY, IDEMPOTENCY_REPLAYED, InvalidKey},
    preconditions::InvalidConditions,
};
use crate::{codes, failure::IntoProblem};

impl IntoProblem for InvalidConditions {
    fn into_problem(self) -> Problem {
        let message = self.to_string();
        let item =
            ProblemItem { name: Some(self.header().to_owned()), message, ..Default::default() };
        Problem::new(codes::INVALID_HEADER, self.to_string()).with_item(item)
    }
}

impl IntoProblem for InvalidKey {
    fn into_problem(self) -> Problem {
        let (name, message) = (Some(IDEMPOTENCY_KEY.to_owned()), self.to_string());
        Problem::new(codes::INVALID_HEADER, self.to_string()).with_item(ProblemItem {
            name,
            message,
            ..Default::default()
        })
    }
}

/// Marks the repeat of a refused request.
pub(crate) fn replayed(problem: Problem, replayed: bool) -> Problem {
    if !replayed {
        return problem;
    }
    let name = HeaderName::from_static(IDEMPOTENCY_REPLAYED);
    problem.with_header(name, HeaderValue::from_static("true"))
}
