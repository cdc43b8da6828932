//! Errors of the admin site.

use isobase_http::Problem;

use crate::codes;

/// There is no such file.
pub(super) fn no_file(path: &str) -> Problem {
    let shown: String = path.chars().take(100).collect();
    Problem::new(codes::ROUTE_NOT_FOUND, format!("the admin site has no file {shown:?}"))
}
