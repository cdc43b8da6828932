//! Reading the change feed.

use isobase_engine::{ChangesRequest, EngineError, ErrorKind, FeedPlace, Keep};
use isobase_types::{CollectionName, Sequence};

use crate::{FeedPage, FeedRequest, ForeignPlace, Since, Store, StoreError};

impl Store {
    /// A page of the change feed.
    ///
    /// # Errors
    /// When the place is not of this database, the asked part is no longer kept, or the engine
    /// fails.
    pub async fn changes(&self, request: FeedRequest) -> Result<FeedPage, StoreError> {
        let FeedRequest { since, collection, limit, bodies } = request;
        let now = match since {
            Since::Now => self.engine.latest().await?,
            _ => Sequence::default(),
        };
        let request = ChangesRequest {
            since: since.sequence(now),
            collection,
            limit: limit.clamp(1, self.options.changes_page_max),
            bodies,
        };
        let mut page = match self.engine.read_changes(&request).await {
            Ok(page) => page,
            Err(error) => return Err(self.not_read(since, error).await),
        };
        since.check(&page.identity)?;
        if page.changes.is_empty() && request.since > Sequence::default() {
            // A reader that is ahead of the feed follows another database, or one that was put
            // back: it would miss everything up to its place.
            let latest = self.engine.latest().await?;
            if request.since > latest {
                return Err(match since {
                    Since::Place(_) => StoreError::ForeignPlace(ForeignPlace::Ahead),
                    _ => StoreError::FutureSequence { since: request.since, latest },
                });
            }
        }
        page.changes.retain(|change| !self.is_reserved(&change.collection));
        self.hide_in_changes(&mut page.changes).await?;
        Ok(FeedPage::of(page))
    }

    /// Why a page was not read. What is no longer kept at a place of another history is not the
    /// caller's, and told otherwise.
    async fn not_read(&self, since: Since, error: EngineError) -> StoreError {
        let ErrorKind::ChangesGone { oldest } = error.kind else { return error.into() };
        let identity = match self.engine.identity().await {
            Ok(identity) => identity,
            Err(error) => return error.into(),
        };
        match since.check(&identity) {
            Err(foreign) => foreign,
            Ok(()) => StoreError::ChangesGone { oldest: FeedPlace { identity, sequence: oldest } },
        }
    }

    /// From now on entries of the change feed keep this of the documents of a collection. Not
    /// remembered: a process that opens the database says it again.
    pub fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.engine.keep(collection, keep);
    }

    /// Waits until something may have happened after a place, in one collection if that is all
    /// the caller follows. May come back early; has no end of its own, and its drop ends it.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn wait_for_change(
        &self,
        after: FeedPlace,
        collection: Option<&CollectionName>,
    ) -> Result<(), StoreError> {
        Ok(self.engine.wait(after.sequence, collection).await?)
    }
}
