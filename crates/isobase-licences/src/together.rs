//! Several documents in one write.

use isobase_store::{
    Action, Atomicity, Idempotency, Precondition, Rejection, Store, StoreError, WriteBatch,
    WriteOperation, WriteOutcome, Written,
};
use rand::RngExt;

use crate::AUDIT_COLLECTION;

/// Writes documents that belong together: all of them or none.
///
/// Where the engine has no atomic batches, a batch with a mark is recorded as a whole, but each of
/// its operations is decided by itself. There the first one decides: when it is refused, entries of
/// the audit that were not are taken back.
pub(crate) async fn write_together(
    store: &Store,
    operations: Vec<WriteOperation>,
) -> Result<Result<Vec<Written>, Rejection>, StoreError> {
    let mut batch = WriteBatch { operations, ..WriteBatch::default() };
    if store.engine().atomic_batches().is_some() {
        let outcomes = store.write(batch, Atomicity::AllOrNothing).await?.outcomes;
        return Ok(whole(outcomes));
    }
    let key = rand::rng().random();
    batch.idempotency = Some(Idempotency { key, fingerprint: [0; 32] });
    let collections: Vec<_> = batch.operations.iter().map(|it| it.collection.clone()).collect();
    let outcomes = store.write(batch, Atomicity::EachAlone).await?.outcomes;
    if outcomes.first().is_some_and(Result::is_err) {
        let entries = collections.iter().zip(&outcomes).filter_map(|(collection, outcome)| {
            let written =
                outcome.as_ref().ok().filter(|_| collection.as_str() == AUDIT_COLLECTION)?;
            Some(WriteOperation {
                collection: collection.clone(),
                action: Action::Delete { id: written.id.clone() },
                precondition: Precondition::RevisionIn(vec![written.revision.clone()]),
            })
        });
        let operations: Vec<_> = entries.collect();
        if !operations.is_empty() {
            let batch = WriteBatch { operations, ..WriteBatch::default() };
            store.write(batch, Atomicity::EachAlone).await?;
        }
    }
    Ok(whole(outcomes))
}

/// The writes of a batch, or why there are none.
fn whole(outcomes: Vec<WriteOutcome>) -> Result<Vec<Written>, Rejection> {
    let refused = outcomes.iter().find_map(|outcome| match outcome {
        Ok(_) | Err(Rejection::BatchRejected) => None,
        Err(rejection) => Some(rejection.clone()),
    });
    match refused {
        Some(rejection) => Err(rejection),
        None => outcomes.into_iter().collect(),
    }
}

/// Whether a write was refused because another one came between.
pub(crate) fn came_too_late(rejection: &Rejection) -> bool {
    matches!(
        rejection,
        Rejection::RevisionConflict { .. } | Rejection::AlreadyExists | Rejection::NotFound
    )
}
