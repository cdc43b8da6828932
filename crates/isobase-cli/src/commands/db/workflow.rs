//! `isobase db workflow`

use anyhow::Result;
use clap::{Args, Subcommand};
use isobase_sql::{DumpOptions, Environment, TableName};

use super::{
    connect::{Confirmation, dumps, failure},
    git,
};
use crate::print::Printer;

#[derive(Debug, Args)]
pub(crate) struct WorkflowArguments {
    #[command(subcommand)]
    name: Workflow,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Workflow {
    /// Give the test database production's structure, and the rows of some tables
    #[command(name = "refresh_test_db")]
    RefreshTestDb {
        /// The tables whose rows are copied
        #[arg(long, num_args = 1.., default_values = ["object_models", "prompts"])]
        tables: Vec<String>,
    },
    /// Dump both databases and commit the dumps
    #[command(name = "dump_and_commit")]
    DumpAndCommit {
        /// Push the commit to origin
        #[arg(long)]
        push: bool,
    },
    /// Fetch the latest dumps of another machine and restore them
    #[command(name = "sync_from_remote")]
    SyncFromRemote {
        /// The other machine
        #[arg(value_name = "USER@HOST")]
        from: String,
        #[command(flatten)]
        confirmation: Confirmation,
    },
}

pub(super) async fn run(arguments: WorkflowArguments, printer: Printer) -> Result<()> {
    match arguments.name {
        Workflow::RefreshTestDb { tables } => {
            let tables: Vec<TableName> = tables.iter().map(|table| table_name(table)).collect();
            let rows = dumps(false).refresh_test_db(&tables).await.map_err(failure)?;
            printer.line(&format!("Test database refreshed: {rows} rows copied"));
        }
        Workflow::DumpAndCommit { push } => {
            let (dumps, options) = (dumps(false), DumpOptions::default());
            for environment in [Environment::Production, Environment::Test] {
                let dumped = dumps.dump_database(environment, true, &options).await;
                printer.line(&dumped.map_err(failure)?.display().to_string());
            }
            git::commit(None, printer).await?;
            if push {
                git::push("origin", None, printer).await?;
            }
        }
        Workflow::SyncFromRemote { from, confirmation } => {
            let synced = dumps(false).sync_from_dumps(Some(&from), confirmation.name()).await;
            let rows = synced.map_err(failure)?;
            printer.line(&format!("Databases synchronized from {from}: {rows} rows compared"));
        }
    }
    Ok(())
}

/// `schema.table`, or a table of the usual schema.
fn table_name(text: &str) -> TableName {
    match text.split_once('.') {
        Some((schema, table)) => TableName::new(schema, table),
        None => TableName::from(text),
    }
}
