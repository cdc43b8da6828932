//! Errors of licences, as problems.

use std::time::Duration;

use http::{HeaderValue, Response, StatusCode};
use isobase_http::{Body, Problem, ProblemCode, ProblemItem};
use isobase_licences::{Answer, Code, LicenceError};
use serde_json::json;

use crate::{Call, codes, failure::IntoProblem, licences::wire};

/// The media type of problems.
const PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");

impl IntoProblem for LicenceError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound => Problem::new(codes::LICENSE_NOT_FOUND, detail),
            Self::InstallationNotFound => Problem::new(codes::INSTALLATION_NOT_FOUND, detail),
            Self::InstallationExists => Problem::new(codes::INSTALLATION_EXISTS, detail),
            Self::NothingToReplace => Problem::new(codes::NOTHING_TO_REPLACE, detail),
            Self::KeyExists | Self::KeyOfAnother => Problem::new(codes::LICENSE_REFUSED, detail),
            Self::WrongStanding { .. } => Problem::new(codes::LICENSE_STATE, detail),
            Self::Invalid { field, message } => {
                let item = ProblemItem::at(format!("/{field}"), message);
                Problem::new(codes::INVALID_BODY, detail).with_item(item)
            }
            Self::TooManyInstallations { .. } | Self::TooMany { .. } => {
                Problem::new(codes::LIMIT_EXCEEDED, detail)
            }
            Self::InRow { row, error } => in_row(row, *error),
            Self::Busy => Problem::new(codes::UNAVAILABLE, detail),
            Self::NoSecret(_) => Problem::new(codes::NO_LICENSE_SECRET, detail),
            Self::Store(error) => error.into_problem(),
            Self::Rejected(rejection) => rejection.into_problem(),
            Self::KeyNotKept { .. }
            | Self::SealedOtherwise { .. }
            | Self::Random(_)
            | Self::Unreadable { .. } => Problem::internal(detail),
        }
    }
}

/// The fault of one of many.
pub(super) fn in_row(row: usize, error: LicenceError) -> Problem {
    let field = match &error {
        LicenceError::Invalid { field, .. } => format!("/{field}"),
        _ => String::new(),
    };
    let message = error.to_string();
    let code = error.into_problem().code();
    Problem::new(code, format!("licence {row}: {message}; none was made"))
        .with_item(ProblemItem::at(format!("/licenses/{row}{field}"), message))
}

/// The service reads no files of others.
pub(super) fn no_files() -> Problem {
    Problem::new(codes::UNSUPPORTED, "this service reads no files of other licence services")
}

/// More than is read at once.
pub(super) fn file_too_large(max: usize) -> Problem {
    let detail = format!("the file has more than {} MiB; use `isobase license import`", max >> 20);
    Problem::new(codes::BODY_TOO_LARGE, detail)
}

/// The file is none of a licence service.
pub(super) fn not_read(why: &str) -> Problem {
    Problem::new(codes::INVALID_BODY, format!("the file is refused: {why}"))
}

/// Too many asks of one kind.
pub(super) fn too_often(after: Duration) -> Problem {
    Problem::new(codes::RATE_LIMITED, "too many requests in a minute; nothing was written")
        .with_retry_after(after)
}

/// There is no such licence, told as the older service tells it: as a bad request.
pub(super) fn nothing_to_edit() -> Problem {
    Problem::new(codes::LICENSE_REFUSED, "License not found")
}

/// The code of a problem for an answer that lets nothing in.
fn problem_code(code: Code) -> ProblemCode {
    match code {
        Code::MalformedKey => codes::MALFORMED_KEY,
        Code::EmailMismatch => codes::EMAIL_MISMATCH,
        Code::LicenseExpired => codes::LICENSE_EXPIRED,
        Code::LicenseSuspended => codes::LICENSE_SUSPENDED,
        Code::LicenseRevoked => codes::LICENSE_REVOKED,
        Code::InstallationLimit => codes::INSTALLATION_LIMIT,
        Code::InstallationNotFound => codes::INSTALLATION_NOT_FOUND,
        Code::InstallationFreed => codes::INSTALLATION_FREED,
        Code::NoActiveLicense => codes::NO_ACTIVE_LICENSE,
        Code::InvalidLicense | Code::Ok | Code::OkReinstall | Code::OkReplaced | Code::Grace => {
            codes::INVALID_LICENSE
        }
    }
}

/// An answer that lets nothing in, as a problem with the members of the answer beside its own.
/// The status is that of the route, as the older service has it.
pub(super) fn refused(
    call: &Call,
    answer: &Answer,
    (status, now): (StatusCode, String),
) -> Response<Body> {
    let code = problem_code(answer.code);
    let mut body = json!({
        "type": format!("/docs/errors#{}", code.as_str()),
        "title": code.title(),
        "status": status.as_u16(),
        "detail": answer.message,
    });
    let verdict = serde_json::to_value(wire::Verdict::of(answer, call, now));
    if let (Some(body), Ok(serde_json::Value::Object(verdict))) = (body.as_object_mut(), verdict) {
        body.extend(verdict);
    }
    Body::full(body.to_string()).into_response(status, PROBLEM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_has_the_code_of_its_answer() {
        for code in Code::ALL.into_iter().filter(|code| !code.is_valid()) {
            assert_eq!(problem_code(code).as_str(), code.as_str());
        }
    }
}
