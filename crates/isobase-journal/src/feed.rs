//! The change feed.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use isobase_engine::{ChangeFeed, ChangesPage, ChangesRequest, EngineError, ErrorKind, Keep};
use isobase_types::{Change, CollectionName, KeptText, Sequence};

use crate::{DocumentDatabase, JournalEngine, error::within, shared::Shared, untold::is_untold};

/// Changes of all collections that are looked at for those of one, in one answer.
const EXAMINED_MAX: u64 = 10_000;

/// The pauses between two looks at the head while somebody waits. The longest is the latency of
/// other processes' commits, and sets the price of a day of waiting: some 86,000 small reads.
const LOOK_FIRST: Duration = Duration::from_millis(250);
const LOOK_MAX: Duration = Duration::from_secs(1);

/// Changes asked for together at least.
const PART_MIN: u32 = 200;

#[async_trait]
impl<B: DocumentDatabase> ChangeFeed for JournalEngine<B> {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        within(shared.deadline(), "reading changes", shared.read_changes(request)).await
    }

    fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.core.shared.keeping.set(collection, keep);
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        let shared = &self.core.shared;
        shared.check_open()?;
        let head = within(shared.deadline(), "the head", shared.database.head()).await?;
        shared.waiting.seen(head.sequence);
        Ok(head.sequence)
    }

    async fn wait(
        &self,
        since: Sequence,
        collection: Option<&CollectionName>,
    ) -> Result<(), EngineError> {
        self.core.shared.waiting.wait(since, collection).await;
        Ok(())
    }
}

impl<B: DocumentDatabase> Shared<B> {
    /// Looks for the commits of other processes while somebody of this one waits for changes: one
    /// read of the head for all of them, at first after a moment, and seldom while nothing
    /// happens.
    ///
    /// The databases' own notices (`_changes`, streams, listeners) would not spare that read. They
    /// tell of documents, before the head has moved or after, and each is another protocol whose
    /// connection must be watched and made again.
    pub(crate) async fn look_for_others(self: Arc<Self>) {
        let (mut pause, mut known) = (LOOK_FIRST, Sequence::default());
        while self.waiting.until_waited().await {
            match within(self.deadline(), "the head", self.database.head()).await {
                Ok(head) => {
                    self.waiting.seen(head.sequence);
                    pause = if head.sequence > known { LOOK_FIRST } else { pause * 2 };
                    known = head.sequence;
                }
                Err(error) => tracing::debug!(%error, "looking for changes failed: {error}"),
            }
            // A steady step, not a try that failed: as many looks as the documents say.
            pause = pause.min(LOOK_MAX);
            tokio::time::sleep(pause).await;
        }
    }

    pub(crate) async fn read_changes(
        &self,
        request: &ChangesRequest,
    ) -> Result<ChangesPage, EngineError> {
        let ChangesRequest { since, collection, limit, bodies } = request;
        let head = self.head().await?;
        let identity = self.identity(head.identity);
        self.waiting.seen(head.sequence);
        if *since < head.floor {
            return Err(gone(*since, head.floor));
        }
        let mut changes: Vec<Change> = Vec::new();
        // The last place that was looked at.
        let mut at = *since;
        while at < head.sequence && at.0 - since.0 < EXAMINED_MAX {
            let records = self.database.read_log(at, (*limit).max(PART_MIN)).await?;
            let start = at;
            for change in records.into_iter().flat_map(|record| record.changes) {
                // What came after the head was read may be in no document yet.
                if change.sequence <= at || change.sequence > head.sequence {
                    continue;
                }
                // Places are without a gap: what is missing was trimmed after the floor was read.
                if change.sequence.0 != at.0 + 1 {
                    let floor = self.head().await?.floor;
                    return Err(gone(*since, floor.max(Sequence(at.0 + 1))));
                }
                let is_wanted = !is_untold(&change)
                    && collection.as_ref().is_none_or(|name| *name == change.collection);
                if is_wanted && changes.len() as u64 >= u64::from(*limit) {
                    let next = changes.last().map_or(at, |last| last.sequence);
                    let changes = self.with_bodies(changes, *bodies).await?;
                    return Ok(ChangesPage { changes, next, more: true, identity });
                }
                at = change.sequence;
                if is_wanted {
                    changes.push(change);
                }
            }
            if at == start {
                let floor = self.head().await?.floor;
                if at < floor {
                    return Err(gone(*since, floor));
                }
                return Err(EngineError::new(
                    ErrorKind::Corrupted,
                    format!("the change after {at} is missing in the log"),
                ));
            }
        }
        let changes = self.with_bodies(changes, *bodies).await?;
        Ok(ChangesPage { changes, next: at, more: at < head.sequence, identity })
    }

    /// Adds the bodies that lie apart from their changes, or takes all away.
    async fn with_bodies(
        &self,
        mut changes: Vec<Change>,
        bodies: bool,
    ) -> Result<Vec<Change>, EngineError> {
        if !bodies {
            for change in &mut changes {
                change.kept = std::mem::take(&mut change.kept).without_body();
            }
            return Ok(changes);
        }
        let is_apart = |change: &&mut Change| change.kept.body == KeptText::Omitted;
        let mut apart: Vec<&mut Change> = changes.iter_mut().filter(is_apart).collect();
        if !apart.is_empty() {
            let of: Vec<_> = apart.iter().map(|change| change.sequence).collect();
            let found = self.database.read_bodies(&of).await?;
            for (change, body) in apart.iter_mut().zip(found) {
                if let Some(body) = body {
                    change.kept.body = KeptText::Text(body.into());
                }
            }
        }
        Ok(changes)
    }
}

fn gone(since: Sequence, oldest: Sequence) -> EngineError {
    let message = format!("changes after {since} are no longer kept");
    EngineError::new(ErrorKind::ChangesGone { oldest }, message)
}
