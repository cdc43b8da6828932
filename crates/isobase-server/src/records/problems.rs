//! Errors of the headers of records, as problems.

use http::{HeaderName, HeaderValue};
use isobase_http::{Problem, ProblemItem};

use super::handlers::preconditions::InvalidConditions;
use crate::{codes, failure::IntoProblem, request::idempotency::IDEMPOTENCY_REPLAYED};

impl IntoProblem for InvalidConditions {
    fn into_problem(self) -> Problem {
        let message = self.to_string();
        let item =
            ProblemItem { name: Some(self.header().to_owned()), message, ..Default::default() };
        Problem::new(codes::INVALID_HEADER, self.to_string()).with_item(item)
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
