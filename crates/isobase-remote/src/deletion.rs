//! Deleting collections.
//!
//! A deletion is one commit: its change, and the note in the catalogue that documents up to it
//! count as gone. What is there natively goes afterwards, while newer documents are written.

use std::sync::Arc;

use isobase_engine::{EngineError, ErrorKind};
use isobase_types::{CollectionName, Sequence};

use crate::{
    Backend,
    core::Core,
    error::Pauses,
    writer::{SpecialAnswer, SpecialJob},
};

/// Failed attempts after which the rest is left to the next opening.
const PURGE_ATTEMPTS_MAX: u32 = 20;

impl<B: Backend> Core<B> {
    /// Lets nobody see the documents of a collection any more: how many, and the number of the
    /// deletion when there were any.
    pub(crate) async fn begin_deletion(
        &self,
        collection: &CollectionName,
    ) -> Result<(u64, Option<Sequence>), EngineError> {
        if self.shared.backend.refuses_collection(collection).is_some() {
            return Ok((0, None));
        }
        let job = SpecialJob::DeleteCollection { collection: collection.clone() };
        match self.writer.special(job).await? {
            SpecialAnswer::Deleted { documents, to } => Ok((documents, to)),
            _ => Err(EngineError::new(
                ErrorKind::Unexpected,
                "the writer answered something else than was asked",
            )),
        }
    }

    /// Takes away natively what a deletion took, while everything else goes on.
    pub(crate) fn purge(self: &Arc<Self>, collection: CollectionName, to: Sequence) {
        let core = Arc::clone(self);
        self.spawn(async move {
            let mut pauses = Pauses::new();
            for _ in 0..PURGE_ATTEMPTS_MAX {
                match core.purge_now(&collection, to).await {
                    Ok(()) => return,
                    Err(error) if error.is_temporary() => {
                        tracing::debug!(%error, "the deletion of {collection} goes on: {error}");
                    }
                    Err(error) => {
                        tracing::warn!(%error, "{collection} is not purged yet: {error}");
                    }
                }
                pauses.wait().await;
            }
        });
    }

    async fn purge_now(
        &self,
        collection: &CollectionName,
        to: Sequence,
    ) -> Result<(), EngineError> {
        self.shared.backend.purge(collection, to).await?;
        let job = SpecialJob::Purged { collection: collection.clone(), to };
        self.writer.special(job).await.map(drop)
    }
}
