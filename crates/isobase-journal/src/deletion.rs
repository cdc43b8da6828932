//! Deleting collections.
//!
//! A deletion is one commit: its change, and the note in the catalogue that documents up to it
//! count as gone. What is there natively goes afterwards, while newer documents are written.

use std::{sync::Arc, time::Duration};

use futures_util::FutureExt;
use isobase_engine::EngineError;
use isobase_types::{CollectionName, Sequence};
use isobase_writer::Pauses;
use tokio::{sync::oneshot, time::Instant};

use crate::{
    DocumentDatabase,
    core::{Core, Purge},
    error::within,
    writer::{DeleteCollection, Deleted, SetPurged},
};

/// Pauses after failed attempts to clear a collection: the first, and the longest.
const PAUSE_FIRST: Duration = Duration::from_millis(20);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// How many deadlines of a call a load waits for a collection to be cleared.
const PURGE_DEADLINES: u32 = 30;

impl<B: DocumentDatabase> Core<B> {
    /// Lets no one see the documents of a collection any more: how many, and the number of the
    /// deletion when there were any.
    pub(crate) async fn begin_deletion(
        &self,
        collection: &CollectionName,
    ) -> Result<(u64, Option<Sequence>), EngineError> {
        if self.shared.database.refuses_collection(collection).is_some() {
            return Ok((0, None));
        }
        let job = DeleteCollection(collection.clone());
        let Deleted { documents, to } = self.writer.special(job).await?;
        Ok((documents, to))
    }

    /// Deletes natively what a deletion took, while everything else goes on. One at a time for
    /// each collection; asking again does no harm.
    pub(crate) fn purge(self: &Arc<Self>, collection: &CollectionName) -> Purge {
        let mut purges = self.purges.lock();
        if let Some(under_way) = purges.get(collection) {
            return under_way.clone();
        }
        let (done, ended) = oneshot::channel();
        let purge = async { ended.await.unwrap_or(()) }.boxed().shared();
        purges.insert(collection.clone(), purge.clone());
        drop(purges);
        let (core, collection) = (Arc::clone(self), collection.clone());
        self.spawn(async move {
            let is_done = core.purge_until_done(&collection).await;
            core.purges.lock().remove(&collection);
            // The next deletion may have come while this one was ending.
            if is_done && core.shared.catalogue.get().deleting(&collection).is_some() {
                drop(core.purge(&collection));
            }
            let _ = done.send(());
        });
        purge
    }

    /// Comes when no deletion is clearing a collection any more.
    ///
    /// # Errors
    /// When that takes too long.
    pub(crate) async fn purged(
        self: &Arc<Self>,
        collection: &CollectionName,
    ) -> Result<(), EngineError> {
        let deadline = Instant::now() + self.shared.options.deadline * PURGE_DEADLINES;
        while self.shared.read_catalogue().await?.deleting(collection).is_some() {
            let purge = self.purge(collection);
            within(deadline, "clearing a deleted collection", async {
                purge.await;
                Ok(())
            })
            .await?;
        }
        // The last one may be about to end.
        let under_way = self.purges.lock().get(collection).cloned();
        if let Some(purge) = under_way {
            within(deadline, "clearing a deleted collection", async {
                purge.await;
                Ok(())
            })
            .await?;
        }
        Ok(())
    }

    /// Whether it was done, or is left to others.
    async fn purge_until_done(&self, collection: &CollectionName) -> bool {
        let mut pauses = Pauses::new(PAUSE_FIRST, PAUSE_MAX);
        while let Some(to) = self.shared.catalogue.get().deleting(collection) {
            let Err(error) = self.purge_now(collection, to).await else { continue };
            tracing::warn!(%error, "{collection} is not cleared yet: {error}");
            tokio::select! {
                () = pauses.wait() => {}
                // The rest is for the next process that opens the database.
                () = self.closing() => return false,
            }
        }
        true
    }

    async fn purge_now(
        &self,
        collection: &CollectionName,
        to: Sequence,
    ) -> Result<(), EngineError> {
        self.shared.database.purge(collection, to).await?;
        self.writer.special(SetPurged { collection: collection.clone(), to }).await
    }
}
