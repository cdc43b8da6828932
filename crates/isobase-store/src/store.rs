//! The store.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use isobase_engine::{
    Action, ChangesRequest, CollectionInfo, Engine, EngineError, ErrorKind, FeedPlace,
    IndexDefinition, IndexInfo, Keep, Limits, ListRequest, OthersSeen, Place, Precondition,
    Rejection, Terms, WriteBatch, WriteCheck, WriteOperation, WriteOutcome, WriteReport,
};
use isobase_types::{
    CollectionName, Comparison, Count, Direction, Document, DocumentId, FieldPath, Filter,
    Operator, Order, OrderField, PageRequest, Query, Sequence, json,
};
use parking_lot::Mutex;
use tracing::{Instrument, Span, debug_span};

use crate::{
    DocumentPage, FeedPage, FeedRequest, ForeignPlace, PagePosition, Schema, SchemaInfo, Since,
    StoreError, StoreOptions, Totals, cascade, cursor,
    schema::{
        FieldsCheck, Leaving, OnDelete, Reference, ReferenceCheck, Referring, Registry,
        SchemaCheck, leaving, references_of,
    },
    told::Told,
};

/// Documents asked for at a time when a listing has no page.
const STREAM_PAGE_DOCUMENTS: u32 = 1_000;
/// Bytes asked for at a time when a listing has no page: bounds the memory of an export.
const STREAM_PAGE_BYTES: usize = 1 << 20;

/// The same for a sorted listing: without an index each part examines the whole collection, so
/// parts are larger.
const STREAM_SORTED_DOCUMENTS: u32 = 20_000;
const STREAM_SORTED_BYTES: usize = 8 << 20;

/// A database of documents. Cheap to clone; every clone is the same database.
#[derive(Clone)]
pub struct Store {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) options: StoreOptions,
    pub(crate) schemas: Arc<Registry>,
    /// Fields whose index is there: those that refer to other collections. Written by whoever has
    /// made or found one. Forgotten where a deletion is refused: somebody may have dropped one.
    indexed: Arc<Mutex<HashSet<(CollectionName, FieldPath)>>>,
    /// Whether this handle reaches system collections.
    system: bool,
    /// Who asks, as documents remember it.
    user: Option<Arc<DocumentId>>,
    /// Whether this handle shows documents as they are stored.
    whole: bool,
    /// Whose files documents may name; none for anybody's.
    pub(crate) files_of: Option<Arc<str>>,
    /// What references may show of the documents of system collections.
    faces: Arc<HashMap<CollectionName, Face>>,
}

/// The fields that are shown of a document, and what they are called.
pub(crate) type Face = Vec<(FieldPath, &'static str)>;

/// What the names of system collections begin with: what a service keeps about itself (keys,
/// accounts, licences, …) as documents of the same database.
pub const SYSTEM_PREFIX: &str = "isobase_";

/// How often a deletion is tried when documents that refer to what it deletes come and go.
const CASCADE_ATTEMPTS: u32 = 5;

/// What happens to a batch when one of its operations is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Atomicity {
    /// The others are carried out.
    EachAlone,
    /// None is carried out.
    AllOrNothing,
}

impl Store {
    /// A store over an engine.
    #[must_use]
    pub fn new(engine: Arc<dyn Engine>, options: StoreOptions) -> Self {
        let schemas = Arc::new(Registry::new(HashMap::new()));
        Self {
            engine,
            options,
            schemas,
            indexed: Arc::default(),
            system: false,
            user: None,
            whole: false,
            files_of: None,
            faces: Arc::default(),
        }
    }

    /// The same store with system collections, those whose names begin with [`SYSTEM_PREFIX`]:
    /// this handle reads, writes, lists and follows them as others. For the features that keep
    /// something there; what a caller names must never reach it unchecked.
    #[must_use]
    pub fn system(&self) -> Self {
        Self { system: true, ..self.clone() }
    }

    /// The same store, whose listings and counts examine at most so many documents at a time. A page may
    /// be shorter then, or empty, and still have a next one.
    #[must_use]
    pub fn scanning(&self, scan_max: u64) -> Self {
        let options = StoreOptions { scan_max, ..self.options };
        Self { options, ..self.clone() }
    }

