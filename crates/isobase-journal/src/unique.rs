//! Who has the values of unique indexes.
//!
//! They are read for a head, and the commit that relies on them is for the same head: of two
//! processes that give two documents one value, one commits, and the other reads again.

use futures_util::future::try_join_all;
use isobase_engine::{Cutoff, Duplicates, EngineError, UniqueKey, listing::FETCH_BYTES_MAX};
use isobase_types::{CollectionName, DocumentId};

use crate::{
    DocumentDatabase, IndexEntry, IndexNumber, KeyFetch,
    catalogue::Catalogue,
    keys::next,
    shared::{Shared, is_gone},
};

/// Values asked for at a time.
const TOGETHER: usize = 16;

/// Documents with one value that are looked at. There are several only where other programs wrote
/// them.
const HOLDERS_MAX: u32 = 16;

/// Documents of an index looked at together.
const SCAN_DOCUMENTS: u32 = 1_000;

/// A value of an index of a collection.
pub(crate) type Wanted = ((CollectionName, IndexNumber), UniqueKey);

impl<B: DocumentDatabase> Shared<B> {
    /// The documents that have each of some values.
    pub(crate) async fn holders(
        &self,
        catalogue: &Catalogue,
        wanted: &[Wanted],
    ) -> Result<Vec<Vec<DocumentId>>, EngineError> {
        let mut all = Vec::with_capacity(wanted.len());
        for part in wanted.chunks(TOGETHER) {
            let holders = part.iter().map(|((collection, number), key)| async move {
                let entry = catalogue.entry(collection);
                let index = entry.and_then(|e| e.indexes.iter().find(|i| i.number == *number));
                match index {
                    Some(index) => self.holders_of(catalogue, collection, index, *key).await,
                    None => Ok(Vec::new()),
                }
            });
            all.extend(try_join_all(holders).await?);
        }
        Ok(all)
    }

    async fn holders_of(
        &self,
        catalogue: &Catalogue,
        collection: &CollectionName,
        index: &IndexEntry,
        key: UniqueKey,
    ) -> Result<Vec<DocumentId>, EngineError> {
        let (mut lower, upper) = key.rows();
        // One that has expired has no values.
        let cutoff = self.cutoff(collection);
        let upper = Some(upper);
        loop {
            let range = (lower, upper.clone());
            let (found, end) = self
                .unique_rows(catalogue, (collection, cutoff), index, range, HOLDERS_MAX)
                .await?;
            match end {
                Some(after) if found.is_empty() => lower = after,
                _ => return Ok(found.into_iter().map(|(_, id)| id).collect()),
            }
        }
    }

    /// The documents that have equal values of a unique index.
    pub(crate) async fn duplicates(
        &self,
        catalogue: &Catalogue,
        collection: &CollectionName,
        index: &IndexEntry,
    ) -> Result<Duplicates, EngineError> {
        let mut duplicates = Duplicates::default();
        let mut lower = Vec::new();
        loop {
            let range = (lower, None);
            let (found, end) = self
                .unique_rows(catalogue, (collection, None), index, range, SCAN_DOCUMENTS)
                .await?;
            for (key, id) in found {
                duplicates.see(key, id);
            }
            match end {
                Some(after) if !duplicates.is_full() => lower = after,
                _ => return Ok(duplicates),
            }
        }
    }

    /// Rows of unique values in a range, and where to go on; none at its end. Rows of documents
    /// that are gone or that another program has given other values are left out.
    async fn unique_rows(
        &self,
        catalogue: &Catalogue,
        (collection, cutoff): (&CollectionName, Option<Cutoff>),
        index: &IndexEntry,
        (lower, upper): (Vec<u8>, Option<Vec<u8>>),
        limit: u32,
    ) -> Result<(Vec<(UniqueKey, DocumentId)>, Option<Vec<u8>>), EngineError> {
        let Some(number) = index.unique_number() else { return Ok((Vec::new(), None)) };
        let (reverse, bytes_max) = (false, FETCH_BYTES_MAX);
        let part = KeyFetch { index: number, lower, upper, reverse, limit, bytes_max };
        let fetched = self.database.fetch(collection, &part).await?;
        let last = fetched.documents.last().map(|found| &found.key);
        let end = last.max(fetched.passed.as_ref()).filter(|_| !fetched.exhausted).cloned();
        let deleting = catalogue.deleting(collection);
        let there =
            fetched.documents.into_iter().filter(|found| !is_gone(&found.document, deleting));
        let has_expired = |at| Cutoff::has_passed(cutoff, at);
        let there = there.filter(|found| !has_expired(found.document.updated_at));
        let rows = there.filter_map(|found| {
            let (body, id) = (&found.document.body, found.document.id);
            let key = UniqueKey::of(&index.definition, body, &id)?;
            (self.stored_keys().of(key.row(&id)) == found.key).then_some((key, id))
        });
        Ok((rows.collect(), end.map(next)))
    }
}
