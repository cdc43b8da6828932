//! `isobase index`: declared indexes.

use anyhow::Result;
use isobase::{
    store::{IndexDefinition, IndexState},
    types::{CollectionName, Order},
};
use serde_json::json;

use crate::{
    arguments::IndexCommand,
    failure::Failure,
    print::Printer,
    settings::{Config, Loaded},
    target::{Target, client_failure},
    transfer,
};

/// `isobase index …`
pub(crate) async fn run(
    command: IndexCommand,
    loaded: &Loaded,
    config: &Config,
    printer: Printer,
) -> Result<()> {
    let (flags, collection) = match &command {
        IndexCommand::Plan(arguments) => return transfer::plan(arguments, config, printer).await,
        IndexCommand::List { target, collection }
        | IndexCommand::Create { target, collection, .. }
        | IndexCommand::Drop { target, collection, .. } => (target, collection_name(collection)?),
    };
    let target = match &command {
        IndexCommand::Create { .. } => Target::open(flags, loaded, config, printer).await?,
        _ => Target::open_to_read(flags, &collection, (loaded, config), printer).await?,
    };
    let done = match &command {
        IndexCommand::Plan(_) => Ok(()),
        IndexCommand::List { .. } => list(&target, &collection, printer).await,
        IndexCommand::Create { fields, .. } => create(&target, &collection, fields, printer).await,
        IndexCommand::Drop { fields, .. } => {
            drop_index(&target, &collection, fields, printer).await
        }
    };
    target.close().await?;
    done
}

fn collection_name(text: &str) -> Result<CollectionName, Failure> {
    CollectionName::new(text).map_err(|error| Failure::usage(format!("collection: {error}")))
}

fn definition(fields: &str) -> Result<IndexDefinition, Failure> {
    let wrong = |reason: String| {
        Failure::usage(format!("index {fields:?}: {reason}"))
            .hint("write one to three fields, as in status or customer.id,-created_at")
    };
    let order = Order::parse(fields).map_err(|error| wrong(error.to_string()))?;
    IndexDefinition::new(order).map_err(|error| wrong(error.to_string()))
}

async fn list(target: &Target, collection: &CollectionName, printer: Printer) -> Result<()> {
    let indexes: Vec<(String, String)> = match target {
        Target::Direct { store, .. } => {
            let indexes = store.indexes(collection).await?.into_iter();
            indexes
                .map(|index| (index.definition.order().to_string(), state(index.state)))
                .collect()
        }
        Target::Service(client) => {
            let indexes = client.indexes(collection.as_str()).await.map_err(client_failure)?;
            indexes.into_iter().map(|index| (index.fields, index.state)).collect()
        }
    };
    if printer.json {
        let indexes: Vec<_> = indexes
            .iter()
            .map(|(fields, state)| json!({"fields": fields, "state": state}))
            .collect();
        printer.json_line(&json!({"collection": collection.as_str(), "indexes": indexes}));
        return Ok(());
    }
    if indexes.is_empty() {
        printer.note(&format!("{} has no indexes", collection.as_str()));
    }
    let width = indexes.iter().map(|(fields, _)| fields.chars().count()).max().unwrap_or_default();
    for (fields, state) in &indexes {
        printer.line(&format!("{fields:width$}  {state}"));
    }
    Ok(())
}

async fn create(
    target: &Target,
    collection: &CollectionName,
    fields: &str,
    printer: Printer,
) -> Result<()> {
    let definition = definition(fields)?;
    let fields = definition.order().to_string();
    match target {
        Target::Direct { store, .. } => {
            store.create_index(collection, &definition).await?;
        }
        Target::Service(client) => {
            client.create_index(collection.as_str(), &fields).await.map_err(client_failure)?;
        }
    }
    told(printer, collection, &fields, "ready")
}

async fn drop_index(
    target: &Target,
    collection: &CollectionName,
    fields: &str,
    printer: Printer,
) -> Result<()> {
    let definition = definition(fields)?;
    let fields = definition.order().to_string();
    let was_there = match target {
        Target::Direct { store, .. } => store.drop_index(collection, &definition).await?,
        Target::Service(client) => {
            client.drop_index(collection.as_str(), &fields).await.map_err(client_failure)?
        }
    };
    if was_there {
        return told(printer, collection, &fields, "dropped");
    }
    let name = collection.as_str();
    Err(Failure::new(format!("collection {name} has no index {fields}"))
        .hint(format!("isobase index list {name} shows its indexes"))
        .into())
}

fn told(printer: Printer, collection: &CollectionName, fields: &str, state: &str) -> Result<()> {
    let name = collection.as_str();
    if printer.json {
        printer.json_line(&json!({"collection": name, "fields": fields, "state": state}));
    } else {
        printer.note(&format!("index {fields} of {name} is {state}"));
    }
    Ok(())
}

fn state(state: IndexState) -> String {
    match state {
        IndexState::Building => "building".to_owned(),
        IndexState::Ready => "ready".to_owned(),
    }
}
