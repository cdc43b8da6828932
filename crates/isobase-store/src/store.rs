//! The store.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use isobase_engine::{CollectionInfo, Engine, Limits, OthersSeen, Terms};
use isobase_types::{
    CollectionName, Comparison, Document, DocumentId, FieldPath, Filter, Operator,
};
use parking_lot::Mutex;
use tracing::{Instrument, Span, debug_span};

use crate::{
    Schema, SchemaInfo, StoreError, StoreOptions,
    schema::{Reference, Referring, Registry},
};

/// A database of documents. Cheap to clone; every clone is the same database.
#[derive(Clone)]
pub struct Store {
    pub(crate) engine: Arc<dyn Engine>,
    pub(crate) options: StoreOptions,
    pub(crate) schemas: Arc<Registry>,
    /// Fields whose index is there: those that refer to other collections. Written where one is
    /// made or found. Forgotten where a deletion is refused: another process may have dropped one.
    pub(crate) indexed: Arc<Mutex<HashSet<(CollectionName, FieldPath)>>>,
    /// Whether this handle reaches system collections.
    system: bool,
    /// Who asks, as documents remember it.
    pub(crate) user: Option<Arc<DocumentId>>,
    /// Whether this handle shows documents as they are stored.
    whole: bool,
    /// Whose files documents may name; `None` for anybody's.
    pub(crate) files_of: Option<Arc<str>>,
    /// What references may show of the documents of system collections.
    faces: Arc<HashMap<CollectionName, Face>>,
}

/// The fields that are shown of a document, and what they are called.
pub(crate) type Face = Vec<(FieldPath, &'static str)>;

/// The prefix of the names of system collections: what a service keeps about itself (keys,
/// accounts, licences, …) as documents of the same database.
pub const SYSTEM_PREFIX: &str = "isobase_";

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

    /// The same store with what schemas never show, for a caller that hides it later.
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

    /// The same store for a caller whose documents may name only files of this `owner`.
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

    /// The limits of the engine.
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
            self.declare_index(collection, &definition).await?;
        }
        self.schemas.set(&*self.engine, collection, schema).await
    }

    /// Deletes the schema of a collection; says whether there was one.
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

    /// From now on a collection keeps its documents on these terms; see [`isobase_engine::CollectionTerms`]. Not
    /// remembered: a process that opens the database says it again, before anything is read or written.
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

    /// Whether the engine can read and write now.
    ///
    /// # Errors
    /// Says why not.
    pub async fn check(&self) -> Result<(), StoreError> {
        Ok(self.engine.check().await?)
    }

    /// Finishes the work under way and releases the database.
    ///
    /// # Errors
    /// When the engine fails.
    pub async fn close(&self) -> Result<(), StoreError> {
        Ok(self.engine.close().await?)
    }

    /// Whether a collection is hidden from this handle. The schemas have methods of their own.
    pub(crate) fn is_reserved(&self, collection: &CollectionName) -> bool {
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
    pub(crate) fn span(&self, call: &'static str) -> Span {
        debug_span!("engine", call, engine = self.engine.name())
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("engine", &self.engine.name()).finish_non_exhaustive()
    }
}
