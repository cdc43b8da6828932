//! Both sides, read again and compared document by document.

use std::{cmp::Ordering, collections::BTreeMap, sync::Arc};

use isobase_engine::Engine;
use isobase_types::{CollectionName, Document, DocumentId, Sequence};

use crate::{
    CollectionDigest, Control, Difference, DifferenceKind, OpsError, Progress, Stage,
    existing::was_there,
    loader::moved,
    preflight::refusal,
    replay::get_all,
    scan::{Scan, Walk},
};

/// Most differences that are named one by one; the others are counted. Ours.
pub const DIFFERENCES_MAX: usize = 20;

/// Most differing documents that are looked at again when the source was written meanwhile.
const AGAIN_MAX: usize = 100_000;

impl DifferenceKind {
    /// In words: `the body differs`.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Missing => "it is missing in the target",
            Self::Extra => "the source does not have it",
            Self::Body => "the body differs",
            Self::Times => "the times differ",
            Self::Revision => "the revision differs",
        }
    }
}

/// Which documents of the target are compared.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Documents of the target up to this revision were there before.
    pub(crate) base: Sequence,
    /// Such a document may stand for one of the source.
    pub(crate) skip_existing: bool,
    /// Documents that the target cannot hold were left out.
    pub(crate) leave_out: bool,
    /// Documents that only the target has are deleted.
    pub(crate) mirror: bool,
}

/// Documents that are deleted together.
const DELETED_TOGETHER: usize = 1_000;

impl Rules {
    /// What of both sides must be the same: nothing on one that was left out, and nothing on
    /// either of what the target has of its own.
    fn pair(
        self,
        collection: &CollectionName,
        source: Option<Document>,
        target: Option<Document>,
        to: &Arc<dyn Engine>,
    ) -> (Option<Document>, Option<Document>) {
        let left_out =
            |document: &Document| self.leave_out && refusal(&**to, collection, document).is_some();
        let source = source.filter(|document| !left_out(document));
        let theirs = target.as_ref().is_some_and(|target| was_there(target, self.base));
        match theirs && (source.is_none() || self.skip_existing) {
            true => (None, None),
            false => (source, target),
        }
    }
}

/// The result of a comparison.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// The equal documents of both sides, by collection.
    pub(crate) equal: BTreeMap<CollectionName, CollectionDigest>,
    /// Documents that differ.
    differing: BTreeMap<(CollectionName, DocumentId), DifferenceKind>,
    /// Those that differ beyond what is kept one by one.
    uncounted: u64,
    /// Documents that only the target has and that go; emptied now and then.
    others: BTreeMap<CollectionName, Vec<DocumentId>>,
    /// How many have gone.
    pub(crate) deleted: u64,
    documents: u64,
    bytes: u64,
}

/// Compares two snapshots.
pub(crate) async fn compare(
    source: Scan,
    target: Scan,
    to: &Arc<dyn Engine>,
    rules: Rules,
    bytes_max: usize,
    control: &Control,
) -> Result<Comparison, OpsError> {
    let total = source.documents();
    let mut comparison = Comparison::default();
    let mut source = Walk::start(source, bytes_max).await?;
    let mut target = Walk::start(target, bytes_max).await?;
    loop {
        let (first, order) = match (source.place(), target.place()) {
            (None, None) => break,
            (Some(place), None) => (place, Ordering::Less),
            (None, Some(place)) => (place, Ordering::Greater),
            (Some(a), Some(b)) => (if a <= b { a } else { b }, a.cmp(&b)),
        };
        let collection = first.0.clone();
        let ours = if order.is_le() { source.take().await? } else { None };
        let theirs = if order.is_ge() { target.take().await? } else { None };
        comparison.pair(&collection, ours, theirs, to, rules);
        if comparison.others.values().map(Vec::len).sum::<usize>() >= DELETED_TOGETHER {
            comparison.delete_others(to).await?;
        }
        control.progress(|| Progress {
            stage: Stage::Verify,
            collection: Some(collection.clone()),
            documents: comparison.documents,
            documents_total: Some(total),
            bytes: comparison.bytes,
        });
        control.rest().await;
        if control.is_stopped() {
            return Err(OpsError::Stopped { documents: comparison.documents });
        }
    }
    source.end().await?;
    target.end().await?;
    comparison.delete_others(to).await?;
    Ok(comparison)
}

impl Comparison {
    /// Deletes what was found that only the target has.
    async fn delete_others(&mut self, to: &Arc<dyn Engine>) -> Result<(), OpsError> {
        for (collection, ids) in std::mem::take(&mut self.others) {
            to.unload(&collection, &ids).await.map_err(OpsError::target_failed)?;
            self.deleted += ids.len() as u64;
        }
        Ok(())
    }

