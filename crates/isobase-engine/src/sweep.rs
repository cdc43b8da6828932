//! Deleting what has expired.

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
    let limit = u32::try_from(engine.limits().batch_operations.max).unwrap_or(u32::MAX);
    let mut swept = 0;
    for collection in engine.expiring() {
        let found = engine.expired(&collection, limit.min(SWEEP_DOCUMENTS)).await?;
        if found.is_empty() {
            continue;
        }
        swept += found.len() as u64;
        // A write that names an expired document deletes it first, and then finds none. What
        // somebody has renewed meanwhile has another revision.
        let operations = found.into_iter().map(|document| WriteOperation {
            collection: collection.clone(),
            action: Action::Delete { id: document.id },
            precondition: Precondition::RevisionIn(vec![document.revision]),
        });
        engine
            .write(WriteBatch { operations: operations.collect(), ..WriteBatch::default() })
            .await?;
    }
    Ok(swept)
}
