//! Taking in documents that other programs wrote.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use isobase_engine::EngineError;
use isobase_types::{CollectionName, DocumentId, Sequence};
use isobase_writer::{Asked, Job};
use tokio::time::Instant;

use crate::{
    DocumentDatabase, DocumentKey,
    error::{pauses, within},
    writer::{
        group::{Group, Stamped},
        special::{Attempt, entry_of},
        task::{AnyWork, Task, too_busy},
    },
};

/// Documents stamped with one question for them.
const STAMP_DOCUMENTS: usize = 100;

/// Takes documents in that other programs wrote, in as many commits as they need.
pub(crate) struct Stamp {
    pub(crate) collection: CollectionName,
    pub(crate) documents: Vec<Found>,
}

impl Job for Stamp {
    type Reply = StampCounts;
}

/// A document that seems to be another program's.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) id: DocumentId,
    /// The revision in its bookkeeping, which is of another journal; `None` when it is ours.
    pub(crate) elsewhere: Option<Sequence>,
}

/// The findings of stamps.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct StampCounts {
    pub(crate) created: u64,
    pub(crate) updated: u64,
}

impl<B: DocumentDatabase> AnyWork<B> for Asked<Stamp, EngineError> {
    fn run<'t>(self: Box<Self>, task: &'t mut Task<B>) -> BoxFuture<'t, ()> {
        Box::pin(async move {
            let answer = Box::pin(task.stamp(&self.job)).await;
            self.answer(answer);
        })
    }
}

impl<B: DocumentDatabase> Task<B> {
    async fn stamp(&mut self, job: &Stamp) -> Result<StampCounts, EngineError> {
        let Stamp { collection, documents } = job;
        let mut total = StampCounts::default();
        let mut left = &**documents;
        let mut deadline = self.shared.deadline();
        let mut pauses = pauses();
        while !left.is_empty() {
            let part = &left[..left.len().min(STAMP_DOCUMENTS)];
            match Box::pin(self.try_stamp(collection, part, deadline)).await {
                Ok(Ok((done, counts))) => {
                    total.created += counts.created;
                    total.updated += counts.updated;
                    left = &left[done..];
                    deadline = self.shared.deadline();
                    pauses.restart();
                }
                Ok(Err(again)) if Instant::now() >= deadline => return Err(too_busy(&again)),
                Ok(Err(_)) => pauses.wait().await,
                Err(error) => {
                    self.head = None;
                    return Err(error);
                }
            }
        }
        Ok(total)
    }

    /// Stamps the first of some documents in one commit; says how many were looked at.
    async fn try_stamp(
        &mut self,
        collection: &CollectionName,
        found: &[Found],
        deadline: Instant,
    ) -> Attempt<(usize, StampCounts)> {
        let shared = Arc::clone(&self.shared);
        let (head, at, catalogue) = within(deadline, "the head", self.fresh_head()).await?;
        self.head = Some((head, at));
        let mut group = Group::new(&shared, &catalogue, head);
        let key = |id: &DocumentId| DocumentKey { collection: collection.clone(), id: id.clone() };
        let keys: Vec<DocumentKey> = found.iter().map(|found| key(&found.id)).collect();
        let read = shared.database.read(&keys);
        let documents = within(deadline, "reading before a stamp", read).await?;
        for (key, document) in keys.iter().zip(documents) {
            group.know(key.clone(), document);
        }
        let mut counts = StampCounts::default();
        let mut done = 0;
        for (key, found) in keys.iter().zip(found) {
            let (mark, was_empty) = (group.mark(), group.is_empty());
            let stamped = group.stamp(key, found.elsewhere);
            let fits = group.fits();
            if !fits {
                group.back_to(&mark);
                if !was_empty {
                    break;
                }
            }
            done += 1;
            match stamped {
                Ok(Stamped::No) => {}
                Ok(Stamped::Created) if fits => counts.created += 1,
                Ok(Stamped::Updated) if fits => counts.updated += 1,
                // It can be read by its id, but not listed.
                refused => tracing::warn!(
                    %collection,
                    id = %key.id,
                    ?refused,
                    "a document of another program in {collection} cannot be taken in"
                ),
            }
        }
        if group.is_empty() {
            return Ok(Ok((done, counts)));
        }
        for collection in group.unknown_collections() {
            let entry = entry_of(&shared, &collection, &catalogue, deadline).await?;
            group.set_entry(entry);
        }
        let commit = group.into_commit();
        match self.commit(&commit, &catalogue, deadline).await? {
            None => Ok(Ok((done, counts))),
            Some(again) => Ok(Err(again)),
        }
    }
}