    /// The same store, in which references to documents of a system collection can be expanded: of
    /// each these fields are shown, under other names, and its id.
    ///
    /// # Panics
    /// When a name is none: they are written in programs.
    #[must_use]
    pub fn showing(&self, collection: &str, fields: &[(&str, &'static str)]) -> Self {
        let collection = CollectionName::new(collection).expect("the name of a collection");
        let path = |name: &str| FieldPath::parse(name).expect("the path of a field");
        let face = fields.iter().map(|(name, shown)| (path(name), *shown)).collect();
        let mut faces = HashMap::clone(&self.faces);
        faces.insert(collection, face);
        Self { faces: Arc::new(faces), ..self.clone() }
    }

    /// What references may show of a system collection.
    pub(crate) fn face(&self, collection: &CollectionName) -> Option<&Face> {
        self.faces.get(collection)
    }

    /// The same store with what schemas never show, for whoever hides it later.
    pub(crate) fn whole(&self) -> Self {
        Self { whole: true, ..self.clone() }
    }

    /// Whether documents leave this handle as they are stored.
    pub(crate) fn is_whole(&self) -> bool {
        self.whole
    }

    /// The same store for a user: what `x-default: "user"` leaves in documents that this handle
    /// creates. None for who has no id.
    #[must_use]
    pub fn asked_by(&self, user: Option<DocumentId>) -> Self {
        Self { user: user.map(Arc::new), ..self.clone() }
    }

    /// The same store for somebody whose documents may name only files whose `owner` this is.
    pub(crate) fn with_files_of(self, owner: &str) -> Self {
        Self { files_of: Some(owner.into()), ..self }
    }

    /// The same store with schemas of the configuration: they come before stored ones and cannot
    /// be changed through the store.
    #[must_use]
    pub fn with_schemas(mut self, declared: HashMap<CollectionName, Schema>) -> Self {
        self.schemas = Arc::new(Registry::new(declared));
        self
    }

    /// The engine below, for what works on a whole database.
    #[must_use]
    pub fn engine(&self) -> &Arc<dyn Engine> {
        &self.engine
    }

    /// The kind of engine in one word, for logs and metrics only.
    #[must_use]
    pub fn engine_name(&self) -> &'static str {
        self.engine.name()
    }

    /// What the engine can hold.
    #[must_use]
    pub fn limits(&self) -> &Limits {
        self.engine.limits()
    }

    /// The bounds on requests.
    #[must_use]
    pub fn options(&self) -> &StoreOptions {
        &self.options
    }

    /// Counters of the engine, for metrics.
    #[must_use]
    pub fn gauges(&self) -> Vec<(&'static str, f64)> {
        self.engine.gauges()
    }

    /// The document with this id, if there is one, without what its schema never shows.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, StoreError> {
        let Some(mut document) = self.stored(collection, id).await? else { return Ok(None) };
        self.hide(collection, std::slice::from_mut(&mut document)).await?;
        Ok(Some(document))
    }

