//! `isobase backup`: the archives in the folder of backups.

use anyhow::Result;
use clap::Subcommand;
use isobase_jobs::{Backup, Origin};
use serde_json::json;

use crate::{
    flags::AppFlags,
    print::Printer,
    progress::thousands,
    settings::{Config, Loaded, backups},
    transfer::{backups_with_files, make_backup},
};

pub(crate) const EXAMPLES: &str = "\
Examples:
  isobase backup now                   into data/backups, and read again to its end
  isobase backup list
  isobase restore data/backups/isobase-20261120-140900.isobase --url sqlite://restored.db

A running service is read beside. backups.every lets the service make them by itself.";

#[derive(Debug, Subcommand)]
pub(crate) enum BackupCommand {
    /// List the backups, the latest first
    List {
        #[command(flatten)]
        app: AppFlags,
    },
    /// Make a backup and verify it
    Now {
        #[command(flatten)]
        app: AppFlags,
    },
}

impl BackupCommand {
    pub(crate) fn app(&self) -> &AppFlags {
        match self {
            Self::List { app } | Self::Now { app } => app,
        }
    }
}

/// `isobase backup …`
pub(crate) async fn run(
    command: &BackupCommand,
    (loaded, config): (&Loaded, &Config),
    printer: Printer,
) -> Result<()> {
    match command {
        BackupCommand::List { .. } => list(&backups(loaded, config).list().await?, printer),
        BackupCommand::Now { .. } => {
            let made =
                make_backup(&backups_with_files(loaded, config), Origin::Asked, config, printer)
                    .await?;
            if printer.json {
                printer.json_line(&json!(made));
            } else {
                printer.line(&line(&made));
            }
        }
    }
    Ok(())
}

fn list(found: &[Backup], printer: Printer) {
    if printer.json {
        printer.json_line(&json!({ "backups": found }));
        return;
    }
    if found.is_empty() {
        printer.note("there are no backups; isobase backup now makes one");
    }
    for backup in found {
        printer.line(&line(backup));
    }
}

fn line(backup: &Backup) -> String {
    let note = &backup.note;
    let documents = note.documents.map(|count| format!("{} documents", thousands(count)));
    let state = match (note.verified, &note.error) {
        (Some(true), None) => "verified".to_owned(),
        (None, None) => "not verified".to_owned(),
        // What is in a note may have been written by anybody who reaches the folder.
        (_, Some(error)) => format!("bad: {}", error.escape_debug()),
        (Some(false), None) => "bad".to_owned(),
    };
    let state = if note.encrypted { format!("{state}, encrypted") } else { state };
    let by = if note.scheduled { "by the schedule" } else { "asked for" };
    format!(
        "{}  {} bytes  {}  {state}, {by}",
        backup.name,
        thousands(backup.bytes),
        documents.unwrap_or_else(|| "unknown content".to_owned())
    )
}
