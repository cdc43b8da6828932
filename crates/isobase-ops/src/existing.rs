//! Documents that were in the target before.

use std::{collections::BTreeSet, sync::Arc};

use isobase_engine::{Counters, Engine, revision_number};
use isobase_types::{CollectionName, Document, Sequence};

use crate::{
    Control, OpsError, Side,
    note::Reached,
    scan::{PART_BYTES, Scan, Walk},
    selection::Selection,
};

/// The way to treat a target that has documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Existing {
    /// Nothing is written.
    #[default]
    Refuse,
    /// Documents of the source replace those with the same id; the others stay.
    Overwrite,
    /// Documents that are there stay as they are.
    Skip,
    /// As [`Existing::Overwrite`], and documents of the target that the source does not have are
    /// deleted. Only of a copy.
    Mirror,
}

impl Existing {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "empty",
            Self::Overwrite => "overwrite",
            Self::Skip => "skip",
            Self::Mirror => "mirror",
        }
    }
}

/// Whether a document of the target was there before the load: loaded ones have revisions after
/// the target's last write.
pub(crate) fn was_there(document: &Document, base: Sequence) -> bool {
    base.0 > 0 && revision_number(&document.revision) <= base.0
}

/// Refuses a target that has documents when no one said what becomes of them; gives its counters.
pub(crate) async fn check_empty(
    to: &Arc<dyn Engine>,
    existing: Existing,
) -> Result<Counters, OpsError> {
    let target = Scan::open(to, Side::Target, &Selection::Everything).await?;
    let documents = target.documents();
    if documents > 0 && existing == Existing::Refuse {
        let collections = target.collections.len();
        return Err(OpsError::NotEmpty { documents, collections });
    }
    Ok(target.counters)
}

/// The same of a target with an unfinished load that is to be forgotten: what counts is what was
/// there before it.
pub(crate) async fn check_empty_before(
    to: &Arc<dyn Engine>,
    existing: Existing,
    base: Sequence,
    loaded: &[CollectionName],
) -> Result<(), OpsError> {
    if existing != Existing::Refuse || base.0 == 0 {
        return Ok(());
    }
    let target = Scan::open(to, Side::Target, &Selection::Everything).await?.including(loaded);
    let (mut documents, mut collections) = (0, BTreeSet::new());
    let mut scanning = target.start(&Reached::Start, PART_BYTES);
    while let Some(part) = scanning.next().await? {
        let theirs = part.documents.iter().filter(|document| was_there(document, base)).count();
        if theirs > 0 {
            documents += theirs as u64;
            collections.insert(part.collection);
        }
    }
    match documents {
        0 => Ok(()),
        _ => Err(OpsError::NotEmpty { documents, collections: collections.len() }),
    }
}

/// The counters of the target before a load. Whatever it has then has a revision up to its last
/// write, and what is loaded has later ones.
pub(crate) async fn base_of(
    to: &Arc<dyn Engine>,
    existing: Existing,
    control: &Control,
) -> Result<Counters, OpsError> {
    if existing == Existing::Refuse {
        return check_empty(to, existing).await;
    }
    // What other programs wrote has no number until it is taken in, and a later one then.
    if let Some(reconcile) = to.reconcile() {
        for info in to.collections().await.map_err(OpsError::target_failed)? {
            tokio::select! {
                done = reconcile.reconcile(&info.name) => done.map_err(OpsError::target_failed)?,
                () = control.stopped() => return Err(OpsError::Stopped { documents: 0 }),
            };
        }
    }
    let target = Scan::open(to, Side::Target, &Selection::Everything).await?;
    let base = target.counters;
    let mut scanning = target.start(&Reached::Start, PART_BYTES);
    while let Some(part) = scanning.next().await? {
        let mut documents = part.documents.into_iter();
        if let Some(document) = documents.find(|document| !was_there(document, base.sequence)) {
            return Err(OpsError::UnknownRevision {
                collection: part.collection,
                id: document.id,
                revision: document.revision,
                base: base.sequence,
            });
        }
        if control.is_stopped() {
            return Err(OpsError::Stopped { documents: 0 });
        }
    }
    Ok(base)
}

/// Walks along the target and leaves out what it had before.
pub(crate) struct Skipping {
    walk: Walk,
    base: Sequence,
    /// Documents left out.
    pub(crate) skipped: u64,
}

impl Skipping {
    pub(crate) async fn open(
        to: &Arc<dyn Engine>,
        wanted: &Selection,
        base: Sequence,
        bytes_max: usize,
    ) -> Result<Self, OpsError> {
        let scan = Scan::open(to, Side::Target, wanted).await?;
        Ok(Self { walk: Walk::start(scan, bytes_max).await?, base, skipped: 0 })
    }

    /// Leaves out what the target had. Must be asked in the order of names and ids.
    pub(crate) async fn retain(
        &mut self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<Vec<Document>, OpsError> {
        let mut kept = Vec::with_capacity(documents.len());
        for document in documents {
            let place = (collection, &document.id);
            while self.walk.place().is_some_and(|theirs| theirs < place) {
                self.walk.take().await?;
            }
            let same = self.walk.place() == Some(place);
            let theirs = if same { self.walk.take().await? } else { None };
            if theirs.is_some_and(|theirs| was_there(&theirs, self.base)) {
                self.skipped += 1;
            } else {
                kept.push(document);
            }
        }
        Ok(kept)
    }
}
