//! Reads: one document, listings, counts.

use std::{ops::Bound, sync::Arc};

use futures_util::future::try_join_all;
use isobase_engine::{
    CollectionInfo, Cutoff, EngineError, ErrorKind, IndexDefinition, IndexState, ListRequest,
    Listing,
    listing::{
        CountRun, CountStep, FETCH_BYTES_MAX, Fetch, Fetched, KeyRange, ListRun, Range, ReadyIndex,
        Row, SORT_BYTES_MAX, SORT_DOCUMENTS_MAX, Step, StoredKeys, id_key,
    },
};
use isobase_types::{CollectionName, Document, DocumentId, Filter, Sequence, key};

use crate::{
    DocumentDatabase, DocumentKey, IndexEntry, IndexNumber, KeyFetch, KeyFetched, KeyedDocument,
    NativeDocument,
    catalogue::Catalogue,
    keys::{IDS, key_range, next},
    shared::{Shared, is_gone},
};

/// Documents of a collection looked at together when they must be counted one by one.
const COUNT_DOCUMENTS: u32 = 1_000;

/// The range that a listing or count reads.
pub(crate) struct Reading<'a, B> {
    shared: &'a Shared<B>,
    collection: &'a CollectionName,
    deleting: Option<Sequence>,
    indexes: Vec<IndexEntry>,
    ready: Vec<ReadyIndex>,
    /// Which documents have expired.
    cutoff: Option<Cutoff>,
    /// Keeps dropped indexes true until the reading has ended.
    _generation: Arc<()>,
}

impl NativeDocument {
    /// The document as callers see it.
    pub(crate) fn into_document(self) -> Document {
        let Self { id, revision, created_at, updated_at, body, .. } = self;
        Document { id, revision, created_at, updated_at, body }
    }
}

impl<B: DocumentDatabase> Shared<B> {
    pub(crate) async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        if self.database.refuses_collection(collection).is_some() {
            return Ok(None);
        }
        let keys = [DocumentKey { collection: collection.clone(), id: id.clone() }];
        // In this order: a deletion that ends in between has taken the document away.
        let deleting = self.fresh_catalogue().await?.deleting(collection);
        let found = self.database.read(&keys).await?.into_iter().next().flatten();
        let cutoff = self.cutoff(collection);
        let has_expired = |it: &NativeDocument| cutoff.is_some_and(|at| at.is_past(it.updated_at));
        let found = found.filter(|found| !is_gone(found, deleting) && !has_expired(found));
        Ok(found.map(NativeDocument::into_document))
    }

    /// All collections that have a document.
    pub(crate) async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let catalogue = self.fresh_catalogue().await?;
        let mut found = self.stored_collections().await?;
        for info in &mut found {
            let expired = self.count_expired(&catalogue, &info.name).await?;
            info.documents = info.documents.saturating_sub(expired);
        }
        found.retain(|info| info.documents > 0);
        Ok(found)
    }

    /// All collections for which a document is stored, expired ones too.
    pub(crate) async fn stored_collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let catalogue = self.fresh_catalogue().await?;
        let mut found = self.database.collections().await?;
        for info in &mut found {
            if let Some(to) = catalogue.deleting(&info.name) {
                info.documents = self.count_all(&info.name, Some(to)).await?;
            }
        }
        found.retain(|info| info.documents > 0);
        found.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(found)
    }

    /// How many documents a collection has.
    pub(crate) async fn count_all(
        &self,
        collection: &CollectionName,
        deleting: Option<Sequence>,
    ) -> Result<u64, EngineError> {
        if self.database.refuses_collection(collection).is_some() {
            return Ok(0);
        }
        if deleting.is_none() {
            return self.database.count(collection).await;
        }
        // Some are still there natively that are not there for anybody.
        let (mut lower, mut count) = (Vec::new(), 0);
        loop {
            let part = self.part(IDS, (lower, None), false, COUNT_DOCUMENTS);
            let fetched = self.database.fetch(collection, &part).await?;
            let there =
                fetched.documents.iter().filter(|found| !is_gone(&found.document, deleting));
            count += there.count() as u64;
            let last = fetched.documents.last().map(|found| &found.key);
            match last.max(fetched.passed.as_ref()) {
                Some(last) if !fetched.exhausted => lower = next(last.clone()),
                _ => return Ok(count),
            }
        }
    }

    /// How many documents of a collection have expired and are stored still.
    pub(crate) async fn count_expired(
        &self,
        catalogue: &Catalogue,
        collection: &CollectionName,
    ) -> Result<u64, EngineError> {
        if self.cutoff(collection).is_none() {
            return Ok(0);
        }
        let generation = self.catalogue.begin_reading();
        Reading::new(self, collection, generation, catalogue).count_expired().await
    }

    fn part(
        &self,
        index: IndexNumber,
        (lower, upper): (Vec<u8>, Option<Vec<u8>>),
        reverse: bool,
        limit: u32,
    ) -> KeyFetch {
        KeyFetch { index, lower, upper, reverse, limit, bytes_max: FETCH_BYTES_MAX }
    }
}

