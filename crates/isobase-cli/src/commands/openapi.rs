//! `isobase openapi`: the description of the service for programs.

use anyhow::Result;
use clap::Args;

use crate::{command::Command, print::Printer};

/// Print the OpenAPI document of the service
#[derive(Debug, Args)]
pub(crate) struct OpenapiCommand;

impl Command for OpenapiCommand {
    fn run(self, printer: Printer) -> Result<()> {
        let document = serde_json::to_string_pretty(&isobase_server::openapi())?;
        printer.line(&document);
        Ok(())
    }
}
