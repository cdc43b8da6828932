//! `isobase docs`: the generated pages of the documentation.

use std::fmt::Write as _;

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::{command::Command, print::Printer, settings};

/// Print generated pages of the documentation
#[derive(Debug, Args)]
#[command(hide = true)]
pub(crate) struct DocsCommand {
    /// Which page
    page: DocumentationPage,
}

/// Generated pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum DocumentationPage {
    /// docs/errors.md
    Errors,
    /// docs/configuration.md
    Configuration,
    /// The table of engines
    Engines,
}

impl Command for DocsCommand {
    fn run(self, printer: Printer) -> Result<()> {
        let text = match self.page {
            DocumentationPage::Configuration => settings::documentation(),
            DocumentationPage::Errors => isobase_server::errors_markdown(),
            DocumentationPage::Engines => engines(),
        };
        printer.result(&text);
        Ok(())
    }
}

/// The engines of this build, as a table in Markdown.
fn engines() -> String {
    let mut page = String::from(
        "# Engines\n\n\
         Choose one with `RECORDS_URL` or `records_url` in `isobase.toml`; the default is SQLite. \
         [matrix.md](matrix.md) shows what each can hold. Releases and containers have all of them; \
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