impl<'a, B: DocumentDatabase> Reading<'a, B> {
    pub(crate) fn new(
        shared: &'a Shared<B>,
        collection: &'a CollectionName,
        generation: Arc<()>,
        catalogue: &Catalogue,
    ) -> Self {
        let entry = catalogue.entry(collection);
        Self {
            shared,
            collection,
            deleting: catalogue.deleting(collection),
            indexes: entry.map_or_else(Vec::new, |entry| entry.indexes.clone()),
            ready: entry.map_or_else(Vec::new, crate::CatalogueEntry::ready_indexes),
            cutoff: shared.cutoff(collection),
            _generation: generation,
        }
    }

    pub(crate) async fn list(&self, request: &ListRequest) -> Result<Listing, EngineError> {
        let mut run = ListRun::new(request, &self.ready).living(self.cutoff);
        loop {
            match run.step()? {
                Step::Done(listing) => return Ok(listing),
                Step::Fetch(parts) => run.feed(self.fetch_all(&parts).await?),
            }
        }
    }

    pub(crate) async fn count(&self, filter: &Filter, scan_max: u64) -> Result<u64, EngineError> {
        let mut run = CountRun::new(filter, &self.ready, scan_max).living(self.cutoff);
        loop {
            match run.step()? {
                CountStep::Done(count) => return Ok(count),
                CountStep::CountCollection => {
                    let all = self.shared.count_all(self.collection, self.deleting).await?;
                    run.feed_count(all.saturating_sub(self.count_expired().await?));
                }
                CountStep::CountEntries(ranges) => {
                    let counts = ranges.iter().map(|range| self.count_entries(range));
                    run.feed_count(try_join_all(counts).await?.iter().sum());
                }
                CountStep::Fetch(part) => run.feed(&self.fetch(&part).await?),
            }
        }
    }

    async fn count_expired(&self) -> Result<u64, EngineError> {
        let Some(cutoff) = self.cutoff else { return Ok(0) };
        if let Some(range) = self.expired_range(cutoff) {
            return self.count_entries(&range).await;
        }
        // Another process, which has other terms, has dropped the index.
        let (mut expired, mut last) = (0, None);
        loop {
            let part = self.after(last.as_ref(), COUNT_DOCUMENTS, FETCH_BYTES_MAX);
            let (documents, exhausted) = part.await?;
            expired += documents.iter().filter(|it| cutoff.is_past(it.updated_at)).count() as u64;
            match documents.into_iter().next_back() {
                Some(document) if !exhausted => last = Some(document.id),
                _ => return Ok(expired),
            }
        }
    }

    /// Documents that have expired and are stored still, the oldest first; none without an index
    /// by age.
    pub(crate) async fn expired(
        &self,
        cutoff: Cutoff,
        limit: u32,
    ) -> Result<Option<Vec<Document>>, EngineError> {
        let Some(range) = self.expired_range(cutoff) else { return Ok(None) };
        let fetched = self.fetch(&Fetch { range, reverse: false, limit }).await?;
        Ok(Some(fetched.rows.into_iter().map(|row| row.document).collect()))
    }

    /// Where the index by age has them, if there is one.
    fn expired_range(&self, cutoff: Cutoff) -> Option<Range> {
        let is_age =
            |index: &&IndexEntry| index.definition.is_age() && index.state == IndexState::Ready;
        let index = i64::from(self.indexes.iter().find(is_age)?.number);
        let keys = KeyRange { lower: Vec::new(), upper: Some(cutoff.upper_key()) };
        Some(Range::Index { index, keys })
    }

    /// Documents in the order of their ids, after one of them.
    pub(crate) async fn after(
        &self,
        after: Option<&DocumentId>,
        limit: u32,
        bytes_max: usize,
    ) -> Result<(Vec<NativeDocument>, bool), EngineError> {
        let lower = after.cloned().map_or(Bound::Unbounded, Bound::Excluded);
        let range = key_range(&isobase_engine::listing::IdRange { lower, upper: Bound::Unbounded });
        let part = KeyFetch { bytes_max, ..self.shared.part(IDS, range, false, limit) };
        let (found, exhausted) = self.fetch_keys(part, None).await?;
        Ok((found.into_iter().map(|(_, document)| document).collect(), exhausted))
    }

