//! The database as the settings want it.

use std::time::Duration;

use anyhow::{Context, Result};
use isobase::{Store, store::Keep};
use tokio::time::timeout;

use crate::settings::Config;

/// How long a server that holds the records may take to answer the last question. With the time
/// for requests less than the 10 s after which supervisors kill.
const CLOSE_MAX: Duration = Duration::from_millis(1_500);

/// The database as the settings want it.
pub(super) async fn prepare(store: &Store, config: &Config) -> Result<Store> {
    let store = store.clone().with_schemas(config.schemas.clone());
    config.rules.keep_in(&store);
    for collection in &config.bodies_of {
        let keep = Keep { bodies: true, ..config.rules.keep(collection) };
        store.keep(collection, keep);
    }
    set_terms(&store, config).await?;
    Ok(store)
}

/// Says on which terms collections keep their documents, before anybody reads or writes.
async fn set_terms(store: &Store, config: &Config) -> Result<()> {
    for (collection, terms) in &config.terms {
        let set = store.set_terms(collection, *terms).await;
        set.with_context(|| format!("the terms of collection {collection} cannot be kept"))?;
    }
    Ok(())
}

/// Closes the database, and gives up after a while: no request waits for an answer any more.
pub(super) async fn close(store: &Store) -> Result<()> {
    match timeout(CLOSE_MAX, store.close()).await {
        Ok(closed) => closed.context("the database was not closed cleanly"),
        Err(_) => {
            tracing::warn!("the database did not answer, and the service ends without it");
            Ok(())
        }
    }
}
