//! How the pages are described.

use isobase_http::{Answer, Content, Location, Operation, Parameter};

use crate::codes;

/// Headers of every page.
const HEADERS: [(&str, &str); 4] = [
    ("ETag", "Of this state of the file."),
    ("Last-Modified", "When the file was last changed."),
    ("Cache-Control", "`no-cache`; files with a hash in their name may be kept for a year."),
    ("Accept-Ranges", "`bytes`"),
];

pub(super) fn get_page() -> Operation {
    let path = Parameter::new(Location::Path, "path", "A path that no other route has.");
    Operation::new("get_page", "pages", "Read a page of the app")
        .description(
            "`index.html` of the app folder at `/`, and the files of its folder `public`. Parts \
             are answered with 206, an unchanged file with 304; `name.br` and `name.gz` beside a \
             file are sent to those who take them.",
        )
        .parameters([path.example("style.css")])
        .answers(Answer::new(200, "The file.").headers(HEADERS).content(Content::text("text/html")))
        .answers(Answer::new(206, "The part that `Range` asks for.").headers(HEADERS))
        .problems([codes::RANGE_NOT_SATISFIABLE])
}
