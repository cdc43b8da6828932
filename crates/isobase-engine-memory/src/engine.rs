//! The engine.

use std::{collections::HashSet, sync::Arc};

use async_trait::async_trait;
use isobase_engine::{
    AllTerms, ChangeFeed, ChangesPage, ChangesRequest, Clock, CollectionInfo, CollectionTerms,
    Cutoff, Engine, EngineError, ErrorKind, Identity, IndexDefinition, IndexInfo, IndexState,
    Indexes, Keep, Limit, Limits, ListRequest, Listing, Loading, Place, SteadyTime, Terms, Waiting,
    WriteBatch, WriteReport, being_loaded,
};
use isobase_types::{Change, CollectionName, Document, DocumentId, Filter, Sequence};
use parking_lot::{Mutex, MutexGuard};

use crate::{
    MemoryOptions,
    state::{Moment, State, infos},
};

/// Documents in the memory of the process; gone with it.
pub struct MemoryEngine {
    state: Mutex<State>,
    time: SteadyTime,
    options: MemoryOptions,
    pub(crate) loading: Loading,
    pub(crate) waiting: Waiting,
    terms: Arc<AllTerms>,
}

const LIMITS: Limits = Limits {
    document_bytes: Limit {
        max: 256 << 20,
        unit: "bytes",
        source: "ours: what every SQL engine holds in one value (2026-11)",
    },
    document_levels: Limit { max: 128, unit: "levels", source: "ours: the JSON parser (2026-11)" },
    batch_operations: Limit { max: 100_000, unit: "operations", source: "ours (2026-11)" },
    atomic_operations: Limit { max: 100_000, unit: "operations", source: "ours (2026-11)" },
};

impl MemoryEngine {
    /// An empty database.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, options: MemoryOptions) -> Self {
        let terms = Arc::<AllTerms>::default();
        Self {
            state: Mutex::new(State::new(Arc::clone(&terms))),
            terms,
            time: SteadyTime::new(clock),
            options,
            loading: Loading::default(),
            waiting: Waiting::default(),
        }
    }

    /// A panic elsewhere cannot leave the state half changed: every change is made by code that
    /// does not panic.
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }

    /// The state to write to: what a load of this process has left unfinished takes no writes.
    fn whole(&self) -> Result<MutexGuard<'_, State>, EngineError> {
        let state = self.state();
        match &state.unfinished {
            Some(note) if !self.loading.is_here() => Err(being_loaded(Some(note))),
            _ => Ok(state),
        }
    }

    fn write_now(&self, batch: WriteBatch, atomic: bool) -> Result<WriteReport, EngineError> {
        let moment = Moment {
            now: self.time.now(),
            oldest_answer: self.time.oldest(self.options.idempotency_retention),
        };
        let mut state = self.whole()?;
        let before = state.sequence;
        let report = state.write(batch, atomic, moment, &LIMITS, &self.options)?;
        self.announce(&state, before);
        Ok(report)
    }

    /// Tells those who wait what was written after a place.
    fn announce(&self, state: &State, before: u64) {
        if state.changes_floor.0 > before {
            // Some of them are gone already.
            return self.waiting.seen(Sequence(state.sequence));
        }
        let new = state.changes.iter().rev();
        let new = new.take_while(|change| change.sequence.0 > before);
        let collections: HashSet<_> = new.map(|change| &change.collection).collect();
        self.waiting.committed(Sequence(before + 1), Sequence(state.sequence), collections);
    }

    /// Which documents of a collection have expired by now.
    fn cutoff(&self, collection: &CollectionName) -> Option<Cutoff> {
        self.terms.cutoff(collection, || self.time.now())
    }

    fn list_now(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        let (cutoff, state) = (self.cutoff(collection), self.state());
        let Some(documents) = state.collections.get(collection) else {
            return Ok(Listing::default());
        };
        let mut matching: Vec<(Place, &Document)> = documents
            .values()
            .map(Arc::as_ref)
            .filter(|document| is_living(document, cutoff))
            .filter(|document| request.filter.meets((*document).into()))
            .map(|document| (Place::of(document, &request.order), document))
            .filter(|(place, _)| request.after.as_ref().is_none_or(|after| place > after))
            .collect();
        matching.sort_by(|(a, _), (b, _)| a.cmp(b));
        let skip = usize::try_from(request.skip).unwrap_or(usize::MAX);
        Ok(page(matching.into_iter().skip(skip), request))
    }

    fn changes_now(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        let state = self.state();
        if request.since < state.changes_floor {
            let oldest = state.changes_floor;
            return Err(EngineError::new(
                ErrorKind::ChangesGone { oldest },
                format!("changes after {} are no longer kept", request.since),
            ));
        }
        let start = state.changes.partition_point(|change| change.sequence <= request.since);
        let mut wanted = state.changes.iter().skip(start).filter(|change| {
            request.collection.as_ref().is_none_or(|name| *name == change.collection)
        });
        let limit = request.limit as usize;
        let shown = |change: &Change| {
            let mut change = change.clone();
            if !request.bodies {
                change.kept = change.kept.without_body();
            }
            change
        };
        let changes: Vec<_> = wanted.by_ref().take(limit).map(shown).collect();
        let more = wanted.next().is_some();
        let end = Sequence(state.sequence).max(request.since);
        let next = match changes.last() {
            Some(last) if more => last.sequence,
            _ => end,
        };
        Ok(ChangesPage { changes, next, more, identity: state.identity })
    }
}

fn is_living(document: &Document, cutoff: Option<Cutoff>) -> bool {
    !Cutoff::has_passed(cutoff, document.updated_at)
}

