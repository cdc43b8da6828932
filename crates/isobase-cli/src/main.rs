//! The one executable: reads arguments and environment, prints, exits.

mod arguments;
mod candidates;
mod command;
mod commands;
mod disks;
mod examples;
mod failure;
mod flags;
mod keys;
mod local;
mod logging;
mod opening;
mod output_file;
mod overwriting;
mod partial_file;
mod print;
mod progress;
mod read_settings;
mod service_failure;
mod settings;
mod source;
mod standard_error;
mod target;
mod transfer;

use std::process::ExitCode;

use clap::FromArgMatches;

use crate::{
    arguments::{Arguments, command_line},
    failure::Failure,
    print::Printer,
};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    clap_complete::CompleteEnv::with_factory(command_line).bin("isobase").complete();
    let mut matches = command_line().get_matches();
    let arguments = match Arguments::from_arg_matches_mut(&mut matches) {
        Ok(arguments) => arguments,
        Err(error) => error.exit(),
    };
    let output = &arguments.output;
    let printer = Printer::new(output.json, output.quiet, output.color);
    let code = match arguments.command.run(command_line, printer) {
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
