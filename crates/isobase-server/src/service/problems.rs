//! Faults of the service, as problems.

use isobase_http::Problem;

use crate::codes;

/// The service cannot be used now.
pub(super) fn not_ready(detail: &str) -> Problem {
    Problem::new(codes::NOT_READY, detail)
}