    /// The document with this id as it is stored.
    pub(crate) async fn stored(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, StoreError> {
        self.refuse_reserved(collection)?;
        Ok(self.engine.get(collection, id).instrument(self.span("get")).await?)
    }

    /// Carries out a batch; see [`Engine::write`]. After the checks that the batch brings, bodies
    /// are checked with the schemas of their collections.
    ///
    /// # Errors
    /// When the batch is too large, or the engine fails.
    pub async fn write(
        &self,
        mut batch: WriteBatch,
        atomicity: Atomicity,
    ) -> Result<WriteReport, StoreError> {
        let (operations, max) = (batch.operations.len(), self.options.batch_operations_max);
        if operations > max {
            return Err(StoreError::BatchTooLarge { operations, max });
        }
        let in_one_piece = atomicity == Atomicity::AllOrNothing || batch.idempotency.is_some();
        let max = usize::try_from(self.engine.limits().atomic_operations.max).unwrap_or(usize::MAX);
        if in_one_piece && operations > max {
            return Err(StoreError::PieceTooLarge { operations, max });
        }
        for operation in &batch.operations {
            self.refuse_reserved(&operation.collection)?;
        }
        let engine = &*self.engine;
        let schemas = self.schemas.of_operations(engine, &batch.operations).await?;
        let told = Told::of(&batch, &schemas);
        let fields = FieldsCheck::prepare(&mut batch, &schemas, self.user.as_deref())?;
        let told = told.map(|told| told.prepared(&batch));
        let collections: Vec<_> = batch.operations.iter().map(|it| it.collection.clone()).collect();
        let naming = match self.claim_files(&batch, &schemas).await? {
            Some((check, naming)) => {
                batch.checks.push(Arc::new(check));
                Some(naming)
            }
            None => None,
        };
        let mut report = self.write_prepared(batch, atomicity, schemas, fields).await?;
        if let Some(naming) = naming {
            self.tell_files(naming, &collections, &report).await;
        }
        self.tell(told, &mut report).await;
        Ok(report)
    }

    /// Says of each document whether a create would refuse it for what it is: because of the schema of
    /// its collection, or because the engine cannot hold it. Gives it as it would be stored. Others are
    /// not looked at: unique values and references are decided by the write.
    ///
    /// # Errors
    /// When the collection is reserved, its schema cannot be used, or the engine fails.
    pub async fn check_new(
        &self,
        collection: &CollectionName,
        bodies: Vec<String>,
    ) -> Result<Vec<Result<String, Rejection>>, StoreError> {
        self.refuse_reserved(collection)?;
        let operations = bodies.into_iter().map(|body| WriteOperation {
            collection: collection.clone(),
            action: Action::Create { body },
            precondition: Precondition::None,
        });
        let mut batch = WriteBatch { operations: operations.collect(), ..WriteBatch::default() };
        let schemas = self.schemas.of_operations(&*self.engine, &batch.operations).await?;
        FieldsCheck::prepare(&mut batch, &schemas, self.user.as_deref())?;
        let check = |body: String| {
            self.engine.check_document(collection, None, &body)?;
            if let Some((_, schema)) = schemas.first() {
                let checked = schema.check(&json::without_own_id(&body));
                checked.map_err(|violations| Rejection::SchemaViolation { violations })?;
            }
            Ok(body)
        };
        let bodies = batch.operations.into_iter().filter_map(|operation| match operation.action {
            Action::Create { body } => Some(body),
            _ => None,
        });
        Ok(bodies.map(check).collect())
    }

    /// Carries out a batch within the bounds.
    async fn write_prepared(
        &self,
        mut batch: WriteBatch,
        atomicity: Atomicity,
        schemas: Vec<(CollectionName, Schema)>,
        fields: Option<FieldsCheck>,
    ) -> Result<WriteReport, StoreError> {
        let engine = &*self.engine;
        let deleted_from = deleted_from(&batch.operations);
        let deleted = self.schemas.references_to(engine, &deleted_from).await?;
        self.index_references(&deleted).await?;
        if deleted.iter().any(|it| it.reference.on_delete != OnDelete::Refuse)
            && (batch.operations.len() == 1 || atomicity == Atomicity::AllOrNothing)
        {
            return self.write_cascading(batch, fields.as_ref()).await;
        }
        let written = references_of(&schemas);
        batch.checks.extend(fields.map(|check| Arc::new(check) as Arc<dyn WriteCheck>));
        if !schemas.is_empty() {
            batch.checks.push(Arc::new(SchemaCheck(schemas)));
        }
        if !(written.is_empty() && deleted.is_empty()) {
            let leaving = match atomicity {
                Atomicity::EachAlone => Leaving::default(),
                Atomicity::AllOrNothing => leaving(&batch.operations),
            };
            batch.checks.push(Arc::new(ReferenceCheck { written, deleted, leaving }));
        }
        let report = match atomicity {
            Atomicity::EachAlone => self.engine.write(batch).instrument(self.span("write")).await?,
            Atomicity::AllOrNothing => {
                self.engine.write_atomic(batch).instrument(self.span("write_atomic")).await?
            }
        };
        if report.outcomes.iter().any(is_referenced) {
            self.forget_indexed();
        }
        Ok(report)
    }

    /// Carries out a batch with what its deletions do to documents that refer to what they delete:
    /// all of it or nothing.
    async fn write_cascading(
        &self,
        batch: WriteBatch,
        fields: Option<&FieldsCheck>,
    ) -> Result<WriteReport, StoreError> {
        let engine = &*self.engine;
        let max = usize::try_from(engine.limits().atomic_operations.max).unwrap_or(usize::MAX);
        let own = batch.operations.len();
        let mut attempts = 0;
        loop {
            attempts += 1;
            let mut whole = batch.clone();
            let mut operations = cascade::before(engine, &self.schemas, &batch, max).await?;
            let fields = fields.map(|check| check.beside(&operations));
            operations.append(&mut whole.operations);
            let schemas = self.schemas.of_operations(engine, &operations).await?;
            let written = references_of(&schemas);
            whole.checks.extend(fields.map(|check| Arc::new(check) as Arc<dyn WriteCheck>));
            whole.checks.push(Arc::new(SchemaCheck(schemas)));
            let deleted = self.schemas.references_to(engine, &deleted_from(&operations)).await?;
            self.index_references(&deleted).await?;
            let cascading = deleted.iter().find(|it| it.reference.on_delete != OnDelete::Refuse);
            let raced = cascading.map(|Referring { from, reference }| Rejection::Referenced {
                collection: from.clone(),
                field: reference.field.clone(),
            });
            let leaving = leaving(&operations);
            whole.checks.push(Arc::new(ReferenceCheck { written, deleted, leaving }));
            whole.operations = operations;
            let mut report = engine.write_atomic(whole).await?;
            let outcomes = report.outcomes.split_off(report.outcomes.len().saturating_sub(own));
            let others = std::mem::replace(&mut report.outcomes, outcomes);
            // Others were faster: a document that refers to it came, went or was changed meanwhile.
            // A key remembers its refusal, and is not asked again.
            let came = others.iter().chain(&report.outcomes).any(is_referenced);
            if came && attempts == 1 {
                self.forget_indexed();
            }
            if (came || others.iter().any(is_another))
                && batch.idempotency.is_none()
                && attempts < CASCADE_ATTEMPTS
            {
                continue;
            }
            let refused = others.into_iter().find_map(|outcome| match outcome {
                Err(Rejection::BatchRejected) | Ok(_) => None,
                Err(_) if is_another(&outcome) => raced.clone(),
                Err(rejection) => Some(rejection),
            });
            if let (Some(refused), Some(first)) = (refused, report.outcomes.first_mut()) {
                // What one of them is refused for is the answer to the deletion.
                *first = Err(refused);
            }
            return Ok(report);
        }
    }

    /// Looks for the indexes of references again: without its index a document counts as referred
    /// to, and somebody may have dropped it.
    fn forget_indexed(&self) {
        self.indexed.lock().clear();
    }

    /// Makes the indexes by which documents that refer to others are found.
    async fn index_references(&self, references: &[Referring]) -> Result<(), StoreError> {
        for Referring { from, reference } in references {
            self.index_field(from, &reference.field).await?;
        }
        Ok(())
    }

    /// Makes the index of a field, unless it is there or the engine has none.
    pub(crate) async fn index_field(
        &self,
        from: &CollectionName,
        field: &FieldPath,
    ) -> Result<(), StoreError> {
        let key = (from.clone(), field.clone());
        if self.indexed.lock().contains(&key) {
            return Ok(());
        }
        let (path, direction) = (field.clone(), Direction::Ascending);
        let order = Order(vec![OrderField { path, direction }]);
        let definition = IndexDefinition::new(order)
            .map_err(|error| EngineError::new(ErrorKind::Unexpected, error.to_string()))?;
        self.engine.create_index(from, &definition).await?;
        self.indexed.lock().insert(key);
        Ok(())
    }

    /// One page of a listing; of [`PageRequest::All`] the first part.
    ///
    /// # Errors
    /// When the cursor is foreign, a bound is exceeded, or the engine fails.
    pub async fn list(
        &self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<DocumentPage, StoreError> {
        self.check_query(collection, query).await?;
        let after = match &query.page {
            PageRequest::Cursor { after: Some(text), .. } => {
                let identity = self.engine.identity().await?;
                Some(cursor::decode(&identity, collection, &query.order, text)?)
            }
            _ => None,
        };
        let mut page = self.list_part(collection, query, after).await?;
        page.totals = self.totals(collection, query).await?;
        Ok(page)
    }

    /// The next part of a listing.
    ///
    /// # Errors
    /// As [`Store::list`].
    pub async fn list_next(
        &self,
        collection: &CollectionName,
        query: &Query,
        position: &PagePosition,
    ) -> Result<DocumentPage, StoreError> {
        self.list_part(collection, query, Some(position.place.clone())).await
    }

    async fn list_part(
        &self,
        collection: &CollectionName,
        query: &Query,
        after: Option<Place>,
    ) -> Result<DocumentPage, StoreError> {
        self.refuse_reserved(collection)?;
        let (limit, skip, bytes_max) = match query.page {
            PageRequest::All if query.order.0.is_empty() => {
                (STREAM_PAGE_DOCUMENTS, 0, STREAM_PAGE_BYTES)
            }
            PageRequest::All => (STREAM_SORTED_DOCUMENTS, 0, STREAM_SORTED_BYTES),
            PageRequest::Cursor { limit, .. } => (limit, 0, self.options.page_bytes_max),
            PageRequest::Numbered { page, limit } => {
                let skip = u64::from(page.saturating_sub(1)) * u64::from(limit);
                (limit, skip, self.options.page_bytes_max)
            }
        };
        let request = ListRequest {
            filter: query.filter.clone(),
            order: query.order.clone(),
            after,
            skip,
            limit,
            bytes_max,
            scan_max: self.options.scan_max,
        };
        let listing = self.engine.list(collection, &request);
        let mut listing = listing.instrument(self.span("list")).await?;
        // A numbered page that ended early would leave documents out: the next begins by number.
        if let PageRequest::Numbered { page, limit } = query.page
            && listing.next.is_some()
            && listing.documents.len() < limit as usize
        {
            return Err(StoreError::PageTooLarge { page, limit });
        }
        let next = match listing.next {
            Some(place) => {
                let identity = self.engine.identity().await?;
                let cursor = cursor::encode(&identity, collection, &query.order, &place);
                Some(PagePosition { cursor, place })
            }
            None => None,
        };
        self.hide(collection, &mut listing.documents).await?;
        Ok(DocumentPage { documents: listing.documents, next, totals: None })
    }

    /// How many documents of a collection meet a filter.
    ///
    /// # Errors
    /// When the filter names what is never shown, more would have to be examined than a request
    /// may, or the engine fails.
    pub async fn count(
        &self,
        collection: &CollectionName,
        filter: &Filter,
    ) -> Result<u64, StoreError> {
        self.refuse_reserved(collection)?;
        self.check_filter(collection, filter).await?;
        let counting = self.engine.count(collection, filter, self.options.scan_max);
        Ok(counting.instrument(self.span("count")).await?)
    }

    async fn totals(
        &self,
        collection: &CollectionName,
        query: &Query,
    ) -> Result<Option<Totals>, StoreError> {
        let numbered = match query.page {
            PageRequest::Numbered { page, limit } => Some((page, limit)),
            _ if query.count == Count::Exact => None,
            _ => return Ok(None),
        };
        let documents = self.count(collection, &query.filter).await?;
        Ok(Some(Totals {
            documents,
            page: numbered.map(|(page, _)| page),
            pages: numbered.map(|(_, limit)| documents.div_ceil(u64::from(limit))),
        }))
    }

    /// All collections that have a document, by the bytes of their names.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn collections(&self) -> Result<Vec<CollectionInfo>, StoreError> {
        let mut collections = self.engine.collections().await?;
        collections.retain(|collection| !self.is_reserved(&collection.name));
        Ok(collections)
    }

    /// The schema that documents of a collection must meet, if it has one.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn schema(
        &self,
        collection: &CollectionName,
    ) -> Result<Option<SchemaInfo>, StoreError> {
        self.refuse_reserved(collection)?;
        Ok(self.schemas.current(&*self.engine, collection).await?)
    }

