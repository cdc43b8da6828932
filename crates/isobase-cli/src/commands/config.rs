//! `isobase config`: the settings, and where each comes from.

use anyhow::Result;
use clap::Subcommand;

use super::serve::ServiceArguments;
use crate::{command::Command, print::Printer, read_settings::load_settings, settings};

/// Show the settings
#[derive(Debug, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Print every setting with its value and its origin
    Print(ServiceArguments),
}

impl Command for ConfigCommand {
    fn run(self, printer: Printer) -> Result<()> {
        let Self::Print(service) = self;
        let (loaded, config) = load_settings(&service.given(), printer)?;
        if printer.json {
            printer.result(&settings::as_typed_json(&loaded, &config)?);
        } else {
            printer.result(&settings::as_text(&loaded, &config));
        }
        Ok(())
    }
}
