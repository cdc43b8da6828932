//! Writes to the source while it was read.

use std::{collections::BTreeMap, sync::Arc};

use futures_util::{StreamExt, TryStreamExt, stream};
use isobase_engine::{ChangesRequest, Engine, EngineError, ErrorKind};
use isobase_types::{Change, CollectionName, Document, DocumentId, Sequence};
use tokio_util::sync::CancellationToken;

use crate::{
    Control, Existing, OnRefused, OpsError, PreflightReport, Side,
    existing::was_there,
    loader::{load, moved, revision_max, unload},
    note::Reached,
    preflight::refusal,
    scan::{PART_BYTES, Scan},
    selection::Selection,
};

/// Changes that are read at once.
const PAGE_CHANGES: u32 = 2_000;
/// Documents that are read at once: each is a request of its own.
const READS_AT_ONCE: usize = 32;

/// Reads the change feed of the source and brings what it names into the target.
pub(crate) struct Replay {
    pub(crate) from: Arc<dyn Engine>,
    pub(crate) to: Arc<dyn Engine>,
    /// Only these collections.
    pub(crate) wanted: Selection,
    /// Revisions of the target up to here were there before.
    pub(crate) base: Sequence,
    pub(crate) existing: Existing,
    pub(crate) on_refused: OnRefused,
    /// Everything the source wrote up to here is in the target.
    pub(crate) since: Sequence,
    /// Changes that were looked at.
    pub(crate) changes: u64,
    /// The largest revision that was brought, as far as revisions are numbers of writes.
    pub(crate) revision_max: u64,
    /// Documents that the target could not hold.
    pub(crate) refused: PreflightReport,
    pub(crate) control: Control,
}

/// A page of changes that was brought over.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Round {
    /// There were changes.
    pub(crate) some: bool,
    /// There are more now.
    pub(crate) more: bool,
}

impl Replay {
    /// Brings over the next page of changes.
    pub(crate) async fn round(&mut self) -> Result<Round, OpsError> {
        let request = ChangesRequest {
            since: self.since,
            collection: None,
            limit: PAGE_CHANGES,
            bodies: false,
        };
        let page = self.from.read_changes(&request).await;
        let page = page.map_err(|error| self.feed_failed(error))?;
        let round = Round { some: !page.changes.is_empty(), more: page.more };
        self.changes += page.changes.len() as u64;
        self.bring(page.changes).await?;
        self.since = page.next;
        Ok(round)
    }

    fn feed_failed(&self, error: EngineError) -> OpsError {
        match error.kind {
            ErrorKind::ChangesGone { .. } => OpsError::ChangesGone { since: self.since },
            _ => OpsError::source_failed(error),
        }
    }

    async fn bring(&mut self, changes: Vec<Change>) -> Result<(), OpsError> {
        let mut touched: BTreeMap<CollectionName, Vec<DocumentId>> = BTreeMap::new();
        for Change { collection, id, .. } in changes {
            if !self.wanted.has(&collection) {
                continue;
            }
            match id {
                Some(id) => touched.entry(collection).or_default().push(id),
                None => {
                    // What is there now was written later, and the feed tells it later.
                    touched.remove(&collection);
                    self.clear(&collection).await?;
                }
            }
        }
        for (collection, mut ids) in touched {
            ids.sort_unstable();
            ids.dedup();
            self.bring_documents(&collection, ids).await?;
        }
        Ok(())
    }

    /// Brings documents as they are in the source now.
    pub(crate) async fn bring_documents(
        &mut self,
        collection: &CollectionName,
        ids: Vec<DocumentId>,
    ) -> Result<(), OpsError> {
        let ids = match self.existing {
            Existing::Skip => self.ours(collection, ids).await?,
            _ => ids,
        };
        let found = get_all(&self.from, collection, &ids).await.map_err(OpsError::source_failed)?;
        let (mut documents, mut gone) = (Vec::new(), Vec::new());
        for (id, document) in ids.into_iter().zip(found) {
            let Some(mut document) = document else {
                gone.push(id);
                continue;
            };
            if let Some(refusal) = refusal(&*self.to, collection, &document) {
                self.refused.refuse(refusal, &self.control);
                if self.on_refused == OnRefused::Stop {
                    return self.refused.check();
                }
                gone.push(id);
                continue;
            }
            document.revision = moved(&document.revision, self.base);
            documents.push(document);
        }
        let failed = OpsError::target_failed;
        if !documents.is_empty() {
            self.revision_max = self.revision_max.max(revision_max(&documents));
            // No one else writes: who drops this drops the write.
            let never = CancellationToken::new();
            load(&*self.to, collection, documents, &never).await.map_err(failed)?;
        }
        // The target may have a document of its own under the id of one that came and went.
        let gone = self.ours(collection, gone).await?;
        if !gone.is_empty() {
            unload(&*self.to, collection, &gone).await.map_err(failed)?;
        }
        Ok(())
    }

    /// Without those that the target has of its own.
    async fn ours(
        &self,
        collection: &CollectionName,
        ids: Vec<DocumentId>,
    ) -> Result<Vec<DocumentId>, OpsError> {
        if self.existing == Existing::Refuse || ids.is_empty() {
            return Ok(ids);
        }
        let there = get_all(&self.to, collection, &ids).await.map_err(OpsError::target_failed)?;
        let theirs = |document: &Option<Document>| {
            document.as_ref().is_some_and(|document| was_there(document, self.base))
        };
        let ours = ids.into_iter().zip(there).filter(|(_, there)| !theirs(there));
        Ok(ours.map(|(id, _)| id).collect())
    }

    /// Deletes what the load has written into a collection.
    async fn clear(&self, collection: &CollectionName) -> Result<(), OpsError> {
        let names = std::slice::from_ref(collection);
        clear_after(&self.to, &Selection::These(names.to_vec()), names, self.base).await
    }
}

/// Deletes the documents of some collections that were loaded after a place; those of `loaded` are there though the target may not count them yet.
pub(crate) async fn clear_after(
    to: &Arc<dyn Engine>,
    wanted: &Selection,
    loaded: &[CollectionName],
    base: Sequence,
) -> Result<(), OpsError> {
    let scan = Scan::open(to, Side::Target, wanted).await?.including(loaded);
    let mut scanning = scan.start(&Reached::Start, PART_BYTES);
    while let Some(part) = scanning.next().await? {
        let ours = part.documents.iter().filter(|document| !was_there(document, base));
        let ids: Vec<_> = ours.map(|document| document.id.clone()).collect();
        if !ids.is_empty() {
            unload(&**to, &part.collection, &ids).await.map_err(OpsError::target_failed)?;
        }
    }
    Ok(())
}

/// Documents by their ids, in the order of the ids.
pub(crate) async fn get_all(
    engine: &Arc<dyn Engine>,
    collection: &CollectionName,
    ids: &[DocumentId],
) -> Result<Vec<Option<Document>>, EngineError> {
    // Named ones: with a closure in it the future could not go to another thread.
    let reads: Vec<_> = ids.iter().map(|id| engine.get(collection, id)).collect();
    stream::iter(reads).buffered(READS_AT_ONCE).try_collect().await
}
