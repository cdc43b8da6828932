//! The one executable: reads arguments and environment, prints, exits.

mod arguments;
mod failure;
mod print;
mod settings;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, Parser};

use crate::{
    arguments::{Arguments, Command, ConfigCommand, DocumentationPage},
    failure::Failure,
    print::Printer,
    settings::{Config, Given, Loaded},
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let output = &arguments.output;
    let printer = Printer::new(output.json, output.quiet, output.color);
    match run(arguments.command, printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = Failure::from_error(error);
            printer.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    }
}

fn run(command: Command, printer: Printer) -> Result<()> {
    match command {
        Command::Config { command: ConfigCommand::Print(arguments) } => {
            let (loaded, config) = load_settings(&arguments.given(), printer)?;
            if printer.json {
                printer.result(&settings::as_json(&loaded, &config)?);
            } else {
                printer.result(&settings::as_text(&loaded, &config));
            }
            Ok(())
        }
        Command::Completions { shell } => {
            let mut script = Vec::new();
            clap_complete::generate(shell, &mut Arguments::command(), "isobase", &mut script);
            printer.result(&String::from_utf8_lossy(&script));
            Ok(())
        }
        Command::Docs { page: DocumentationPage::Configuration } => {
            printer.result(&settings::documentation());
            Ok(())
        }
        _ => Err(Failure::new("not yet").into()),
    }
}

/// Reads all settings, and warns about what is odd.
fn load_settings(given: &Given, printer: Printer) -> Result<(Loaded, Config)> {
    // A variable that is not text cannot be one of ours.
    let environment = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let loaded = settings::load(given, &environment.collect::<Vec<_>>())?;
    for warning in &loaded.warnings {
        printer.warning(warning);
    }
    let config = Config::new(&loaded)?;
    Ok((loaded, config))
}
