//! The change feed.

use isobase_engine::{ChangeFeed, ChangesPage, ChangesRequest, EngineError, ErrorKind, Pending};
use isobase_types::{Change, Sequence};

use crate::{Backend, RemoteEngine, error::within, shared::Shared};

/// Changes of all collections that are looked at for those of one, in one answer.
const EXAMINED_MAX: u64 = 10_000;

/// Changes asked for together at least.
const PART_MIN: u32 = 200;

impl<B: Backend> ChangeFeed for RemoteEngine<B> {
    fn read_changes<'a>(&'a self, request: &'a ChangesRequest) -> Pending<'a, ChangesPage> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            within(shared.deadline(), "reading changes", shared.read_changes(request)).await
        })
    }

    fn latest(&self) -> Pending<'_, Sequence> {
        Box::pin(async move {
            let shared = &self.core.shared;
            shared.check_open()?;
            let head = within(shared.deadline(), "the head", shared.backend.head()).await?;
            Ok(head.sequence)
        })
    }
}

impl<B: Backend> Shared<B> {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        let ChangesRequest { since, collection, limit } = request;
        let head = self.backend.head().await?;
        if *since < head.floor {
            return Err(gone(*since, head.floor));
        }
        let mut changes: Vec<Change> = Vec::new();
        // The last place that was looked at.
        let mut at = *since;
        while at < head.sequence && at.0 - since.0 < EXAMINED_MAX {
            let records = self.backend.read_log(at, (*limit).max(PART_MIN)).await?;
            let start = at;
            for change in records.into_iter().flat_map(|record| record.changes) {
                // What came after the head was read may be in no document yet.
                if change.sequence <= at || change.sequence > head.sequence {
                    continue;
                }
                // Places are without a gap: what is missing was trimmed after the floor was read.
                if change.sequence.0 != at.0 + 1 {
                    let floor = self.backend.head().await?.floor;
                    return Err(gone(*since, floor.max(Sequence(at.0 + 1))));
                }
                let is_wanted = collection.as_ref().is_none_or(|name| *name == change.collection);
                if is_wanted && changes.len() as u64 >= u64::from(*limit) {
                    let next = changes.last().map_or(at, |last| last.sequence);
                    return Ok(ChangesPage { changes, next, more: true });
                }
                at = change.sequence;
                if is_wanted {
                    changes.push(change);
                }
            }
            if at == start {
                let floor = self.backend.head().await?.floor;
                if at < floor {
                    return Err(gone(*since, floor));
                }
                return Err(EngineError::new(
                    ErrorKind::Corrupted,
                    format!("the change after {at} is missing in the log"),
                ));
            }
        }
        Ok(ChangesPage { changes, next: at, more: at < head.sequence })
    }
}

fn gone(since: Sequence, oldest: Sequence) -> EngineError {
    let message = format!("changes after {since} are no longer kept");
    EngineError::new(ErrorKind::ChangesGone { oldest }, message)
}
