//! Errors of keys, as problems.

use isobase_auth::{InvalidScope, KeyError};
use isobase_http::{Problem, ProblemItem};

use crate::{codes, failure::IntoProblem};

impl IntoProblem for KeyError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::Store(error) => error.into_problem(),
            Self::Refused(rejection) => rejection.into_problem(),
            Self::InvalidName => invalid("name", &detail),
            Self::Overlap => invalid("overlap_s", &detail),
            Self::NameTaken(_) => Problem::new(codes::KEY_NAME_TAKEN, detail),
            Self::NotFound(_) => Problem::new(codes::KEY_NOT_FOUND, detail),
            Self::TooMany => Problem::new(codes::LIMIT_EXCEEDED, detail),
            Self::Damaged(_) | Self::Random(_) => Problem::internal(detail),
        }
    }
}

/// The scope of a key that is to be is none.
pub(super) fn invalid_scope(error: &InvalidScope) -> Problem {
    invalid("scopes", &error.to_string())
}

/// The body is no key that is to be, or one of its fields cannot be that of one.
pub(super) fn invalid(field: &str, message: &str) -> Problem {
    let detail = format!("the key is refused: {message}");
    Problem::new(codes::INVALID_KEY, detail)
        .with_item(ProblemItem::at(format!("/{field}"), message))
}

/// Somebody without credentials, in open mode, would close the service to everybody.
pub(super) fn open() -> Problem {
    Problem::new(
        codes::FORBIDDEN,
        "the first key is made by the operator of the service: isobase key create NAME --scope …",
    )
}
