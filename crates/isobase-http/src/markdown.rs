//! The page of all problem codes.

use std::fmt::Write;

use crate::{ProblemCode, Stage};

/// A page of all problem codes of a service, by stage.
#[must_use]
pub fn errors_markdown(codes: &[ProblemCode]) -> String {
    let mut page = String::from(
        "# Errors\n\n\
         Every error is a problem body (RFC 9457, `application/problem+json`) with `type`, `title`, \
         `status`, `detail`, `code`, `request_id` and, where several things are wrong, `errors`. \
         Decide by `code`; `detail` is for people. Codes are never used again for something else.\n\n\
         A request whose head cannot be read at all has no body in its answer: 400 when it is \
         malformed or ambiguous (framing, blanks in the target), 431 when it has more than 32 KiB or \
         more than 100 headers. The connection is closed.\n\n\
         This page is generated from the lists of codes in `crates/isobase-http` and `crates/isobase-server`.\n",
    );
    for stage in Stage::ALL {
        // Writing to a String cannot fail.
        let _ = write!(page, "\n## {}\n", stage.title());
        for code in codes.iter().filter(|code| code.stage() == stage) {
            let _ = write!(
                page,
                "\n### {name}\n\n{status} {title}. {meaning}\n\n{remedy}\n",
                name = code.as_str(),
                status = code.status().as_u16(),
                title = code.title(),
                meaning = code.meaning(),
                remedy = code.remedy(),
            );
        }
    }
    page
}
