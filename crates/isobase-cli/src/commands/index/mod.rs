//! `isobase index`: declared indexes.

mod plan;

use anyhow::Result;
use clap::Subcommand;
use isobase::{
    store::{IndexDefinition, IndexState},
    types::{CollectionName, Order},
};
use serde_json::json;

use crate::{
    command::AppCommand,
    failure::Failure,
    flags::{TargetFlags, collection_names},
    print::Printer,
    service_failure::client_failure,
    settings::{Config, Given, Loaded},
    target::Target,
};

/// Declare, list and drop indexes
#[derive(Debug, Subcommand)]
pub(crate) enum IndexCommand {
    /// Print what must be created in production, where the service may not do it
    Plan(plan::PlanArguments),
    /// List the indexes of a collection
    List {
        /// The collection
        #[arg(add = collection_names())]
        collection: String,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Declare an index and build it
    Create {
        /// The collection
        #[arg(add = collection_names())]
        collection: String,
        /// One to three fields: status,-created_at
        #[arg(allow_hyphen_values = true)]
        fields: String,
        /// Let only one document have the values of the fields
        #[arg(long)]
        unique: bool,
        #[command(flatten)]
        target: TargetFlags,
    },
    /// Drop an index
    Drop {
        /// The collection
        #[arg(add = collection_names())]
        collection: String,
        /// Its fields, as index list shows them
        #[arg(allow_hyphen_values = true)]
        fields: String,
        /// The unique index of these fields
        #[arg(long)]
        unique: bool,
        #[command(flatten)]
        target: TargetFlags,
    },
}

impl AppCommand for IndexCommand {
    fn given(&self) -> Given {
        match self {
            Self::Plan(arguments) => arguments.app.given(),
            Self::List { target, .. } | Self::Create { target, .. } | Self::Drop { target, .. } => {
                target.app.given()
            }
        }
    }

    async fn run_in(self, (loaded, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let (flags, collection) = match &self {
            Self::Plan(arguments) => return plan::run(arguments, config, printer).await,
            Self::List { target, collection }
            | Self::Create { target, collection, .. }
            | Self::Drop { target, collection, .. } => (target, collection_name(collection)?),
        };
        let target = match &self {
            Self::Create { .. } => Target::open(flags, loaded, config, printer).await?,
            Self::Drop { .. } => {
                Target::open_to_change(flags, &collection, (loaded, config), printer).await?
            }
            _ => Target::open_to_read(flags, &collection, (loaded, config), printer).await?,
        };
        let done = match &self {
            Self::Plan(_) => Ok(()),
            Self::List { .. } => list(&target, &collection, printer).await,
            Self::Create { fields, unique, .. } => {
                create(&target, &collection, definition(fields, *unique)?, printer).await
            }
            Self::Drop { fields, unique, .. } => {
                drop_index(&target, &collection, definition(fields, *unique)?, printer).await
            }
        };
        target.close().await?;
        done
    }
}

fn collection_name(text: &str) -> Result<CollectionName, Failure> {
    CollectionName::new(text).map_err(|error| Failure::usage(format!("collection: {error}")))
}

fn definition(fields: &str, unique: bool) -> Result<IndexDefinition, Failure> {
    let wrong = |reason: String| {
        Failure::usage(format!("index {fields:?}: {reason}"))
            .hint("write one to three fields, as in status or customer.id,-created_at")
    };
    let order = Order::parse(fields).map_err(|error| wrong(error.to_string()))?;
    let definition = match unique {
        true => IndexDefinition::unique(order),
        false => IndexDefinition::new(order),
    };
    definition.map_err(|error| wrong(error.to_string()))
}

/// A declared index as it is shown.
struct Shown {
    fields: String,
    state: String,
    unique: bool,
}

async fn list(target: &Target, collection: &CollectionName, printer: Printer) -> Result<()> {
    let indexes: Vec<Shown> = match target {
        Target::Direct { store, .. } => {
            let indexes = store.indexes(collection).await?.into_iter();
            let shown = indexes.map(|index| Shown {
                fields: index.definition.order().to_string(),
                state: state(index.state),
                unique: index.definition.is_unique(),
            });
            shown.collect()
        }
        Target::Service(client) => {
            let indexes = client.indexes(collection.as_str()).await.map_err(client_failure)?;
            let shown = indexes.into_iter().map(|index| Shown {
                fields: index.fields,
                state: index.state,
                unique: index.unique,
            });
            shown.collect()
        }
    };
    if printer.json {
        let indexes: Vec<_> = indexes
            .iter()
            .map(|Shown { fields, state, unique }| match unique {
                true => json!({"fields": fields, "state": state, "unique": true}),
                false => json!({"fields": fields, "state": state}),
            })
            .collect();
        printer.json_line(&json!({"collection": collection.as_str(), "indexes": indexes}));
        return Ok(());
    }
    if indexes.is_empty() {
        printer.note(&format!("{} has no indexes", collection.as_str()));
    }
    let width = indexes.iter().map(|index| index.fields.chars().count()).max().unwrap_or_default();
    for Shown { fields, state, unique } in &indexes {
        let unique = if *unique { "  unique" } else { "" };
        printer.line(&format!("{fields:width$}  {state}{unique}"));
    }
    Ok(())
}

async fn create(
    target: &Target,
    collection: &CollectionName,
    definition: IndexDefinition,
    printer: Printer,
) -> Result<()> {
    let (name, fields) = (collection.as_str(), definition.order().to_string());
    match target {
        Target::Direct { store, .. } => {
            store.create_index(collection, &definition).await?;
        }
        Target::Service(client) if definition.is_unique() => {
            client.create_unique_index(name, &fields).await.map_err(client_failure)?;
        }
        Target::Service(client) => {
            client.create_index(name, &fields).await.map_err(client_failure)?;
        }
    }
    told(printer, collection, &definition, "ready")
}

async fn drop_index(
    target: &Target,
    collection: &CollectionName,
    definition: IndexDefinition,
    printer: Printer,
) -> Result<()> {
    let (name, fields) = (collection.as_str(), definition.order().to_string());
    let was_there = match target {
        Target::Direct { store, .. } => store.drop_index(collection, &definition).await?,
        Target::Service(client) if definition.is_unique() => {
            client.drop_unique_index(name, &fields).await.map_err(client_failure)?
        }
        Target::Service(client) => {
            client.drop_index(name, &fields).await.map_err(client_failure)?
        }
    };
    if was_there {
        return told(printer, collection, &definition, "dropped");
    }
    Err(Failure::new(format!("collection {name} has no index '{definition}'"))
        .hint(format!("isobase index list {name} shows its indexes"))
        .into())
}

fn told(
    printer: Printer,
    collection: &CollectionName,
    definition: &IndexDefinition,
    state: &str,
) -> Result<()> {
    let (name, fields) = (collection.as_str(), definition.order().to_string());
    match (printer.json, definition.is_unique()) {
        (true, true) => printer.json_line(
            &json!({"collection": name, "fields": fields, "state": state, "unique": true}),
        ),
        (true, false) => {
            printer.json_line(&json!({"collection": name, "fields": fields, "state": state}));
        }
        (false, true) => printer.note(&format!("unique index {fields} of {name} is {state}")),
        (false, false) => printer.note(&format!("index {fields} of {name} is {state}")),
    }
    Ok(())
}

fn state(state: IndexState) -> String {
    match state {
        IndexState::Building => "building".to_owned(),
        IndexState::Ready => "ready".to_owned(),
    }
}
