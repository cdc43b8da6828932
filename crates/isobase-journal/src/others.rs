//! Reading what checks ask for beside the documents that are written.

use isobase_engine::{
    EngineError, listing::FETCH_BYTES_MAX, referrer_keys, referrer_keys_are_whole, refers,
};

use crate::{
    DocumentDatabase, DocumentKey, KeyFetch,
    catalogue::Catalogue,
    keys::next,
    shared::{Shared, is_gone},
    writer::{
        group::Group,
        others::{Reference, WantedOthers, index_of_referrers},
    },
};

/// Documents read at a time, of which some may refer to another id that begins alike.
const ALIKE: u32 = 100;

impl<B: DocumentDatabase> Shared<B> {
    /// Lets a group of so many operations know other documents.
    pub(crate) async fn read_others(
        &self,
        catalogue: &Catalogue,
        wanted: WantedOthers,
        operations: usize,
        group: &mut Group<'_, B>,
    ) -> Result<(), EngineError> {
        let WantedOthers { documents, referrers } = wanted;
        if !documents.is_empty() {
            let keys: Vec<DocumentKey> = documents.into_iter().collect();
            let found = self.database.read(&keys).await?;
            for (key, native) in keys.into_iter().zip(found) {
                group.know_other(key, native);
            }
        }
        for reference in referrers {
            // As many as the group can change, and one more.
            self.read_referrers(catalogue, &reference, operations + 1, group).await?;
            group.set_referrers_known(reference);
        }
        Ok(())
    }

    async fn read_referrers(
        &self,
        catalogue: &Catalogue,
        (collection, field, id): &Reference,
        wanted: usize,
        group: &mut Group<'_, B>,
    ) -> Result<(), EngineError> {
        let Some(index) = index_of_referrers(catalogue, collection, field) else { return Ok(()) };
        let deleting = catalogue.deleting(collection);
        let cutoff = self.cutoff(collection);
        let (mut lower, upper) = referrer_keys(id);
        let mut found = 0;
        while found < wanted {
            let limit = match referrer_keys_are_whole(id) {
                true => u32::try_from(wanted - found).unwrap_or(u32::MAX),
                false => ALIKE,
            };
            let part = KeyFetch {
                index: index.number,
                lower,
                upper: Some(upper.clone()),
                reverse: false,
                limit,
                bytes_max: FETCH_BYTES_MAX,
            };
            let fetched = self.database.fetch(collection, &part).await?;
            let last = fetched.documents.last().map(|found| &found.key);
            let end = last.max(fetched.passed.as_ref()).filter(|_| !fetched.exhausted).cloned();
            let there = fetched.documents.into_iter().map(|found| found.document);
            for native in there.filter(|native| !is_gone(native, deleting)) {
                // The keys of long ids have their beginnings only.
                let has_expired = cutoff.is_some_and(|cutoff| cutoff.is_past(native.updated_at));
                if has_expired || !refers(native.indexed().body, field, id) {
                    continue;
                }
                found += 1;
                let key = DocumentKey { collection: collection.clone(), id: native.id.clone() };
                group.know_other(key, Some(native));
            }
            match end {
                Some(after) => lower = next(after),
                None => return Ok(()),
            }
        }
        Ok(())
    }
}
