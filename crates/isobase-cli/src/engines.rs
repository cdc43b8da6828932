//! The table of engines for the documentation.

use std::fmt::Write as _;

/// The engines of this build, as a table in Markdown.
pub(crate) fn documentation() -> String {
    let mut page = String::from(
        "# Engines\n\n\
         Choose one with `RECORDS_URL` or `records_url` in `isobase.toml`; the default is SQLite. \
         What each can hold: [matrix.md](matrix.md). Releases and containers have all of them; \
         `cargo build` leaves out those of the feature `cloud`.\n\n\
         | engine | URL | what for | cargo feature |\n| --- | --- | --- | --- |\n",
    );
    for engine in isobase::ENGINES {
        // Writing to a String cannot fail.
        let _ = writeln!(
            page,
            "| {} | `{}` | {} | `{}` |",
            engine.name, engine.url, engine.about, engine.feature
        );
    }
    page
}
