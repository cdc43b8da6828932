//! `isobase db sync`

use anyhow::Result;
use clap::Args;

use super::connect::{Confirmation, dumps, failure};
use crate::print::Printer;

#[derive(Debug, Args)]
pub(crate) struct SyncArguments {
    /// Another machine, whose dumps lie in the same folder; without it the latest here
    #[arg(long, value_name = "USER@HOST")]
    from: Option<String>,
    #[command(flatten)]
    confirmation: Confirmation,
}

pub(super) async fn run(arguments: SyncArguments, printer: Printer) -> Result<()> {
    let source = arguments.from.as_deref();
    let synced = dumps(false).sync_from_dumps(source, arguments.confirmation.name()).await;
    let rows = synced.map_err(failure)?;
    let source = source.unwrap_or("the latest dumps here");
    printer.line(&format!("Databases synchronized from {source}: {rows} rows compared"));
    Ok(())
}
