//! `isobase reconcile`

use anyhow::Result;
use isobase::engine::Reconciled;
use serde_json::json;

use super::place::{Place, collections, location_or_settings};
use crate::{
    arguments::ReconcileArguments,
    failure::{Failure, Problem},
    print::Printer,
    progress::thousands,
    settings::Config,
};

/// `isobase reconcile`
pub(crate) async fn reconcile(
    arguments: ReconcileArguments,
    config: &Config,
    printer: Printer,
) -> Result<()> {
    let location = location_or_settings(arguments.database.url.as_deref(), config)?;
    let wanted = collections(&arguments.collections)?;
    let place = Place::open_to_read(&location, config, printer).await?;
    let done = look(&place, wanted, printer).await;
    place.close().await?;
    done
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
