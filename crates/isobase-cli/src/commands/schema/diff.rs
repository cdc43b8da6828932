//! Changes that a start would make.

use std::collections::BTreeSet;

use anyhow::Result;
use isobase::types::CollectionName;
use serde_json::json;

use super::read;
use crate::{print::Printer, settings::Config, target::Target};

/// `isobase schema diff`
pub(super) async fn run(target: &Target, config: &Config, printer: Printer) -> Result<()> {
    let stored: BTreeSet<String> = read::collections(target).await?.into_iter().collect();
    let mut changes = 0;
    for collection in &config.collections {
        let difference = Difference::of(target, config, &collection.name).await?;
        changes += difference.missing.len();
        difference.tell(stored.contains(collection.name.as_str()), printer);
    }
    let is_declared =
        |name: &&String| config.collections.iter().any(|it| it.name.as_str() == name.as_str());
    for name in stored.iter().filter(|name| !is_declared(name)) {
        if printer.json {
            printer.json_line(&json!({ "collection": name, "declared": false }));
        } else {
            printer.line(&format!("  {name}: has documents and is not declared; it stays"));
        }
    }
    match changes {
        0 => printer.note("a start builds nothing"),
        1 => printer.note("a start builds 1 index"),
        _ => printer.note(&format!("a start builds {changes} indexes")),
    }
    Ok(())
}

/// Differences between the declaration of a collection and the database.
struct Difference {
    name: CollectionName,
    missing: Vec<String>,
    extra: Vec<String>,
}

impl Difference {
    async fn of(target: &Target, config: &Config, name: &CollectionName) -> Result<Self> {
        let there = read::indexes(target, name).await?;
        let declared = config.indexes.iter().filter(|index| index.collection == *name);
        let declared: Vec<String> = declared.map(|index| index.definition.to_string()).collect();
        let without = |all: &[String], others: &[String]| {
            all.iter().filter(|index| !others.contains(index)).cloned().collect()
        };
        let (missing, extra) = (without(&declared, &there), without(&there, &declared));
        Ok(Self { name: name.clone(), missing, extra })
    }

    fn tell(&self, has_documents: bool, printer: Printer) {
        let Self { name, missing, extra } = self;
        let name = name.as_str();
        if printer.json {
            printer.json_line(&json!({
                "collection": name, "declared": true, "documents": has_documents,
                "indexes_missing": missing, "indexes_extra": extra,
            }));
            return;
        }
        if !has_documents {
            printer.line(&format!("  {name}: has no documents yet"));
        }
        for index in missing {
            printer.line(&format!("+ {name}: index {index} is built at the next start"));
        }
        for index in extra {
            printer.line(&format!(
                "  {name}: index {index} is not declared; it stays until isobase index drop"
            ));
        }
    }
}
