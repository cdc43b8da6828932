//! State that the writer and the readers share.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use isobase_engine::{
    AllTerms, Clock, Cutoff, EngineError, Identity, Indexed, Keeping, Loading, Rejection,
    SteadyTime, Waiting, listing::StoredKeys,
};
use isobase_types::{CollectionName, DocumentId, Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    After, CatalogueEntry, DocumentDatabase, DocumentKey, Head, JournalOptions, Meta,
    NativeDocument,
    catalogue::{Catalogue, CatalogueCache},
    error::closed,
    is_purged,
    keys::keys_of,
};

/// One open database.
pub(crate) struct Shared<B> {
    pub(crate) database: B,
    pub(crate) options: JournalOptions,
    pub(crate) time: SteadyTime,
    /// The signature of commits of this process ([`Head::author`]).
    pub(crate) author: u64,
    pub(crate) catalogue: CatalogueCache,
    pub(crate) status: Status,
    /// One reader at a time asks whether the catalogue is still true.
    refreshing: tokio::sync::Mutex<()>,
    /// Nothing may be written, and there may be no journal.
    only_reads: bool,
    closed: AtomicBool,
    pub(crate) loading: Loading,
    /// Those who wait for changes.
    pub(crate) waiting: Waiting,
    /// The parts that changes keep of their documents.
    pub(crate) keeping: Keeping,
    /// On which terms collections keep their documents.
    pub(crate) terms: AllTerms,
}

/// Counters. Written by the writer, read for metrics.
#[derive(Debug, Default)]
pub(crate) struct Status {
    pub(crate) commits: AtomicU64,
    pub(crate) documents: AtomicU64,
    pub(crate) heads_moved: AtomicU64,
    pub(crate) documents_changed: AtomicU64,
    pub(crate) outcomes_unknown: AtomicU64,
    pub(crate) groups_failed: AtomicU64,
    /// The place up to which changes are too old; looked for now and then.
    pub(crate) expired: AtomicU64,
    /// [`Head::floor`] after the last commit.
    pub(crate) floor: AtomicU64,
}

impl Status {
    pub(crate) fn count(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

impl<B: DocumentDatabase> Shared<B> {
    pub(crate) fn new(
        database: B,
        options: JournalOptions,
        clock: Arc<dyn Clock>,
        catalogue: Catalogue,
    ) -> Self {
        Self {
            database,
            options,
            time: SteadyTime::new(clock),
            author: rand::random(),
            catalogue: CatalogueCache::new(catalogue),
            status: Status::default(),
            refreshing: tokio::sync::Mutex::default(),
            only_reads: false,
            closed: AtomicBool::new(false),
            loading: Loading::default(),
            waiting: Waiting::default(),
            keeping: Keeping::default(),
            terms: AllTerms::default(),
        }
    }

    /// The same to be read and not written to.
    pub(crate) fn reading_only(self) -> Self {
        Self { only_reads: true, ..self }
    }

    /// The head as it is now.
    pub(crate) async fn head(&self) -> Result<Head, EngineError> {
        match self.only_reads {
            true => Ok(self.database.peek().await?.unwrap_or_default()),
            false => self.database.head().await,
        }
    }

    /// Which documents of a collection have expired by now.
    pub(crate) fn cutoff(&self, collection: &CollectionName) -> Option<Cutoff> {
        self.terms.cutoff(collection, || self.time.now())
    }

    /// How the database stores keys of indexes.
    pub(crate) fn stored_keys(&self) -> StoredKeys {
        self.database.rules().stored_keys()
    }

    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + self.options.deadline
    }

    pub(crate) fn check_open(&self) -> Result<(), EngineError> {
        if self.closed.load(Ordering::Acquire) { Err(closed()) } else { Ok(()) }
    }

    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    /// The identity of the database: what its head says, or what stands for it until the first
    /// commit of this program writes it there. To open a database writes nothing.
    pub(crate) fn identity(&self, of_head: Option<Identity>) -> Identity {
        let database = &self.database;
        of_head.unwrap_or_else(|| Identity::derived(&[database.name(), &database.location()]))
    }

    /// The moment before which something is older than a retention; the databases hold no
    /// times before 1970.
    pub(crate) fn ago(&self, retention: Duration) -> Timestamp {
        Timestamp { unix_us: self.time.oldest(retention).unix_us.max(0) }
    }

    /// The catalogue, at most a moment old.
    pub(crate) async fn fresh_catalogue(&self) -> Result<Arc<Catalogue>, EngineError> {
        if let Some(fresh) = self.catalogue.fresh() {
            return Ok(fresh);
        }
        let _one = self.refreshing.lock().await;
        match self.catalogue.fresh() {
            Some(fresh) => Ok(fresh),
            None => self.read_catalogue().await,
        }
    }

    /// The catalogue as it is now.
    pub(crate) async fn read_catalogue(&self) -> Result<Arc<Catalogue>, EngineError> {
        let asked = Instant::now();
        let head = self.head().await?;
        self.catalogue_of(&head, asked).await
    }

    /// The catalogue that belongs to a head, or a newer one. `asked` is when the head was.
    pub(crate) async fn catalogue_of(
        &self,
        head: &Head,
        asked: Instant,
    ) -> Result<Arc<Catalogue>, EngineError> {
        let known = self.catalogue.get();
        if known.number == head.catalogue {
            self.catalogue.confirm(head.catalogue, asked);
            return Ok(known);
        }
        let entries = self.database.catalogue().await?;
        let catalogue = Arc::new(Catalogue::new(head, entries));
        self.catalogue.store(Arc::clone(&catalogue), asked);
        Ok(catalogue)
    }

    /// Refuses what the database cannot hold. `indexes` are those of the collection.
    pub(crate) fn check_holdable(&self, key: &DocumentKey, after: &After) -> Result<(), Rejection> {
        let whole = |reason| Rejection::Unholdable { path: String::new(), reason };
        if let Some(reason) = self.database.refuses_collection(&key.collection) {
            return Err(whole(reason));
        }
        self.database.refuses_size(key, after).map_or(Ok(()), |reason| Err(whole(reason)))
    }

    /// What [`isobase_engine::Engine::check_document`] asks.
    pub(crate) fn check_document(
        &self,
        collection: &CollectionName,
        id: Option<&DocumentId>,
        body: &str,
    ) -> Result<(), Rejection> {
        self.database.limits().check_body(body)?;
        // The longest of the ids that are assigned.
        let id = id.cloned().unwrap_or(DocumentId::Integer(i64::MAX));
        let now = self.time.now();
        let (fields, meta) =
            Meta::of_body(body, self.database.rules(), Sequence(u64::MAX), now, now);
        let catalogue = self.catalogue.get();
        let indexes = catalogue.entry(collection).map_or(&[][..], |entry| &entry.indexes);
        let document = Indexed { body, id: &id, created_at: now, updated_at: now };
        let keys = keys_of(document, indexes, self.stored_keys());
        let meta = meta.bound_to(&id);
        let key = DocumentKey { collection: collection.clone(), id };
        self.check_holdable(&key, &After { fields, meta, keys })
    }
}

/// Whether a document is one that a deletion of its collection has deleted.
pub(crate) fn is_gone(document: &NativeDocument, deleting: Option<Sequence>) -> bool {
    let stamp = document.meta.as_ref().map(|meta| meta.revision);
    deleting.is_some_and(|to| is_purged(stamp, to))
}

impl CatalogueEntry {
    /// Whether what other programs wrote must be taken in before a listing.
    pub(crate) fn needs_adoption(&self) -> bool {
        !self.adopted && self.deleting.is_none()
    }
}
