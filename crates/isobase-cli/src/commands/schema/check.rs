//! Which stored documents do not fit what is declared.

use std::collections::HashMap;

use anyhow::Result;
use isobase::{
    store::{IndexDefinition, Schema},
    types::{
        CollectionName, DocumentId,
        json::{self, Kind, Number},
    },
};
use isobase_server::AppCollection;
use serde_json::{Value, json};

use super::read::{self, Documents, Read};
use crate::{failure::Failure, print::Printer, settings::Config, target::Target};

/// Most documents of a collection that are named.
const NAMED_MAX: usize = 10;

/// `isobase schema check`
pub(super) async fn run(target: &Target, config: &Config, printer: Printer) -> Result<()> {
    let mut unfit = 0;
    for collection in &config.collections {
        let there = read::indexes(target, &collection.name).await?;
        let found = Found::of(target, config, collection, &there).await?;
        unfit += found.unfit;
        found.tell(&collection.name, printer);
    }
    if unfit == 0 {
        printer.note("every stored document fits what is declared");
        return Ok(());
    }
    let message = format!("{unfit} stored documents do not fit what is declared");
    let hint = "change them, or the declaration: a start would leave them as they are, refuse the \
         next write that does not mend them, and not build a unique index over equal values";
    Err(Failure::new(message).hint(hint).into())
}

/// Findings in a collection.
pub(super) struct Found {
    schema: Option<Schema>,
    pub(super) unique: Vec<Unique>,
    documents: u64,
    /// Documents that the schema does not take.
    pub(super) misfits: u64,
    /// Those, and the documents that have the values of others.
    unfit: u64,
    named: Vec<(DocumentId, String, String)>,
}

/// A unique index that is to be built, and which document has which values.
pub(super) struct Unique {
    pub(super) definition: IndexDefinition,
    /// Documents that have the values of another.
    pub(super) repeats: u64,
    seen: HashMap<String, DocumentId>,
}

impl Found {
    /// Reads every document of a collection beside its schema and the unique indexes that are not
    /// `there` yet.
    pub(super) async fn of(
        target: &Target,
        config: &Config,
        collection: &AppCollection,
        there: &[String],
    ) -> Result<Self> {
        let name = &collection.name;
        let to_build = config.indexes.iter().filter(|index| {
            let definition = &index.definition;
            index.collection == *name
                && definition.is_unique()
                && !there.contains(&definition.to_string())
        });
        let unique = to_build.map(|index| Unique::of(&index.definition)).collect();
        let schema = collection.schema.clone();
        let named = Vec::new();
        let mut found = Self { schema, unique, documents: 0, misfits: 0, unfit: 0, named };
        let mut documents = Documents::of(target, name);
        while let Some(document) = documents.next().await? {
            found.look_at(&document);
        }
        Ok(found)
    }

    fn look_at(&mut self, document: &Read) {
        self.documents += 1;
        let mut faults = Vec::new();
        if let Some(Err(violations)) = self.schema.as_ref().map(|it| it.check(&document.body)) {
            self.misfits += 1;
            let faulty = violations.into_iter().map(|it| (it.pointer, it.message));
            faults.extend(faulty);
        }
        for unique in &mut self.unique {
            if let Some(other) = unique.other(document) {
                unique.repeats += 1;
                let message = format!("{} has the same values, and is to be unique", shown(&other));
                faults.push((unique.definition.order().to_string(), message));
            }
        }
        if faults.is_empty() {
            return;
        }
        self.unfit += 1;
        for (place, message) in faults {
            if self.named.len() < NAMED_MAX {
                self.named.push((document.id.clone(), place, message));
            }
        }
    }

    fn tell(&self, name: &CollectionName, printer: Printer) {
        let (name, documents, unfit) = (name.as_str(), self.documents, self.unfit);
        if printer.json {
            let named: Vec<Value> = self
                .named
                .iter()
                .map(|(id, at, message)| json!({ "id": shown(id), "at": at, "message": message }))
                .collect();
            printer.json_line(&json!({
                "collection": name, "documents": documents, "unfit": unfit, "named": named,
            }));
            return;
        }
        printer.line(&format!("{name}: {documents} documents, {unfit} do not fit"));
        for (id, at, message) in &self.named {
            let at = if at.is_empty() { String::new() } else { format!("{at}: ") };
            printer.line(&format!("  {}: {at}{message}", shown(id)));
        }
    }
}

impl Unique {
    fn of(definition: &IndexDefinition) -> Self {
        Self { definition: definition.clone(), repeats: 0, seen: HashMap::new() }
    }

    /// The document that has the values of this one, if there is one.
    fn other(&mut self, document: &Read) -> Option<DocumentId> {
        let mut values = String::new();
        for field in &self.definition.order().0 {
            let value = json::find(&document.body, &field.path)?;
            match (value.kind(), value.number()) {
                (Kind::Null, _) => return None,
                // Numbers are equal by value, however they are written.
                (_, Some(Number::Float(float))) if float.fract() == 0.0 => {
                    values.push_str(&format!("{float:.0}"));
                }
                _ => values.push_str(value.as_text()),
            }
            values.push('\n');
        }
        if let Some(other) = self.seen.get(&values) {
            return Some(other.clone());
        }
        self.seen.insert(values, document.id.clone());
        None
    }
}

fn shown(id: &DocumentId) -> String {
    format!("id {id}")
}
