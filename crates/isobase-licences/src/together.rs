//! Several documents in one write.

use isobase_store::{
    Atomicity, Rejection, Store, StoreError, WriteBatch, WriteOperation, WriteOutcome, Written,
};

/// Writes documents that belong together: all of them or none.
pub(crate) async fn write_together(
    store: &Store,
    operations: Vec<WriteOperation>,
) -> Result<Result<Vec<Written>, Rejection>, StoreError> {
    let batch = WriteBatch { operations, ..WriteBatch::default() };
    let outcomes = store.write(batch, Atomicity::AllOrNothing).await?.outcomes;
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
