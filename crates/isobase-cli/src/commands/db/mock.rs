//! `isobase db mock`

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use isobase_sql::{Dialect, MockDataGenerator, Record, SchemaRegistry, Value};
use serde_json::json;

use super::connect::{DatabaseFlags, failure};
use crate::print::Printer;

#[derive(Debug, Args)]
pub(crate) struct MockArguments {
    /// The tables
    #[arg(required = true)]
    tables: Vec<String>,
    /// Rows of each table
    #[arg(long, default_value_t = 100)]
    count: u64,
    /// The same number gives the same rows
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Their schema; public, or main on SQLite
    #[arg(long)]
    schema: Option<String>,
    /// Print rows of the tables that a file of CREATE TABLE defines, and write none
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Names, addresses, towns and sentences as people have them
    #[arg(long)]
    realistic: bool,
    #[command(flatten)]
    database: DatabaseFlags,
}

pub(super) async fn run(arguments: MockArguments, printer: Printer) -> Result<()> {
    if let Some(file) = &arguments.from {
        return print(&arguments, file, printer);
    }
    let db = arguments.database.open()?;
    let schema = db.dialect().schema(arguments.schema.as_deref().unwrap_or("")).to_owned();
    let registry = SchemaRegistry::from_database(&db).await.map_err(failure)?;
    let mut generator = generator(&registry, &arguments);
    let tables: Vec<&str> = arguments.tables.iter().map(String::as_str).collect();
    let filled = generator.fill(&db, &schema, &tables, arguments.count).await.map_err(failure)?;
    for (table, rows) in &filled.tables {
        if printer.json {
            printer.json_line(&json!({ "table": table, "rows": rows }));
        } else {
            printer.line(&format!("{table} {rows}"));
        }
    }
    for check in &filled.unreadable_checks {
        printer.note(&format!("{check} cannot be read; all rows passed it"));
    }
    Ok(())
}

fn print(arguments: &MockArguments, file: &std::path::Path, printer: Printer) -> Result<()> {
    let registry = SchemaRegistry::from_file(Dialect::Postgres, file).map_err(failure)?;
    let mut generator = generator(&registry, arguments);
    let schema = arguments.schema.as_deref().unwrap_or("public");
    for table in &arguments.tables {
        for _ in 0..arguments.count {
            let row = generator.generate_row(schema, table, &vec![]).map_err(failure)?;
            printer.line(&as_json(&row));
        }
    }
    Ok(())
}

fn generator<'r>(registry: &'r SchemaRegistry, arguments: &MockArguments) -> MockDataGenerator<'r> {
    let generator = MockDataGenerator::new(registry, arguments.seed);
    if arguments.realistic { generator.realistic() } else { generator }
}

fn as_json(row: &Record) -> String {
    let member = |(name, value): &(String, Value)| {
        format!("{}:{}", serde_json::Value::from(name.as_str()), value.to_json())
    };
    let members: Vec<String> = row.iter().map(member).collect();
    format!("{{{}}}", members.join(","))
}
