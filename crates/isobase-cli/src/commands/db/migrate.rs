//! `isobase db migrate`

use std::path::PathBuf;

use anyhow::Result;
use clap::{Args, Subcommand};
use isobase_sql::{MigrationState, Migrations};
use serde_json::json;

use super::connect::{DatabaseFlags, failure};
use crate::print::Printer;

#[derive(Debug, Subcommand)]
pub(crate) enum MigrateCommand {
    /// Run what the database has not seen
    Up(MigrateArguments),
    /// List the migrations and where they stand
    Status(MigrateArguments),
    /// Print the SQL that makes the database what the migrations say
    Diff(MigrateArguments),
    /// Write an empty file with the next number
    New {
        /// Its name: create_users
        name: String,
        #[command(flatten)]
        folder: Folder,
    },
}

#[derive(Debug, Args)]
pub(crate) struct MigrateArguments {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    database: DatabaseFlags,
}

#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// The folder of the files
    #[arg(long, default_value = "migrations", value_name = "FOLDER")]
    folder: PathBuf,
}

pub(super) async fn run(command: MigrateCommand, printer: Printer) -> Result<()> {
    match command {
        MigrateCommand::Up(arguments) => up(&arguments, printer).await,
        MigrateCommand::Status(arguments) => status(&arguments, printer).await,
        MigrateCommand::Diff(arguments) => diff(&arguments, printer).await,
        MigrateCommand::New { name, folder } => {
            let path = Migrations::create(&folder.folder, &name).map_err(failure)?;
            printer.line(&path.display().to_string());
            Ok(())
        }
    }
}

async fn up(arguments: &MigrateArguments, printer: Printer) -> Result<()> {
    let migrations = Migrations::read(&arguments.folder.folder).map_err(failure)?;
    let ran = migrations.up(&arguments.database.open()?).await.map_err(failure)?;
    if printer.json {
        printer.json_line(&json!({ "ran": ran }));
        return Ok(());
    }
    for name in &ran {
        printer.line(name);
    }
    printer.note(&format!("{} migrations were run", ran.len()));
    Ok(())
}

async fn status(arguments: &MigrateArguments, printer: Printer) -> Result<()> {
    let migrations = Migrations::read(&arguments.folder.folder).map_err(failure)?;
    let status = migrations.status(&arguments.database.open()?).await.map_err(failure)?;
    for (version, name, state) in status {
        let state = match state {
            MigrationState::Applied => "applied",
            MigrationState::Pending => "pending",
            MigrationState::Changed => "changed",
            MigrationState::Interrupted => "interrupted",
            MigrationState::Missing => "missing",
        };
        if printer.json {
            printer.json_line(&json!({ "version": version, "name": name, "state": state }));
        } else {
            printer.line(&format!("{version:04}_{name} {state}"));
        }
    }
    Ok(())
}

async fn diff(arguments: &MigrateArguments, printer: Printer) -> Result<()> {
    let migrations = Migrations::read(&arguments.folder.folder).map_err(failure)?;
    let database = &arguments.database;
    let sql = migrations.diff(&database.open()?, &database.url()).await.map_err(failure)?;
    for statement in &sql {
        printer.line(statement);
    }
    if sql.is_empty() {
        printer.note("the database is what the migrations say");
    }
    Ok(())
}
