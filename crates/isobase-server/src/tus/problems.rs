//! Errors of uploads in several requests, as problems.

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use isobase_files::ResumableError;
use isobase_http::{Problem, ProblemItem};

use super::wire::{UPLOAD_LENGTH, UPLOAD_OFFSET, VERSION};
use crate::{codes, failure::IntoProblem};

const TUS_VERSION: HeaderName = HeaderName::from_static("tus-version");

impl IntoProblem for ResumableError {
    fn into_problem(self) -> Problem {
        let text = self.to_string();
        match self {
            Self::NotFound => Problem::new(codes::UPLOAD_NOT_FOUND, text),
            Self::Busy => busy(),
            Self::Offset { offset } => Problem::new(codes::UPLOAD_OFFSET, text)
                .with_header(UPLOAD_OFFSET, HeaderValue::from(offset)),
            Self::TooLong { .. } => Problem::new(codes::UPLOAD_TOO_LONG, text).closing(),
            // Clients come again, perhaps to the node that has it.
            Self::Elsewhere => {
                Problem::new(codes::UPLOAD_ELSEWHERE, text).with_retry_after(Duration::from_secs(1))
            }
            Self::Length => invalid(&UPLOAD_LENGTH, "the upload has another length", ""),
            Self::Checksum => Problem::new(codes::UPLOAD_CHECKSUM, text),
            Self::TooMany { .. } => Problem::new(codes::TOO_MANY_UPLOADS, text)
                .with_retry_after(Duration::from_secs(60)),
            Self::Parts(_) => Problem::new(codes::INVALID_RESUMABLE_UPLOAD, text),
            Self::Joined => Problem::new(codes::FORBIDDEN, text),
            Self::Files(error) => error.into_problem(),
        }
    }
}

/// A request is told to come again: clients go on then, where they would begin anew after any
/// other refusal.
pub(super) fn busy() -> Problem {
    Problem::new(codes::UPLOAD_BUSY, "another request works on the upload")
        .with_retry_after(Duration::from_secs(1))
}

pub(super) fn invalid(header: &HeaderName, message: &str, value: &str) -> Problem {
    let item = ProblemItem::named(header.as_str(), message, value);
    Problem::new(codes::INVALID_RESUMABLE_UPLOAD, format!("{header}: {message}")).with_item(item)
}

pub(super) fn unsupported_version() -> Problem {
    Problem::new(codes::UPLOAD_PROTOCOL, "expected the header Tus-Resumable: 1.0.0")
        .with_header(TUS_VERSION, VERSION)
}
