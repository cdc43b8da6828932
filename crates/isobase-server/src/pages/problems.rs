//! Errors of pages, as problems.

use std::io;

use http::{HeaderValue, header};
use isobase_http::Problem;

use crate::codes;

/// There is no such page. The same as of a path without pages.
pub(super) fn not_found() -> Problem {
    Problem::new(codes::ROUTE_NOT_FOUND, "Not Found")
}

/// The part lies behind the end of the file.
pub(super) fn not_satisfiable(length: u64) -> Problem {
    let detail = format!("the file has {length} bytes, and none of those that Range asks for");
    let problem = Problem::new(codes::RANGE_NOT_SATISFIABLE, detail);
    match HeaderValue::try_from(format!("bytes */{length}")) {
        Ok(range) => problem.with_header(header::CONTENT_RANGE, range),
        Err(_) => problem,
    }
}

/// The file is there and cannot be read.
pub(super) fn unreadable(error: &io::Error) -> Problem {
    Problem::internal(format!("a page cannot be read: {error}"))
}
