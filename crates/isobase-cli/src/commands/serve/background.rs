//! Work beside the requests: sweeping, reconciling, building indexes.

use std::time::{Duration, Instant};

use isobase::{Store, engine::Reconcile, store::IndexState, types::CollectionName};
use tokio::time::sleep;

use crate::settings::DeclaredIndex;

/// How often expired documents are looked for. They are hidden from the moment they expire.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

/// Between two rounds of a sweep that has more to do.
const SWEEP_PAUSE: Duration = Duration::from_millis(100);

/// Deletes documents whose time is over, for as long as the service runs.
pub(super) async fn sweep(store: Store) {
    loop {
        let pause = match store.sweep().await {
            Ok(0) => SWEEP_EVERY,
            // There may be more; other writes come between.
            Ok(_) => SWEEP_PAUSE,
            Err(error) => {
                tracing::warn!(%error, "expired documents are not deleted yet: {error}");
                SWEEP_EVERY
            }
        };
        sleep(pause).await;
    }
}

/// Takes in what other programs wrote, now and then, for as long as the service runs.
pub(super) async fn reconcile(store: Store, every: Duration) {
    let engine = store.engine();
    let Some(ability) = engine.reconcile() else { return };
    loop {
        match ability.reconcilable().await {
            Ok(names) => {
                for name in names {
                    look(ability, &name).await;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "what other programs wrote is not looked for: {error}");
            }
        }
        sleep(every).await;
    }
}

async fn look(ability: &dyn Reconcile, name: &CollectionName) {
    match ability.look(name).await {
        Ok(found) if found.created + found.updated > 0 => tracing::info!(
            collection = %name,
            created = found.created,
            updated = found.updated,
            "took in {} documents that other programs wrote into {name}",
            found.created + found.updated
        ),
        Ok(_) => {}
        Err(error) => tracing::warn!(
            collection = %name, %error,
            "what other programs wrote into {name} is not taken in: {error}"
        ),
    }
}

/// Builds the indexes of the settings file that are not there.
pub(super) async fn declare_indexes(store: Store, declared: Vec<DeclaredIndex>) {
    for DeclaredIndex { collection, definition } in declared {
        let (name, fields) = (collection.as_str(), definition.to_string());
        let started = Instant::now();
        let there = match store.indexes(&collection).await {
            Ok(indexes) => indexes,
            Err(error) => {
                tracing::error!(collection = name, "cannot read the indexes of {name}: {error}");
                continue;
            }
        };
        if there
            .iter()
            .any(|index| index.definition == definition && index.state == IndexState::Ready)
        {
            continue;
        }
        tracing::info!(collection = name, fields, "building index {fields} of {name}");
        match store.create_index(&collection, &definition).await {
            Ok(_) => {
                let seconds = started.elapsed().as_secs_f64();
                tracing::info!(
                    collection = name,
                    fields,
                    seconds,
                    "index {fields} of {name} is ready after {seconds:.1} s"
                );
            }
            Err(error) => {
                tracing::error!(collection = name, fields, "index {fields} of {name}: {error}");
            }
        }
    }
}
