//! Changes that a start would make, and those that it could not.

use std::collections::BTreeSet;

use anyhow::Result;
use isobase::types::CollectionName;
use isobase_server::AppCollection;
use serde_json::json;

use super::{check::Found, read};
use crate::{failure::Failure, print::Printer, settings::Config, target::Target};

/// `isobase schema diff`
pub(super) async fn run(target: &Target, config: &Config, printer: Printer) -> Result<()> {
    let stored: BTreeSet<String> = read::collections(target).await?.into_iter().collect();
    let (mut changes, mut is_fit) = (0, true);
    for collection in &config.collections {
        let difference = Difference::of(target, config, collection).await?;
        changes += difference.missing.len();
        is_fit &= difference.is_fit();
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
    if is_fit {
        return Ok(());
    }
    let hint = "isobase schema check names the documents; change them, or the declaration";
    Err(Failure::new("stored documents do not fit what is declared").hint(hint).into())
}

/// Differences between the declaration of a collection and the database.
struct Difference {
    name: CollectionName,
    missing: Vec<String>,
    extra: Vec<String>,
    /// Missing, and not to be built: how many documents have the values of others.
    blocked: Vec<(String, u64)>,
    /// Documents that the schema does not take.
    misfits: u64,
}

impl Difference {
    async fn of(target: &Target, config: &Config, collection: &AppCollection) -> Result<Self> {
        let name = collection.name.clone();
        let there = read::indexes(target, &name).await?;
        let found = Found::of(target, config, collection, &there).await?;
        let repeated = found.unique.iter().filter(|unique| unique.repeats > 0);
        let blocked: Vec<(String, u64)> =
            repeated.map(|it| (it.definition.to_string(), it.repeats)).collect();
        let declared = config.indexes.iter().filter(|index| index.collection == name);
        let declared: Vec<String> = declared.map(|index| index.definition.to_string()).collect();
        let is_blocked = |index: &&String| blocked.iter().any(|(it, _)| it == *index);
        let missing = declared.iter().filter(|index| !there.contains(index));
        let missing = missing.filter(|index| !is_blocked(index)).cloned().collect();
        let extra = there.iter().filter(|index| !declared.contains(index)).cloned().collect();
        Ok(Self { name, missing, extra, blocked, misfits: found.misfits })
    }

    fn is_fit(&self) -> bool {
        self.misfits == 0 && self.blocked.is_empty()
    }

    fn tell(&self, has_documents: bool, printer: Printer) {
        let Self { name, missing, extra, blocked, misfits } = self;
        let name = name.as_str();
        if printer.json {
            let blocked: Vec<&String> = blocked.iter().map(|(index, _)| index).collect();
            printer.json_line(&json!({
                "collection": name, "declared": true, "documents": has_documents,
                "indexes_missing": missing, "indexes_extra": extra, "indexes_blocked": blocked,
                "misfits": misfits,
            }));
            return;
        }
        if !has_documents {
            printer.line(&format!("  {name}: has no documents yet"));
        }
        for index in missing {
            printer.line(&format!("+ {name}: index {index} is built at the next start"));
        }
        for (index, repeats) in blocked {
            let repeated = match repeats {
                1 => "1 document has".to_owned(),
                _ => format!("{repeats} documents have"),
            };
            printer.line(&format!(
                "! {name}: index {index} cannot be built: {repeated} the values of others"
            ));
        }
        if *misfits > 0 {
            printer.line(&format!(
                "! {name}: documents that do not fit: {misfits}; they stay as they are, and the \
                 next write that does not mend one is refused"
            ));
        }
        for index in extra {
            printer.line(&format!(
                "  {name}: index {index} is not declared; it stays until isobase index drop"
            ));
        }
    }
}