    /// The documents of a list of ids are read together: each may cost a request otherwise.
    async fn fetch_all(&self, parts: &[Fetch]) -> Result<Vec<Fetched>, EngineError> {
        match parts.iter().map(only_id).collect::<Option<Vec<_>>>() {
            Some(ids) => self.fetch_these(&ids).await,
            None => try_join_all(parts.iter().map(|part| self.fetch(part))).await,
        }
    }

    async fn fetch(&self, part: &Fetch) -> Result<Fetched, EngineError> {
        if let Some(id) = only_id(part) {
            let found = self.fetch_these(&[id]).await?.pop();
            return Ok(found.unwrap_or(Fetched { rows: Vec::new(), exhausted: true }));
        }
        let (index, range, definition) = match &part.range {
            Range::Ids(ids) => (IDS, key_range(ids), None),
            Range::Index { index, keys } => {
                let index = self.index(*index)?;
                let range = (keys.lower.clone(), keys.upper.clone());
                (index.number, range, Some(&index.definition))
            }
        };
        let part = self.shared.part(index, range, part.reverse, part.limit);
        let (found, exhausted) = self.fetch_keys(part, definition).await?;
        let rows = found.into_iter().map(|(key, document)| {
            let key = if index == IDS { Vec::new() } else { key };
            Row { key, document: document.into_document() }
        });
        Ok(Fetched { rows: rows.collect(), exhausted })
    }

    /// One answer for each id, in their order.
    async fn fetch_these(&self, ids: &[&DocumentId]) -> Result<Vec<Fetched>, EngineError> {
        let key = |id: &&DocumentId| DocumentKey {
            collection: self.collection.clone(),
            id: (*id).clone(),
        };
        let keys: Vec<DocumentKey> = ids.iter().map(key).collect();
        let found = self.shared.database.read(&keys).await?.into_iter();
        let fetched = found.map(|found| {
            let there = found.filter(|found| !is_gone(found, self.deleting));
            let row = |it: NativeDocument| Row { key: Vec::new(), document: it.into_document() };
            Fetched { rows: there.map(row).into_iter().collect(), exhausted: true }
        });
        Ok(fetched.collect())
    }

    /// At least one document of a range of whole keys unless there is none, and whether there are
    /// no more. Without a definition it is the index of the ids.
    async fn fetch_keys(
        &self,
        mut part: KeyFetch,
        definition: Option<&IndexDefinition>,
    ) -> Result<(Vec<(Vec<u8>, NativeDocument)>, bool), EngineError> {
        let stored = self.shared.stored_keys();
        let (lower, upper) = (part.lower, part.upper);
        (part.lower, part.upper) = stored.range(&lower, upper.as_deref());
        let is_in = |key: &[u8]| {
            key >= lower.as_slice() && upper.as_ref().is_none_or(|upper| key < upper.as_slice())
        };
        loop {
            if part.upper.as_ref().is_some_and(|upper| *upper <= part.lower) {
                return Ok((Vec::new(), true));
            }
            let (fetched, last) = self.fetch_groups(&part, &stored).await?;
            let has_group = fetched.documents.iter().any(|it| stored.group(&it.key).is_some());
            let whole = |KeyedDocument { key, document }: KeyedDocument| {
                let whole = match definition {
                    Some(definition) => definition.key(document.indexed()),
                    None => id_key(&document.id),
                };
                // The content may have changed since the key was written.
                let is_true = match stored.group(&key) {
                    None => whole == key,
                    Some(_) => stored.of(whole.clone()) == key && is_in(&whole),
                };
                is_true.then_some((whole, document))
            };
            let there = fetched.documents.into_iter();
            let there = there.filter(|found| !is_gone(&found.document, self.deleting));
            let mut found: Vec<_> = there.filter_map(whole).collect();
            if has_group {
                found.sort_unstable_by(|(a, _), (b, _)| match part.reverse {
                    false => a.cmp(b),
                    true => b.cmp(a),
                });
            }
            let last = match last {
                Some(last) if !fetched.exhausted => last,
                _ => return Ok((found, true)),
            };
            if !found.is_empty() {
                return Ok((found, false));
            }
            if part.reverse {
                part.upper = Some(last);
            } else {
                part.lower = last;
            }
        }
    }

