//! `isobase db restore`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use isobase_sql::Environment;

use super::connect::{Confirmation, dumps, failure};
use crate::print::Printer;

#[derive(Debug, Args)]
#[command(arg_required_else_help = true)]
pub(crate) struct RestoreArguments {
    /// A dump for the production database
    #[arg(long, value_name = "FILE")]
    prod: Option<PathBuf>,
    /// A dump for the test database
    #[arg(long, value_name = "FILE")]
    test: Option<PathBuf>,
    /// The latest dump of both
    #[arg(long, conflicts_with_all = ["prod", "test"])]
    latest: bool,
    /// Without psql
    #[arg(long)]
    built_in: bool,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(arguments: RestoreArguments, printer: Printer) -> Result<()> {
    let confirm = arguments.confirmation.name();
    if arguments.latest {
        let rows = dumps(arguments.built_in).restore_from_latest(confirm).await.map_err(failure)?;
        printer.line(&format!("Both databases restored from latest dumps: {rows} rows compared"));
        return Ok(());
    }
    let chosen = [
        (arguments.prod, Environment::Production, "Production"),
        (arguments.test, Environment::Test, "Test"),
    ];
    for (file, environment, name) in chosen {
        let Some(file) = file else { continue };
        let restored =
            dumps(arguments.built_in).restore_database(&file, environment, confirm).await;
        let rows = restored.map_err(failure)?;
        let file = file.display();
        printer.line(&format!("{name} database restored from: {file}, {rows} rows compared"));
    }
    Ok(())
}
