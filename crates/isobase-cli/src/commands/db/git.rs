//! `isobase db git`

use anyhow::Result;
use clap::Args;

use super::connect::{dumps, failure};
use crate::{failure::Failure, print::Printer};

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct GitArguments {
    /// Commit the dumps
    #[arg(long)]
    commit: bool,
    /// What the commit says
    #[arg(long)]
    message: Option<String>,
    /// Push the commit
    #[arg(long, requires = "commit")]
    push: bool,
    /// Where to
    #[arg(long, default_value = "origin")]
    remote: String,
    /// Which branch; the current one when none is named
    #[arg(long)]
    branch: Option<String>,
}

pub(super) async fn run(arguments: GitArguments, printer: Printer) -> Result<()> {
    if !arguments.commit {
        return Err(Failure::usage("there is nothing to do without --commit").into());
    }
    commit(arguments.message.as_deref(), printer).await?;
    if arguments.push {
        push(&arguments.remote, arguments.branch.as_deref(), printer).await?;
    }
    Ok(())
}

pub(super) async fn commit(message: Option<&str>, printer: Printer) -> Result<()> {
    if dumps(false).commit_dumps(message).await.map_err(failure)? {
        printer.line("Dumps committed");
    } else {
        printer.note("the dumps are committed already");
    }
    Ok(())
}

pub(super) async fn push(remote: &str, branch: Option<&str>, printer: Printer) -> Result<()> {
    dumps(false).push(remote, branch).await.map_err(failure)?;
    printer.line(&format!("Dumps pushed to {remote}"));
    Ok(())
}