    /// A part of a range, with whole groups of keys, and where to go on after it.
    async fn fetch_groups(
        &self,
        part: &KeyFetch,
        stored: &StoredKeys,
    ) -> Result<(KeyFetched, Option<Vec<u8>>), EngineError> {
        let mut fetched = self.shared.database.fetch(self.collection, part).await?;
        let mut last = last_key(&fetched, part.reverse);
        if let Some(key) = last.as_ref().filter(|_| !fetched.exhausted)
            && let Some(group) = stored.group(key)
        {
            let group = group.to_vec();
            let rest = self.rest_of_group(part, &group, key).await?;
            fetched.documents.extend(rest);
            last = match part.reverse {
                true => Some(group),
                false => key::successor(group),
            };
            fetched.exhausted = last.is_none();
        } else if !part.reverse {
            last = last.map(next);
        }
        Ok((fetched, last))
    }

    /// What a group of keys in no order has beyond one of them: a part of it cannot be sorted.
    async fn rest_of_group(
        &self,
        part: &KeyFetch,
        group: &[u8],
        last: &[u8],
    ) -> Result<Vec<KeyedDocument>, EngineError> {
        let mut part = part.clone();
        if part.reverse {
            (part.lower, part.upper) = (group.to_vec(), Some(last.to_vec()));
        } else {
            (part.lower, part.upper) = (next(last.to_vec()), key::successor(group.to_vec()));
        }
        let (mut rest, mut bytes) = (Vec::new(), 0);
        loop {
            let fetched = self.shared.database.fetch(self.collection, &part).await?;
            let last = last_key(&fetched, part.reverse).filter(|_| !fetched.exhausted);
            bytes += fetched.documents.iter().map(|it| it.document.body.len()).sum::<usize>();
            rest.extend(fetched.documents);
            let Some(last) = last else { return Ok(rest) };
            if bytes > SORT_BYTES_MAX || rest.len() as u64 > SORT_DOCUMENTS_MAX {
                let message = format!(
                    "too many documents have ids or values in an index that begin with the same \
                     {} bytes: they cannot be put in order",
                    group.len()
                );
                return Err(EngineError::new(ErrorKind::LimitExceeded, message));
            }
            match part.reverse {
                true => part.upper = Some(last),
                false => part.lower = next(last),
            }
        }
    }

    async fn count_entries(&self, range: &Range) -> Result<u64, EngineError> {
        let Range::Index { index, keys } = range else {
            return Err(EngineError::new(
                ErrorKind::Unexpected,
                "only the entries of an index are counted",
            ));
        };
        let number = self.index(*index)?.number;
        if self.deleting.is_some() {
            return self.count_entries_one_by_one(range).await;
        }
        let (lower, upper) = (&keys.lower, keys.upper.as_deref());
        if !self.shared.stored_keys().is_exact(lower, upper) {
            return self.count_entries_one_by_one(range).await;
        }
        if upper.is_some_and(|upper| upper <= lower.as_slice()) {
            return Ok(0);
        }
        self.shared.database.count_keys(self.collection, number, lower, upper).await
    }

    /// While a deletion is being finished, entries of what it deleted are still there; and of
    /// long bounds, stored keys do not tell whether they are in the range.
    async fn count_entries_one_by_one(&self, range: &Range) -> Result<u64, EngineError> {
        let mut part = Fetch { range: range.clone(), reverse: false, limit: COUNT_DOCUMENTS };
        let mut count = 0;
        loop {
            let fetched = self.fetch(&part).await?;
            count += fetched.rows.len() as u64;
            let Some(last) = fetched.rows.last().filter(|_| !fetched.exhausted) else {
                return Ok(count);
            };
            if let Range::Index { keys, .. } = &mut part.range {
                keys.lower = next(last.key.clone());
            }
        }
    }

    fn index(&self, number: i64) -> Result<&IndexEntry, EngineError> {
        let known = self.indexes.iter().find(|index| i64::from(index.number) == number);
        known.ok_or_else(|| EngineError::new(ErrorKind::Unexpected, "no index has this number"))
    }
}

/// The id of a part that holds one document at most.
fn only_id(part: &Fetch) -> Option<&DocumentId> {
    let Range::Ids(ids) = &part.range else { return None };
    match (&ids.lower, &ids.upper) {
        (Bound::Included(first), Bound::Included(last)) if first == last => Some(first),
        _ => None,
    }
}

/// The key up to which a part of an index was read.
fn last_key(fetched: &KeyFetched, reverse: bool) -> Option<Vec<u8>> {
    let last = fetched.documents.last().map(|found| found.key.clone());
    match (last, fetched.passed.clone()) {
        (Some(last), Some(passed)) if reverse => Some(last.min(passed)),
        (last, passed) => last.max(passed),
    }
}