/// The first documents, within the limits of the request.
fn page<'a>(
    mut rest: impl Iterator<Item = (Place, &'a Document)>,
    request: &ListRequest,
) -> Listing {
    let mut listing = Listing::default();
    let mut bytes = 0;
    let mut last = None;
    while (listing.documents.len() as u64) < u64::from(request.limit)
        && (bytes < request.bytes_max || listing.documents.is_empty())
    {
        let Some((place, document)) = rest.next() else { return listing };
        bytes += document.body.len();
        last = Some(place);
        listing.documents.push(document.clone());
    }
    if rest.next().is_some() {
        listing.next = last;
    }
    listing
}

#[async_trait]
impl Engine for MemoryEngine {
    fn name(&self) -> &'static str {
        "memory"
    }

    fn limits(&self) -> &Limits {
        &LIMITS
    }

    async fn identity(&self) -> Result<Identity, EngineError> {
        Ok(self.state().identity)
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        let (cutoff, state) = (self.cutoff(collection), self.state());
        let found = state.collections.get(collection).and_then(|documents| documents.get(id));
        let found = found.filter(|document| is_living(document, cutoff));
        Ok(found.map(|document| Document::clone(document)))
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.write_now(batch, false)
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.list_now(collection, request)
    }

    async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        _scan_max: u64,
    ) -> Result<u64, EngineError> {
        let (cutoff, state) = (self.cutoff(collection), self.state());
        let documents = state.collections.get(collection).into_iter().flat_map(|map| map.values());
        let documents = documents.filter(|document| is_living(document, cutoff));
        let count = documents.filter(|document| filter.meets((&***document).into())).count();
        Ok(count as u64)
    }

    async fn collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let state = self.state();
        let mut found = infos(&state.collections);
        for info in &mut found {
            if let Some(cutoff) = self.cutoff(&info.name) {
                let documents = state.collections.get(&info.name).into_iter();
                let documents = documents.flat_map(|documents| documents.values());
                let living = documents.filter(|document| is_living(document, Some(cutoff)));
                info.documents = living.count() as u64;
            }
        }
        found.retain(|info| info.documents > 0);
        Ok(found)
    }

    async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, EngineError> {
        let now = self.time.now();
        let mut state = self.whole()?;
        let before = state.sequence;
        let deleted = state.delete_collection(collection, now, &self.options);
        self.announce(&state, before);
        Ok(deleted)
    }

    async fn check(&self) -> Result<(), EngineError> {
        Ok(())
    }

    async fn close(&self) -> Result<(), EngineError> {
        self.waiting.close();
        Ok(())
    }

    async fn write_atomic(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.write_now(batch, true)
    }

    fn gauges(&self) -> Vec<(&'static str, f64)> {
        Vec::new()
    }
}

#[async_trait]
impl ChangeFeed for MemoryEngine {
    async fn read_changes(&self, request: &ChangesRequest) -> Result<ChangesPage, EngineError> {
        self.changes_now(request)
    }

    fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.state().keeping.set(collection, keep);
    }

    async fn latest(&self) -> Result<Sequence, EngineError> {
        Ok(Sequence(self.state().sequence))
    }

    async fn wait(
        &self,
        since: Sequence,
        collection: Option<&CollectionName>,
    ) -> Result<(), EngineError> {
        self.waiting.wait(since, collection).await;
        Ok(())
    }
}

/// Nothing is kept in the order of its age: everything is in memory.
#[async_trait]
impl CollectionTerms for MemoryEngine {
    async fn set_terms(
        &self,
        collection: &CollectionName,
        terms: Terms,
    ) -> Result<(), EngineError> {
        self.time.now();
        self.terms.set(collection, terms);
        Ok(())
    }

    fn expiring(&self) -> Vec<CollectionName> {
        self.terms.expiring()
    }

    async fn expired(
        &self,
        collection: &CollectionName,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        let Some(span) = self.terms.of(collection).expires else { return Ok(Vec::new()) };
        self.time.now();
        let cutoff = Cutoff(self.time.oldest(span));
        let state = self.state();
        let documents = state.collections.get(collection).into_iter().flat_map(|all| all.values());
        let expired = documents.filter(|document| cutoff.is_past(document.updated_at));
        let mut expired: Vec<Document> = expired.map(|it| Document::clone(it)).collect();
        expired.sort_by(|a, b| (a.updated_at, &a.id).cmp(&(b.updated_at, &b.id)));
        expired.truncate(limit as usize);
        Ok(expired)
    }
}

/// Declarations are kept and listed. Listings do not use them: everything is in memory.
#[async_trait]
impl Indexes for MemoryEngine {
    async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, EngineError> {
        let state = self.state();
        let declared = state.indexes.get(collection).into_iter().flatten();
        Ok(declared.map(|index| ready_index(index.definition.clone())).collect())
    }

    async fn indexed_collections(&self) -> Result<Vec<CollectionName>, EngineError> {
        let state = self.state();
        let indexed = state.indexes.iter().filter(|(_, declared)| !declared.is_empty());
        let mut names: Vec<_> = indexed.map(|(name, _)| name.clone()).collect();
        names.sort();
        Ok(names)
    }

    async fn create_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, EngineError> {
        let mut state = self.whole()?;
        let declared = state.declare(collection, definition);
        declared.map(|()| ready_index(definition.clone()))
    }

    async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, EngineError> {
        let mut state = self.whole()?;
        let declared = state.indexes.entry(collection.clone()).or_default();
        let before = declared.len();
        declared.retain(|known| known.definition != *definition);
        Ok(declared.len() < before)
    }
}

fn ready_index(definition: IndexDefinition) -> IndexInfo {
    IndexInfo { definition, state: IndexState::Ready }
}
