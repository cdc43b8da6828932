//! Errors of imports, as problems.

use isobase_http::Problem;
use isobase_jobs::ImportsError;

use crate::{codes, failure::IntoProblem};

impl IntoProblem for ImportsError {
    fn into_problem(self) -> Problem {
        let detail = self.to_string();
        match self {
            Self::NotFound(_) => Problem::new(codes::IMPORT_NOT_FOUND, detail),
            Self::Unreadable(_) => Problem::new(codes::IMPORT_UNREADABLE, detail),
            Self::Full(_) => Problem::new(codes::OUT_OF_SPACE, detail),
            Self::Folder { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                let detail = "the disk of the files to be imported is full";
                Problem::new(codes::OUT_OF_SPACE, detail)
            }
            Self::Folder { .. } | Self::Random(_) => Problem::internal(detail),
        }
    }
}

/// The service has no folder for files.
pub(super) fn no_folder() -> Problem {
    Problem::new(codes::UNSUPPORTED, "there is no folder for files to be imported")
}
