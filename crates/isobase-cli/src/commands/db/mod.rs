//! `isobase db`: the SQL toolkit on people's own databases.

mod connect;
mod dump;
mod git;
mod list;
mod migrate;
mod mock;
mod queries;
mod restore;
mod schema;
mod sync;
mod workflow;

use anyhow::Result;
use clap::Subcommand;

use crate::{
    command::{Command, block_on},
    print::Printer,
};

const EXAMPLES: &str = "\
Examples:
  isobase db migrate new create_users
  isobase db migrate up --url postgres://me:secret@db/app
  isobase db mock users posts --count 1000 --test
  isobase db dump --prod
  isobase db restore --test prod_db_latest.sql
  isobase db workflow refresh_test_db

Without --url the variables DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASS say where the database is,
with --test those with TEST_ in front.";

/// Work on a PostgreSQL or SQLite database of your own
#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub(crate) enum DbCommand {
    /// Run, list and write migrations
    Migrate {
        #[command(subcommand)]
        command: migrate::MigrateCommand,
    },
    /// Create, verify and mend schemas of projects
    Schema {
        #[command(subcommand)]
        command: schema::SchemaCommand,
    },
    /// Fill tables with made-up rows that fit
    Mock(mock::MockArguments),
    /// Show the statements that take most of the time
    Queries(queries::QueriesArguments),
    /// Dump the production and the test database into db_dumps
    Dump(dump::DumpArguments),
    /// Restore dumps, wholly or not at all, and compare every row
    Restore(restore::RestoreArguments),
    /// List the dumps in db_dumps
    List,
    /// Fetch the latest dumps of another machine and restore them
    Sync(sync::SyncArguments),
    /// Commit and push the dumps
    Git(git::GitArguments),
    /// Do several steps
    Workflow(workflow::WorkflowArguments),
}

impl Command for DbCommand {
    fn run(self, printer: Printer) -> Result<()> {
        block_on(carry_out(self, printer))
    }
}

async fn carry_out(command: DbCommand, printer: Printer) -> Result<()> {
    match command {
        DbCommand::Migrate { command } => migrate::run(command, printer).await,
        DbCommand::Schema { command } => schema::run(command, printer).await,
        DbCommand::Mock(arguments) => mock::run(arguments, printer).await,
        DbCommand::Queries(arguments) => queries::run(arguments, printer).await,
        DbCommand::Dump(arguments) => dump::run(arguments, printer).await,
        DbCommand::Restore(arguments) => restore::run(arguments, printer).await,
        DbCommand::List => list::run(printer),
        DbCommand::Sync(arguments) => sync::run(arguments, printer).await,
        DbCommand::Git(arguments) => git::run(arguments, printer).await,
        DbCommand::Workflow(arguments) => workflow::run(arguments, printer).await,
    }
}
