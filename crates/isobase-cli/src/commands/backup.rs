//! `isobase backup`: the archives in the folder of backups.

use anyhow::Result;
use clap::Subcommand;
use isobase_jobs::{Backup, Backups, Origin};
use serde_json::json;

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::AppFlags,
    print::Printer,
    progress::thousands,
    settings::{Config, Given, Loaded, backups},
    transfer::{
        place::{Place, location_or_settings},
        uploads::backups_with_files,
        watch::watch,
    },
};

const EXAMPLES: &str = "\
Examples:
  isobase backup now                   into data/backups, and read again to its end
  isobase backup list
  isobase restore data/backups/isobase-20261120-140900.isobase --url sqlite://restored.db

A running service is read beside. backups.every lets the service make them by itself.";

/// Make and list backups in the data folder
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
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

impl AppCommand for BackupCommand {
    fn given(&self) -> Given {
        let (Self::List { app } | Self::Now { app }) = self;
        app.given()
    }

    async fn run_in(self, (loaded, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        match self {
            Self::List { .. } => list(&backups(loaded, &config.data).list().await?, printer),
            Self::Now { .. } => {
                let backups = backups_with_files(loaded, config);
                let made = make_backup(&backups, config, printer).await?;
                if printer.json {
                    printer.json_line(&json!(made));
                } else {
                    printer.line(&line(&made));
                }
            }
        }
        Ok(())
    }
}

/// Makes a backup of the database of the settings; a running service is read beside.
async fn make_backup(backups: &Backups, config: &Config, printer: Printer) -> Result<Backup> {
    let location = location_or_settings(None, config)?;
    let control = watch(printer).control;
    let source = Place::open_to_read(&location, config, printer).await?;
    let made = Box::pin(backups.make(&source.engine, &source.name, Origin::Asked, &control)).await;
    let closed = source.close().await;
    let made = made.map_err(|error| Failure::new(error.to_string()))?;
    closed?;
    Ok(made)
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
        // Anybody who reaches the folder may have written this note.
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
