//! `isobase reconcile`: what other programs wrote into the database.

use anyhow::Result;
use clap::Args;
use isobase::engine::Reconciled;
use serde_json::json;

use crate::{
    command::AppCommand,
    failure::{Failure, Problem},
    flags::{DatabaseFlags, collection_names},
    print::Printer,
    progress::thousands,
    settings::{Config, Given, Loaded},
    transfer::place::{Place, collections, location_or_settings},
};

const EXAMPLES: &str = "\
Examples:
  isobase reconcile --url couchdb://me:secret@host:5984/app_
  isobase reconcile --url firestore://project/database --collections orders

Reads whole collections, takes what other programs wrote or changed into the listings, and tells it
in the change feed. What they deleted leaves the listings; the change feed does not tell it.";

/// Find what other programs wrote into the database
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReconcileCommand {
    /// Only these collections
    #[arg(long, value_name = "A,B", value_delimiter = ',', add = collection_names())]
    collections: Vec<String>,
    #[command(flatten)]
    database: DatabaseFlags,
}

impl AppCommand for ReconcileCommand {
    const CHANGES: bool = true;

    fn given(&self) -> Given {
        self.database.app.given()
    }

    async fn run_in(self, (_, config): (&Loaded, &Config), printer: Printer) -> Result<()> {
        let location = location_or_settings(self.database.url.as_deref(), config)?;
        let wanted = collections(&self.collections)?;
        let place = Place::open_to_read(&location, config, printer).await?;
        let done = look(&place, wanted, printer).await;
        place.close().await?;
        done
    }
}

async fn look(
    place: &Place,
    mut wanted: Vec<isobase::types::CollectionName>,
    printer: Printer,
) -> Result<()> {
    let Some(reconcile) = place.engine.reconcile() else {
        let engine = place.engine.name();
        return Err(Failure::new(format!("{engine} has nothing to reconcile"))
            .hint("only CouchDB, DynamoDB and Firestore are written by other programs too")
            .into());
    };
    if wanted.is_empty() {
        wanted = reconcile.reconcilable().await?;
    }
    for collection in &wanted {
        let Reconciled { examined, created, updated, unreadable, unreadable_ids } =
            reconcile.reconcile(collection).await?;
        let name = collection.as_str();
        if printer.json {
            printer.json_line(&json!({
                "collection": name,
                "examined": examined,
                "created": created,
                "updated": updated,
                "unreadable": unreadable,
            }));
        } else {
            printer.line(&format!(
                "{name}: {} examined, {} created and {} changed by other programs",
                thousands(examined),
                thousands(created),
                thousands(updated)
            ));
        }
        if let Some(first) = unreadable_ids.first() {
            let message = format!(
                "{name}: {} documents have ids that no document can have, the first is {first:?}",
                thousands(unreadable)
            );
            printer.warning(&Problem { message, hint: None });
        }
    }
    Ok(())
}
