//! The commands: a file for each, or a folder, with its arguments, its help and its work.

mod api;
mod audit;
mod backup;
mod completions;
mod config;
mod copy;
#[cfg(feature = "toolkit")]
mod db;
mod docs;
mod doctor;
mod dump;
mod export;
mod health;
mod import;
mod index;
mod key;
mod license;
mod man;
mod new;
mod openapi;
mod reconcile;
mod restore;
mod schema;
mod serve;
mod types;
mod user;
mod verify;
mod version;

use anyhow::Result;
use clap::Subcommand;

use crate::{command::Command, print::Printer};

/// One of the commands, in the order of the help.
#[derive(Debug, Subcommand)]
pub(crate) enum AnyCommand {
    New(new::NewCommand),
    Serve(serve::ServeCommand),
    Import(import::ImportCommand),
    Export(export::ExportCommand),
    Copy(copy::CopyCommand),
    Dump(dump::DumpCommand),
    Restore(restore::RestoreCommand),
    Verify(verify::VerifyCommand),
    #[command(subcommand)]
    Backup(backup::BackupCommand),
    #[command(subcommand)]
    Audit(audit::AuditCommand),
    Reconcile(reconcile::ReconcileCommand),
    #[command(subcommand)]
    Schema(schema::SchemaCommand),
    Types(types::TypesCommand),
    #[command(subcommand)]
    Index(index::IndexCommand),
    #[command(subcommand)]
    Key(key::KeyCommand),
    #[command(subcommand)]
    License(license::LicenseCommand),
    #[command(subcommand)]
    User(user::UserCommand),
    #[cfg(feature = "toolkit")]
    #[command(subcommand)]
    Db(db::DbCommand),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Health(health::HealthCommand),
    Doctor(doctor::DoctorCommand),
    Api(api::ApiCommand),
    Openapi(openapi::OpenapiCommand),
    Version(version::VersionCommand),
    Man(man::ManCommand),
    Completions(completions::CompletionsCommand),
    Docs(docs::DocsCommand),
}

impl AnyCommand {
    /// Does what the command asks for. Manual pages are made of the whole command line.
    pub(crate) fn run(self, command_line: fn() -> clap::Command, printer: Printer) -> Result<()> {
        match self {
            Self::New(command) => command.run(printer),
            Self::Serve(command) => command.run(printer),
            Self::Import(command) => command.run(printer),
            Self::Export(command) => command.run(printer),
            Self::Copy(command) => command.run(printer),
            Self::Dump(command) => command.run(printer),
            Self::Restore(command) => command.run(printer),
            Self::Verify(command) => command.run(printer),
            Self::Backup(command) => command.run(printer),
            Self::Audit(command) => command.run(printer),
            Self::Reconcile(command) => command.run(printer),
            Self::Schema(command) => command.run(printer),
            Self::Types(command) => command.run(printer),
            Self::Index(command) => command.run(printer),
            Self::Key(command) => command.run(printer),
            Self::License(command) => command.run(printer),
            Self::User(command) => command.run(printer),
            #[cfg(feature = "toolkit")]
            Self::Db(command) => command.run(printer),
            Self::Config(command) => command.run(printer),
            Self::Health(command) => command.run(printer),
            Self::Doctor(command) => command.run(printer),
            Self::Api(command) => command.run(printer),
            Self::Openapi(command) => command.run(printer),
            Self::Version(command) => command.run(printer),
            Self::Man(command) => command.run(command_line(), printer),
            Self::Completions(command) => command.run(printer),
            Self::Docs(command) => command.run(printer),
        }
    }
}
