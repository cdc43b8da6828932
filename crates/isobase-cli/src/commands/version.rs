//! `isobase version`: what this build is.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::{command::Command, print::Printer};

pub(crate) const VERSION: &str = env!("CARGO_PKG_VERSION");

/// The commit that the build is of. Releases and containers say it; other builds do not know it.
pub(crate) const COMMIT: Option<&str> = match option_env!("ISOBASE_COMMIT") {
    Some(commit) if !commit.is_empty() => Some(commit),
    _ => None,
};

/// The features of the build that change what it can do.
pub(crate) fn features() -> Vec<&'static str> {
    let engines = isobase::ENGINES.iter().map(|engine| (engine.name, engine.compiled));
    let others = [
        ("schemas", cfg!(feature = "schemas")),
        ("mail", cfg!(feature = "mail")),
        ("providers", cfg!(feature = "providers")),
        ("s3", cfg!(feature = "s3")),
        ("thumbnails", cfg!(feature = "thumbnails")),
        ("toolkit", cfg!(feature = "toolkit")),
    ];
    engines.chain(others).filter(|(_, there)| *there).map(|(name, _)| name).collect()
}

/// Print what this build is: version, commit, features
#[derive(Debug, Args)]
pub(crate) struct VersionCommand;

impl Command for VersionCommand {
    fn run(self, printer: Printer) -> Result<()> {
        print_build(printer);
        Ok(())
    }
}

fn print_build(printer: Printer) {
    let (features, debug) = (features(), cfg!(debug_assertions));
    if printer.json {
        return printer.json_line(&json!({
            "version": VERSION, "commit": COMMIT, "features": features, "debug": debug,
        }));
    }
    let commit = COMMIT.unwrap_or("unknown: not a build of a release");
    printer.line(&format!(
        "isobase {VERSION}\ncommit    {commit}\nfeatures  {}\nprofile   {}",
        features.join(" "),
        if debug { "debug" } else { "release" },
    ));
}
