//! Errors of uploads, as problems.

use std::io;

use isobase_auth::SealError;
use isobase_files::{FilesError, MultipartError, THUMB_SIDE_MAX, ThumbnailError};
use isobase_http::{Problem, ProblemItem};

use crate::{codes, failure::IntoProblem};

impl IntoProblem for FilesError {
    fn into_problem(self) -> Problem {
        match self {
            Self::TooLarge { .. } => {
                Problem::new(codes::FILE_TOO_LARGE, self.to_string()).closing()
            }
            Self::Type { .. } => {
                Problem::new(codes::FILE_TYPE_NOT_TAKEN, self.to_string()).closing()
            }
            Self::Disk(error) if is_full(&error) => {
                let text = "there is no space left, and no file was stored; an upload in pieces goes \
                            on from its offset when there is room";
                Problem::new(codes::OUT_OF_SPACE, text).with_cause(error.to_string()).closing()
            }
            Self::Disk(error) => Problem::internal(format!("the folder of uploads: {error}")),
            Self::Bucket(error) => {
                let text = "the bucket of uploads is not available, and no file was stored";
                Problem::new(codes::UNAVAILABLE, text).with_cause(error.to_string())
            }
            Self::Store(error) => error.into_problem(),
        }
    }
}

impl IntoProblem for ThumbnailError {
    fn into_problem(self) -> Problem {
        let text = self.to_string();
        match self {
            Self::TooLarge => Problem::new(codes::PICTURE_TOO_LARGE, text),
            Self::Damaged(_) => Problem::new(codes::PICTURE_UNREADABLE, text),
            Self::Busy => Problem::new(codes::UNAVAILABLE, text),
            Self::Unsupported => Problem::new(codes::UNSUPPORTED, text),
            Self::Files(error) => error.into_problem(),
        }
    }
}

/// No version of a picture is called so.
pub(super) fn invalid_thumb(text: &str) -> Problem {
    let message = format!(
        "expected WIDTHxHEIGHT in pixels up to {THUMB_SIDE_MAX}, with t, b or f behind it, or one of \
         them 0"
    );
    Problem::new(codes::INVALID_PARAMETER, format!("thumb: {message}"))
        .with_item(ProblemItem::named("thumb", message, text))
}

impl IntoProblem for SealError {
    fn into_problem(self) -> Problem {
        Problem::internal(self.to_string())
    }
}

impl IntoProblem for MultipartError {
    fn into_problem(self) -> Problem {
        Problem::new(codes::INVALID_UPLOAD, self.to_string())
    }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

/// The form has no file where one is expected, or another than one.
pub(super) fn invalid_upload(message: &str) -> Problem {
    Problem::new(codes::INVALID_UPLOAD, message).with_item(ProblemItem::at("/file", message))
}

/// There is no such file.
pub(super) fn not_found() -> Problem {
    Problem::new(codes::FILE_NOT_FOUND, "File not found")
}

/// Nothing can be signed.
pub(super) fn no_links() -> Problem {
    Problem::new(codes::UNSUPPORTED, "the service has no secret to sign links with")
}

/// No one in particular uploads nothing.
pub(super) fn unauthenticated() -> Problem {
    Problem::new(codes::UNAUTHENTICATED, "uploads take a key or a session")
}

/// Who may change uploads may not change the documents that name them.
pub(super) fn documents_forbidden() -> Problem {
    let text =
        "to put another file in its place takes the right to change the documents that name it";
    Problem::new(codes::FORBIDDEN, text)
}

/// Documents name the file that the caller may not see.
pub(super) fn hidden_documents(hidden: usize) -> Problem {
    let text = format!("{hidden} documents that you may not see name it; nothing was changed");
    Problem::new(codes::FORBIDDEN, text)
}

/// More documents name the file than one request changes.
pub(super) fn too_many_documents(max: usize) -> Problem {
    let text = format!(
        "more than {max} documents name it, or they could not all be found in time; nothing was \
         changed"
    );
    Problem::new(codes::LIMIT_EXCEEDED, text)
}