    /// Compares what both sides have under one id.
    fn pair(
        &mut self,
        collection: &CollectionName,
        source: Option<Document>,
        target: Option<Document>,
        to: &Arc<dyn Engine>,
        rules: Rules,
    ) {
        if let (true, None, Some(other)) = (rules.mirror, &source, &target)
            && was_there(other, rules.base)
        {
            self.others.entry(collection.clone()).or_default().push(other.id.clone());
        }
        let (source, target) = rules.pair(collection, source, target, to);
        let Some(id) = source.as_ref().or(target.as_ref()).map(|document| document.id.clone())
        else {
            return;
        };
        self.documents += 1;
        self.bytes += source.as_ref().map_or(0, |document| document.body.len() as u64);
        let kind = difference(source.as_ref(), target.as_ref(), rules.base);
        match kind {
            Some(_) if self.differing.len() >= AGAIN_MAX => self.uncounted += 1,
            Some(kind) => {
                self.differing.insert((collection.clone(), id), kind);
            }
            None => {
                if let Some(document) = &source {
                    self.count(collection, document);
                }
            }
        }
    }

    fn count(&mut self, collection: &CollectionName, document: &Document) {
        // Most documents are of a collection that is known: no name is cloned for them.
        if let Some(digest) = self.equal.get_mut(collection) {
            digest.add(document);
        } else {
            self.equal.entry(collection.clone()).or_default().add(document);
        }
    }

    /// Whether both sides are equal.
    pub(crate) fn is_equal(&self) -> bool {
        self.differing.is_empty() && self.uncounted == 0
    }

    /// Whether every difference is known, so that it can be looked at again.
    pub(crate) fn is_complete(&self) -> bool {
        self.uncounted == 0
    }

    /// Documents that differ, by collection.
    pub(crate) fn differing(&self) -> BTreeMap<CollectionName, Vec<DocumentId>> {
        let mut ids: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (collection, id) in self.differing.keys() {
            ids.entry(collection.clone()).or_default().push(id.clone());
        }
        ids
    }

    /// Looks again at what differs: what is equal now is counted in, and differs no longer.
    pub(crate) async fn look_again(
        &mut self,
        from: &Arc<dyn Engine>,
        to: &Arc<dyn Engine>,
        rules: Rules,
    ) -> Result<(), OpsError> {
        for (collection, ids) in self.differing() {
            let source = get_all(from, &collection, &ids).await.map_err(OpsError::source_failed)?;
            let target = get_all(to, &collection, &ids).await.map_err(OpsError::target_failed)?;
            for ((id, source), target) in ids.into_iter().zip(source).zip(target) {
                let (source, target) = rules.pair(&collection, source, target, to);
                let key = (collection.clone(), id);
                match difference(source.as_ref(), target.as_ref(), rules.base) {
                    Some(kind) => {
                        self.differing.insert(key, kind);
                    }
                    None => {
                        self.differing.remove(&key);
                        if let Some(document) = &source {
                            self.count(&collection, document);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// An error when both sides are not equal.
    pub(crate) fn check(&self) -> Result<(), OpsError> {
        if self.is_equal() {
            return Ok(());
        }
        let named = self.differing.iter().take(DIFFERENCES_MAX);
        let differences = named.map(|((collection, id), kind)| Difference {
            collection: collection.to_string(),
            id: id.to_string(),
            kind: *kind,
        });
        let count = self.differing.len() as u64 + self.uncounted;
        Err(OpsError::Differs { differences: differences.collect(), count })
    }
}

fn difference(
    source: Option<&Document>,
    target: Option<&Document>,
    base: Sequence,
) -> Option<DifferenceKind> {
    let (source, target) = match (source, target) {
        (Some(source), Some(target)) => (source, target),
        (Some(_), None) => return Some(DifferenceKind::Missing),
        (None, Some(_)) => return Some(DifferenceKind::Extra),
        (None, None) => return None,
    };
    if source.body != target.body {
        return Some(DifferenceKind::Body);
    }
    if (source.created_at, source.updated_at) != (target.created_at, target.updated_at) {
        return Some(DifferenceKind::Times);
    }
    // A revision that is not a number stands for what another program wrote; engines that number
    // their writes give such a document a number.
    let numbered = source.revision.number().is_some();
    let kept = !numbered || moved(&source.revision, base) == target.revision;
    if kept { None } else { Some(DifferenceKind::Revision) }
}
