//! Deleting what has expired.

use isobase_types::{CollectionName, DocumentId};

use crate::{Action, Engine, EngineError, Precondition, WriteBatch, WriteOperation};

/// Documents of one collection that one round of a sweep deletes: a batch that other writes wait
/// for no longer than for one of their own. Ours.
const SWEEP_DOCUMENTS: u32 = 500;

/// Deletes expired documents, a bounded number of each collection; says how many it found. Where
/// it found some there may be more.
///
/// # Errors
/// As reads and writes of the engine.
pub async fn sweep(engine: &dyn Engine) -> Result<u64, EngineError> {
    let mut swept = 0;
    for collection in engine.expiring() {
        swept += sweep_some(engine, &collection).await?.len() as u64;
    }
    Ok(swept)
}

/// Deletes the expired documents of one collection, as far as the database lets it.
///
/// # Errors
/// As reads and writes of the engine.
pub async fn sweep_collection(
    engine: &dyn Engine,
    collection: &CollectionName,
) -> Result<(), EngineError> {
    let mut last = Vec::new();
    loop {
        let found = sweep_some(engine, collection).await?;
        // A database may refuse to delete, and then the same ones are found without end.
        if found.is_empty() || found == last {
            return Ok(());
        }
        last = found;
    }
}

/// The documents that were found expired and asked to be deleted.
async fn sweep_some(
    engine: &dyn Engine,
    collection: &CollectionName,
) -> Result<Vec<DocumentId>, EngineError> {
    let limit = u32::try_from(engine.limits().batch_operations.max).unwrap_or(u32::MAX);
    let expired = engine.expired(collection, limit.min(SWEEP_DOCUMENTS)).await?;
    let found: Vec<_> = expired.iter().map(|document| document.id.clone()).collect();
    if found.is_empty() {
        return Ok(found);
    }
    // A write that names an expired document deletes it first, and then finds none. What
    // somebody has renewed meanwhile has another revision.
    let operations = expired.into_iter().map(|document| WriteOperation {
        collection: collection.clone(),
        action: Action::Delete { id: document.id },
        precondition: Precondition::RevisionIn(vec![document.revision]),
    });
    engine.write(WriteBatch { operations: operations.collect(), ..WriteBatch::default() }).await?;
    Ok(found)
}