    /// Sets the schema of a collection, which need not have documents yet, and makes the unique
    /// indexes that it asks for. Documents that are there already stay, whether they meet it or not.
    /// Other stores on the same database use it within a few seconds.
    ///
    /// # Errors
    /// When the schema of the collection comes from the configuration, documents have equal values
    /// of a field that is to be unique, or the engine fails.
    pub async fn set_schema(
        &self,
        collection: &CollectionName,
        schema: &Schema,
    ) -> Result<(), StoreError> {
        self.refuse_reserved(collection)?;
        let from = |reference: &Reference| Referring {
            from: collection.clone(),
            reference: reference.clone(),
        };
        let references: Vec<Referring> = schema.references().iter().map(from).collect();
        self.index_references(&references).await?;
        for definition in schema.unique_indexes() {
            self.engine.create_index(collection, &definition).await?;
        }
        self.schemas.set(&*self.engine, collection, schema).await
    }

    /// Takes the schema of a collection away; says whether there was one.
    ///
    /// # Errors
    /// As [`Store::set_schema`].
    pub async fn delete_schema(&self, collection: &CollectionName) -> Result<bool, StoreError> {
        self.refuse_reserved(collection)?;
        self.schemas.remove(&*self.engine, collection).await
    }

    /// Deletes every document of a collection; says how many there were. Its schema stays. No
    /// check is asked: see [`Engine::delete_collection`]. While documents of another collection
    /// refer to it, it is refused, whatever their schema says about deletions; a reference that is
    /// written at the same moment may be left without its document.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn delete_collection(&self, collection: &CollectionName) -> Result<u64, StoreError> {
        self.refuse_reserved(collection)?;
        let to =
            self.schemas.references_to(&*self.engine, std::slice::from_ref(collection)).await?;
        for Referring { from, reference } in to.iter().filter(|it| it.from != *collection) {
            let (path, operator) = (reference.field.clone(), Operator::Null);
            let is_null = Filter::Compare(Comparison { path, operator });
            let scan_max = self.options.scan_max;
            let all = self.engine.count(from, &Filter::all(), scan_max).await?;
            if all > self.engine.count(from, &is_null, scan_max).await? {
                let (collection, field) = (from.clone(), reference.field.clone());
                return Err(StoreError::CollectionReferenced { collection, field });
            }
        }
        Ok(self.engine.delete_collection(collection).await?)
    }

    /// A page of the change feed.
    ///
    /// # Errors
    /// When the place is none of this database, the asked part is no longer kept, or the engine
    /// fails.
    pub async fn changes(&self, request: FeedRequest) -> Result<FeedPage, StoreError> {
        let FeedRequest { since, collection, limit, bodies } = request;
        let now = match since {
            Since::Now => self.engine.latest().await?,
            _ => Sequence::default(),
        };
        let request = ChangesRequest {
            since: since.sequence(now),
            collection,
            limit: limit.clamp(1, self.options.changes_page_max),
            bodies,
        };
        let mut page = match self.engine.read_changes(&request).await {
            Ok(page) => page,
            Err(error) => return Err(self.not_read(since, error).await),
        };
        since.check(&page.identity)?;
        if page.changes.is_empty() && request.since > Sequence::default() {
            // A reader that is ahead of the feed follows another database, or one that was put
            // back: it would miss everything up to its place.
            let latest = self.engine.latest().await?;
            if request.since > latest {
                return Err(match since {
                    Since::Place(_) => StoreError::ForeignPlace(ForeignPlace::Ahead),
                    _ => StoreError::FutureSequence { since: request.since, latest },
                });
            }
        }
        page.changes.retain(|change| !self.is_reserved(&change.collection));
        self.hide_in_changes(&mut page.changes).await?;
        Ok(FeedPage::of(page))
    }

    /// Why a page was not read. What is no longer kept at a place of another history is not the
    /// caller's, and told otherwise.
    async fn not_read(&self, since: Since, error: EngineError) -> StoreError {
        let ErrorKind::ChangesGone { oldest } = error.kind else { return error.into() };
        let identity = match self.engine.identity().await {
            Ok(identity) => identity,
            Err(error) => return error.into(),
        };
        match since.check(&identity) {
            Err(foreign) => foreign,
            Ok(()) => StoreError::ChangesGone { oldest: FeedPlace { identity, sequence: oldest } },
        }
    }

    /// From now on entries of the change feed keep this of the documents of a collection. Not
    /// remembered: whoever opens the database says it again.
    pub fn keep(&self, collection: &CollectionName, keep: Keep) {
        self.engine.keep(collection, keep);
    }

    /// From now on a collection keeps its documents on these terms; see [`isobase_engine::CollectionTerms`]. Not
    /// remembered: whoever opens the database says it again, before anything is read or written.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn set_terms(
        &self,
        collection: &CollectionName,
        terms: Terms,
    ) -> Result<(), StoreError> {
        self.refuse_reserved(collection)?;
        Ok(self.engine.set_terms(collection, terms).await?)
    }

    /// Until when listings of a collection have what other programs wrote.
    #[must_use]
    pub fn others_seen(&self, collection: &CollectionName) -> OthersSeen {
        match self.engine.reconcile().map(|ability| ability.looked_at(collection)) {
            None => OthersSeen::Always,
            Some(Some(at)) => OthersSeen::Until(at),
            Some(None) => OthersSeen::Never,
        }
    }

    /// Deletes a bounded number of documents whose time is over; says how many it found. For one
    /// task of the process, now and then, and again at once where it found some.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn sweep(&self) -> Result<u64, StoreError> {
        Ok(isobase_engine::sweep(&*self.engine).await?)
    }

    /// Waits until something may have happened after a place, in one collection if that is all
    /// the caller follows. May come back early; has no end of its own, and its drop ends it.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn wait_for_change(
        &self,
        after: FeedPlace,
        collection: Option<&CollectionName>,
    ) -> Result<(), StoreError> {
        Ok(self.engine.wait(after.sequence, collection).await?)
    }

    /// The declared indexes of a collection.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn indexes(&self, collection: &CollectionName) -> Result<Vec<IndexInfo>, StoreError> {
        self.refuse_reserved(collection)?;
        Ok(self.engine.indexes(collection).await?)
    }

    /// Declares an index and builds it; answers when it is ready.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn create_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<IndexInfo, StoreError> {
        self.refuse_reserved(collection)?;
        Ok(self.engine.create_index(collection, definition).await?)
    }

    /// Takes an index away; says whether there was one.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn drop_index(
        &self,
        collection: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, StoreError> {
        self.refuse_reserved(collection)?;
        let dropped = self.engine.drop_index(collection, definition).await?;
        self.forget_indexed();
        Ok(dropped)
    }

    /// Whether the engine can read and write now.
    ///
    /// # Errors
    /// Says why not.
    pub async fn check(&self) -> Result<(), StoreError> {
        Ok(self.engine.check().await?)
    }

    /// Finishes what is under way and lets go of the database.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        Ok(self.engine.close().await?)
    }

    /// Whether a collection is hidden from this handle. The schemas have methods of their own.
    fn is_reserved(&self, collection: &CollectionName) -> bool {
        self.schemas.holds_schemas(collection)
            || !self.system && collection.as_str().starts_with(SYSTEM_PREFIX)
    }

    pub(crate) fn refuse_reserved(&self, collection: &CollectionName) -> Result<(), StoreError> {
        if self.is_reserved(collection) {
            return Err(StoreError::ReservedCollection { collection: collection.clone() });
        }
        Ok(())
    }

    /// A call of the engine in the log of a request. At `debug`, and so free where that is off.
    fn span(&self, call: &'static str) -> Span {
        debug_span!("engine", call, engine = self.engine.name())
    }
}

/// Something refers to what was to be deleted.
fn is_referenced(outcome: &WriteOutcome) -> bool {
    matches!(outcome, Err(Rejection::Referenced { .. }))
}

/// A document was not what it was when it was found.
fn is_another(outcome: &WriteOutcome) -> bool {
    matches!(outcome, Err(Rejection::NotFound | Rejection::RevisionConflict { .. }))
}

/// The collections that operations delete documents from.
fn deleted_from(operations: &[WriteOperation]) -> Vec<CollectionName> {
    let mut names: Vec<_> = operations
        .iter()
        .filter(|operation| matches!(operation.action, Action::Delete { .. }))
        .map(|operation| operation.collection.clone())
        .collect();
    names.sort_unstable();
    names.dedup();
    names
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine.name()).finish_non_exhaustive()
    }
}
