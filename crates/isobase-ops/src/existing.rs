//! Documents that were in the target before.

use std::sync::Arc;

use isobase_engine::{Engine, revision_number};
use isobase_types::{CollectionName, Document, Sequence};

use crate::{
    OpsError, Side,
    scan::{Scan, Walk},
};

/// What to do when the target has documents.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Existing {
    /// Nothing is written.
    #[default]
    Refuse,
    /// Documents of the source replace those with the same id; the others stay.
    Overwrite,
    /// Documents that are there stay as they are.
    Skip,
}

impl Existing {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Refuse => "empty",
            Self::Overwrite => "overwrite",
            Self::Skip => "skip",
        }
    }
}

/// Whether a document of the target was there before the load: loaded ones have revisions after
/// the target's last write.
pub(crate) fn was_there(document: &Document, base: Sequence) -> bool {
    base.0 > 0 && revision_number(&document.revision) <= base.0
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
        wanted: &[CollectionName],
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
