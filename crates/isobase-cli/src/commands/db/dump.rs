//! `isobase db dump`

use anyhow::Result;
use clap::Args;
use isobase_sql::{DumpOptions, DumpParts, Environment};

use super::connect::{dumps, failure};
use crate::print::Printer;

#[derive(Debug, Args)]
pub(crate) struct DumpArguments {
    /// The production database
    #[arg(long)]
    prod: bool,
    /// The test database
    #[arg(long)]
    test: bool,
    /// Both, as when none is named
    #[arg(long)]
    all: bool,
    /// Without the time in the name
    #[arg(long)]
    no_timestamp: bool,
    /// Only these schemas
    #[arg(long, num_args = 1.., value_name = "SCHEMA")]
    schemas: Vec<String>,
    /// By COPY, without pg_dump: tables, keys, checks, indexes, sequences, enums and rows
    #[arg(long)]
    built_in: bool,
    /// Leave out what such a dump cannot hold, instead of refusing
    #[arg(long, requires = "built_in")]
    skip: bool,
}

pub(super) async fn run(arguments: DumpArguments, printer: Printer) -> Result<()> {
    let both = arguments.all || !(arguments.prod || arguments.test);
    let options = DumpOptions {
        schemas: arguments.schemas,
        parts: DumpParts::All,
        skip_others: arguments.skip,
    };
    let chosen = [
        (arguments.prod || both, Environment::Production, "Production"),
        (arguments.test || both, Environment::Test, "Test"),
    ];
    for (_, environment, name) in chosen.into_iter().filter(|(chosen, ..)| *chosen) {
        let dumps = dumps(arguments.built_in);
        let dumped = dumps.dump_database(environment, !arguments.no_timestamp, &options).await;
        let path = dumped.map_err(failure)?;
        printer.line(&format!("{name} database dumped to: {}", path.display()));
    }
    Ok(())
}
