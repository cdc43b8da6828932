//! `isobase db schema`

use anyhow::Result;
use clap::{Subcommand, ValueEnum};
use isobase_sql::{SchemaKind, SchemaSetup};
use serde_json::json;

use super::connect::{DatabaseFlags, failure};
use crate::{failure::Failure, print::Printer};

#[derive(Debug, Subcommand)]
pub(crate) enum SchemaCommand {
    /// Create what is missing of a project's schema, and of the public one
    Ensure {
        /// Its name
        name: String,
        #[command(flatten)]
        database: DatabaseFlags,
    },
    /// Show which tables are there; the status is 1 when one is missing
    Verify {
        /// The schema
        #[arg(default_value = "public")]
        name: String,
        /// What it is for; by its name when nothing is said
        #[arg(long = "type", value_enum)]
        kind: Option<Kind>,
        #[command(flatten)]
        database: DatabaseFlags,
    },
    /// Create what is missing of a schema, or of all of them
    Fix {
        /// The schema; all when none is named
        name: Option<String>,
        #[command(flatten)]
        database: DatabaseFlags,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Kind {
    Public,
    Project,
}

pub(super) async fn run(command: SchemaCommand, printer: Printer) -> Result<()> {
    match command {
        SchemaCommand::Ensure { name, database } => {
            let created = setup(&database)?.ensure_project_schema(&name).await;
            created_tables(&name, &created.map_err(failure)?, printer);
            Ok(())
        }
        SchemaCommand::Verify { name, kind, database } => {
            let kind = match kind {
                Some(Kind::Public) => SchemaKind::Public,
                Some(Kind::Project) => SchemaKind::Project,
                None => kind_of(&name),
            };
            verify(&name, kind, &database, printer).await
        }
        SchemaCommand::Fix { name: Some(name), database } => {
            let created = setup(&database)?.fix_schema(&name, kind_of(&name)).await;
            created_tables(&name, &created.map_err(failure)?, printer);
            Ok(())
        }
        SchemaCommand::Fix { name: None, database } => {
            let setup = setup(&database)?;
            let public = setup.ensure_public_schema().await.map_err(failure)?;
            created_tables("public", &public, printer);
            for (name, created) in setup.fix_all_project_schemas().await.map_err(failure)? {
                created_tables(&name, &created, printer);
            }
            Ok(())
        }
    }
}

async fn verify(
    name: &str,
    kind: SchemaKind,
    database: &DatabaseFlags,
    printer: Printer,
) -> Result<()> {
    let found = setup(database)?.verify_schema(name, kind).await.map_err(failure)?;
    if found.is_empty() {
        return Err(Failure::new(format!("there is no schema {name}")).into());
    }
    for (table, there) in &found {
        if printer.json {
            printer.json_line(&json!({ "table": table, "exists": there }));
        } else {
            printer.line(&format!("{table} {}", if *there { "ok" } else { "missing" }));
        }
    }
    let missing = found.values().filter(|there| !**there).count();
    if missing > 0 {
        let hint = format!("isobase db schema fix {name} creates what is missing");
        return Err(Failure::new(format!("{missing} tables of {name} are missing"))
            .hint(hint)
            .into());
    }
    Ok(())
}

fn setup(database: &DatabaseFlags) -> Result<SchemaSetup, Failure> {
    SchemaSetup::new(database.open()?).map_err(failure)
}

fn kind_of(name: &str) -> SchemaKind {
    if name == "public" { SchemaKind::Public } else { SchemaKind::Project }
}

fn created_tables(schema: &str, created: &[String], printer: Printer) {
    for table in created {
        if printer.json {
            printer.json_line(&json!({ "schema": schema, "created": table }));
        } else {
            printer.line(&format!("{schema}.{table} created"));
        }
    }
}
