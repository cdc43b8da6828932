//! The shape of a command: arguments that know how to do their work.

use anyhow::Result;

use crate::{
    logging,
    print::Printer,
    read_settings::load_settings,
    settings::{Config, Given, Loaded},
};

/// The arguments of a command, and its work.
pub(crate) trait Command {
    /// Does what the arguments ask for.
    fn run(self, printer: Printer) -> Result<()>;
}

/// A command about an app: before it runs, the settings are read and the log is started.
pub(crate) trait AppCommand {
    /// Whether it changes a database. Such a command reports when it ends early because its reader
    /// has left; others have nothing left to do then.
    const CHANGES: bool = false;

    /// The app, and the settings that the command line names.
    fn given(&self) -> Given;

    /// Does what the arguments ask for.
    async fn run_in(self, settings: (&Loaded, &Config), printer: Printer) -> Result<()>;
}

impl<C: AppCommand> Command for C {
    fn run(self, printer: Printer) -> Result<()> {
        let printer = if C::CHANGES { printer.of_changes() } else { printer };
        let (loaded, config) = load_settings(&self.given(), printer)?;
        logging::start_for_command(&loaded, printer);
        block_on(self.run_in((&loaded, &config), printer))
    }
}

/// Runs a task to its end, on as many threads as the machine has cores.
pub(crate) fn block_on<T>(task: impl Future<Output = Result<T>>) -> Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(task)
}
