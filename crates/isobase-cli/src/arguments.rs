//! The command line.

use clap::{Args, CommandFactory, Parser};

use crate::{commands::AnyCommand, examples, print::Color};

const EXAMPLES: &str = "\
Examples:
  isobase new my-app                     an app to begin with
  isobase serve my-app                   that app, on http://127.0.0.1:8002
  isobase serve                          records in data/isobase.db, without an app
  isobase serve --port 9000 --data /srv/records
  DATABASE_URL=postgres://me:secret@db/app isobase serve
  isobase import orders.csv --collection orders
  isobase export --collection orders --filter 'status=open&sort=-created_at' -o open.ndjson
  isobase copy sqlite://data/isobase.db postgres://me:secret@db/app
  isobase dump backup.isobase
  isobase index create orders status,-created_at
  isobase key create app --scope write
  isobase license create ann@example.com --days 365
  isobase user create ann --owner
  isobase config print
  isobase doctor                         could a service run here?
  isobase help import

Settings come from isobase.toml, the environment and flags; see isobase config print.";

/// The same backend on every database: one executable serves JSON records over HTTP from SQLite,
/// PostgreSQL, CouchDB, DynamoDB, Firestore or memory, and moves them between any two.
#[derive(Debug, Parser)]
#[command(name = "isobase", version, after_help = EXAMPLES, arg_required_else_help = true)]
#[command(infer_long_args = false)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) output: OutputFlags,
    #[command(subcommand)]
    pub(crate) command: AnyCommand,
}

/// How commands speak.
#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputFlags {
    /// Print results as JSON, progress as JSON lines
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// Print nothing but results, warnings and errors
    #[arg(long, short, global = true)]
    pub(crate) quiet: bool,
    /// When to use colours; NO_COLOR is honoured
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = Color::Auto)]
    pub(crate) color: Color,
}

/// The whole command line, with an example in every help.
pub(crate) fn command_line() -> clap::Command {
    examples::complete(Arguments::command())
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;
    use crate::settings::{AnySetting, DATA, HOST, LOG, PORT};

    #[test]
    fn the_command_line_is_sound() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn flags_of_settings_tell_their_defaults_and_variables() {
        let command = Arguments::command();
        let serve = command.find_subcommand("serve").unwrap();
        let settings: [&dyn AnySetting; 4] = [&HOST, &PORT, &DATA, &LOG];
        for setting in settings {
            let declared = setting.declared();
            let of_it =
                |it: &&Arg| it.get_long().map(|long| format!("--{long}")) == declared.flag();
            let help = serve.get_arguments().find(of_it).unwrap().get_help().unwrap().to_string();
            let default = setting.default_reading().unwrap().shown;
            assert!(help.contains(&format!("[default: {default}")), "{help}");
            let variables = declared.all_variables();
            let is_told = |name: &String| help.contains(&format!("[env: {name}]"));
            assert!(variables.iter().any(is_told), "{help}: {variables:?}");
        }
    }
}
