//! `isobase completions`: what makes a shell complete commands, flags and names.

use anyhow::{Context, Result};
use clap::Args;
use clap_complete::{Shell, env::Shells};

use crate::{command::Command, print::Printer};

const EXAMPLES: &str = "\
Examples:
  isobase completions bash > ~/.local/share/bash-completion/completions/isobase
  isobase completions zsh > ~/.zfunc/_isobase
  isobase completions fish > ~/.config/fish/completions/isobase.fish";

/// The variable by which a shell asks.
const VARIABLE: &str = "COMPLETE";

/// Print the completion script of a shell
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct CompletionsCommand {
    /// The shell
    shell: Shell,
}

impl Command for CompletionsCommand {
    fn run(self, printer: Printer) -> Result<()> {
        printer.result(&script(self.shell)?);
        Ok(())
    }
}

/// The script that makes a shell ask this executable.
fn script(shell: Shell) -> Result<String> {
    let shells = Shells::builtins();
    let shell = shell.to_string();
    let completer = shells.completer(&shell).with_context(|| format!("{shell} is not known"))?;
    let mut script = Vec::new();
    completer.write_registration(VARIABLE, "isobase", "isobase", "isobase", &mut script)?;
    Ok(String::from_utf8_lossy(&script).into_owned())
}
