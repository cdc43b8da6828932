//! Errors of the request log, as problems.

use isobase_http::{Problem, ProblemItem};
use isobase_requests::RequestsError;

use crate::{codes, failure::IntoProblem};

impl IntoProblem for RequestsError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound => Problem::new(codes::REQUEST_NOT_FOUND, detail),
            Self::ItemNotFound => Problem::new(codes::WORK_NOT_FOUND, detail),
            Self::ItemExists(_) => Problem::new(codes::WORK_EXISTS, detail),
            Self::Invalid { field, message } => {
                let item = ProblemItem::at(format!("/{field}"), message);
                Problem::new(codes::INVALID_BODY, detail).with_item(item)
            }
            Self::Store(error) => error.into_problem(),
            Self::Rejected(rejection) => rejection.into_problem(),
            Self::Busy => Problem::new(codes::UNAVAILABLE, detail),
        }
    }
}
