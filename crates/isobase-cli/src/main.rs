//! The one executable: reads arguments and environment, prints, exits.

mod api;
mod arguments;
mod audit;
mod backup;
mod candidates;
#[cfg(feature = "toolkit")]
mod db;
mod disks;
mod doctor;
mod engines;
mod examples;
mod export;
mod failure;
mod flags;
mod health;
mod hooks;
mod import;
mod index;
mod keys;
mod letters;
mod license;
mod local;
mod logging;
mod manual;
mod measures;
mod new;
mod opening;
mod output_file;
mod overwriting;
mod partial_file;
mod print;
mod progress;
#[cfg(feature = "providers")]
mod providers;
mod read_settings;
mod schema;
mod seed;
mod serve;
mod service_failure;
mod settings;
#[cfg(feature = "mail")]
mod smtp;
mod source;
mod standard_error;
mod stored_settings;
mod target;
mod transfer;
mod types;
mod users;
mod version;
mod watch;

use std::process::ExitCode;

use anyhow::Result;
use clap::{CommandFactory, FromArgMatches};

use crate::{
    arguments::{Arguments, Command, ConfigCommand, DocumentationPage},
    failure::Failure,
    print::Printer,
    read_settings::load_settings,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    clap_complete::CompleteEnv::with_factory(command).bin("isobase").complete();
    let mut matches = command().get_matches();
    let arguments = match Arguments::from_arg_matches_mut(&mut matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let output = &arguments.output;
    let printer = Printer::new(output.json, output.quiet, output.color);
    let changes = matches!(
        arguments.command,
        Command::Copy(_) | Command::Restore(_) | Command::Import(_) | Command::Reconcile(_)
    );
    let printer = if changes { printer.of_changes() } else { printer };
    let code = match run(arguments.command, printer) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failure = Failure::from_error(error);
            printer.failure(&failure);
            ExitCode::from(failure.exit_code())
        }
    };
    standard_error::flush();
    code
}

/// The command line with everything that it shows.
fn command() -> clap::Command {
    examples::complete(Arguments::command())
}

fn run(command: Command, printer: Printer) -> Result<()> {
    match command {
        Command::Version => {
            version::run(printer);
            Ok(())
        }
        Command::Man { folder } => manual::run(&folder, self::command(), printer),
        Command::Doctor { app } => block_on(doctor::run(&app, printer)),
        Command::Api(arguments) => {
            let (loaded, config) = load_settings(&arguments.target.app.given(), printer)?;
            block_on(api::run(arguments, (&loaded, &config), printer))
        }
        Command::Config { command: ConfigCommand::Print(arguments) } => {
            let (loaded, config) = load_settings(&arguments.given(), printer)?;
            if printer.json {
                printer.result(&settings::as_typed_json(&loaded, &config)?);
            } else {
                printer.result(&settings::as_text(&loaded, &config));
            }
            Ok(())
        }
        Command::Completions { shell } => {
            printer.result(&candidates::script(shell)?);
            Ok(())
        }
        Command::Docs { page } => {
            let text = match page {
                DocumentationPage::Configuration => settings::documentation(),
                DocumentationPage::Errors => isobase_server::errors_markdown(),
                DocumentationPage::Engines => engines::documentation(),
            };
            printer.result(&text);
            Ok(())
        }
        #[cfg(feature = "toolkit")]
        Command::Db { command } => block_on(db::run(command, printer)),
        Command::Health { app, url } => {
            let (_, config) = load_settings(&app.given(), printer)?;
            block_on(health::run(url.as_deref(), &config, printer))
        }
        Command::Openapi => {
            let document = serde_json::to_string_pretty(&isobase_server::openapi())?;
            printer.line(&document);
            Ok(())
        }
        Command::New(arguments) => new::run(&arguments, printer),
        Command::Schema { command } => {
            let (loaded, config) = load_settings(&command.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(schema::run(command, &loaded, &config, printer))
        }
        Command::Types(arguments) => {
            let (loaded, config) = load_settings(&arguments.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            types::run(&arguments, &config, printer)
        }
        Command::Serve(arguments) => {
            let given = arguments.given();
            let (loaded, config) = load_settings(&given, printer)?;
            logging::start(&loaded, printer);
            let watched = watch::Watched::new(&given, loaded, config);
            block_on(serve::run(&given, watched, arguments.watch, printer))
        }
        Command::Import(arguments) => {
            let (loaded, config) = load_settings(&arguments.target.app.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            match arguments.collection.clone() {
                Some(name) => block_on(import::run(arguments, &name, (&loaded, &config), printer)),
                None => block_on(transfer::import_whole(&arguments, &config, printer)),
            }
        }
        Command::Export(arguments) => {
            let (loaded, config) = load_settings(&arguments.target.app.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(export::run(arguments, &loaded, &config, printer))
        }
        Command::Copy(arguments) => {
            let (loaded, config) = load_settings(&arguments.app.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(transfer::copy(arguments, &config, printer))
        }
        Command::Dump(arguments) => {
            let (loaded, config) = load_settings(&arguments.database.app.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(transfer::dump(arguments, &config, printer))
        }
        Command::Restore(arguments) => {
            let (loaded, config) = load_settings(&arguments.database.app.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(transfer::restore(arguments, &config, printer))
        }
        Command::Backup { command } => {
            let (loaded, config) = load_settings(&command.app().given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(backup::run(&command, (&loaded, &config), printer))
        }
        Command::Audit { command } => {
            let (loaded, config) = load_settings(&command.app().given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(audit::run(&command, &config, printer))
        }
        Command::Verify(arguments) => block_on(transfer::verify(arguments, printer)),
        Command::Reconcile(arguments) => {
            let (loaded, config) = load_settings(&arguments.database.app.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(transfer::reconcile(arguments, &config, printer))
        }
        Command::Index { command } => {
            let (loaded, config) = load_settings(&command.given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(index::run(command, &loaded, &config, printer))
        }
        Command::License { command } => {
            let given = command.target().map(|target| target.app.given()).unwrap_or_default();
            let (loaded, config) = load_settings(&given, printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(license::run(command, (&loaded, &config), printer))
        }
        Command::Key { command } => {
            let (loaded, config) = load_settings(&command.app().given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(keys::run(&command, &config, printer))
        }
        Command::User { command } => {
            let (loaded, config) = load_settings(&command.app().given(), printer)?;
            logging::start_for_command(&loaded, printer);
            block_on(users::run(&command, &loaded, &config, printer))
        }
    }
}

/// Runs a task to its end, on as many threads as the machine has cores.
fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(task)
}
