//! Licences over an empty database, with a clock that tests set.

use std::sync::{
    Arc,
    atomic::{AtomicBool, AtomicI64, Ordering},
};

use async_trait::async_trait;
use isobase_auth::{Sealer, SecretSource};
use isobase_engine::{
    Engine, EngineError, ErrorKind, ListRequest, Listing, SystemClock, WriteBatch, WriteReport,
    testing::{Alteration, Altered},
};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_engine_sqlite::{SqliteEngine, SqliteOptions};
use isobase_licences::{
    Activation, Actor, Answer, Code, Licence, LicenceError, LicenceOptions, Licences, NewLicence,
    Period, Terms, parse_moment,
};
use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreOptions, WriteOperation,
};
use isobase_types::{
    CollectionName, Count, Document, DocumentId, Filter, Order, PageRequest, Query, Timestamp, json,
};

pub struct World {
    pub licences: Arc<Licences>,
    pub store: Store,
    now: Arc<AtomicI64>,
    down: Arc<AtomicBool>,
    _folder: Option<tempfile::TempDir>,
}

impl World {
    pub fn new() -> Self {
        Self::with(sealed())
    }

    pub fn with(options: LicenceOptions) -> Self {
        let memory = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
        let down = Arc::<AtomicBool>::default();
        let engine = Altered(Faulty { memory, down: down.clone() });
        Self::over(Arc::new(engine), options, (down, None))
    }

    pub fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let options = SqliteOptions::new(folder.path().join("a.db"));
        let engine = SqliteEngine::open(options, Arc::new(SystemClock)).unwrap();
        Self::over(Arc::new(engine), sealed(), (Arc::default(), Some(folder)))
    }

    fn over(
        engine: Arc<dyn Engine>,
        options: LicenceOptions,
        (down, folder): (Arc<AtomicBool>, Option<tempfile::TempDir>),
    ) -> Self {
        let store = Store::new(engine, StoreOptions::default());
        let now = Arc::new(AtomicI64::new(parse_moment("2026-11-30T12:00:00Z").unwrap().unix_us));
        let clock = now.clone();
        let licences = Licences::new(&store, options)
            .with_clock(Arc::new(move || Timestamp { unix_us: clock.load(Ordering::SeqCst) }));
        let licences = Arc::new(licences);
        Self { licences, store: store.system(), now, down, _folder: folder }
    }

    /// The clock says this from now on.
    pub fn at(&self, text: &str) {
        self.now.store(parse_moment(text).unwrap().unix_us, Ordering::SeqCst);
    }

    /// The database cannot be reached, or can be again.
    pub fn down(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    pub async fn licence(&self, email: &str) -> (Licence, String) {
        self.licence_with(email, Period::Days(365), Terms::default()).await
    }

    pub async fn licence_with(
        &self,
        email: &str,
        period: Period,
        terms: Terms,
    ) -> (Licence, String) {
        let new = NewLicence { email: email.to_owned(), key: None, period, terms };
        let licence = self.licences.create(&new, &actor()).await.unwrap();
        let key = self.licences.reveal(&licence).unwrap();
        (licence, key)
    }

    pub async fn activate(&self, email: &str, key: &str, installation: &str) -> Answer {
        let asked = asked(email, key, installation);
        self.licences.activate(&asked, &actor()).await.unwrap()
    }

    pub async fn validate(&self, email: &str, installation: &str) -> Code {
        self.licences.validate(email, installation).await.unwrap().code
    }

    /// Ids of the installations of an e-mail, sorted.
    pub async fn installations(&self, email: &str) -> Vec<String> {
        let all = self.licences.installations(email).await.unwrap();
        let mut ids: Vec<_> = all.into_iter().map(|it| it.installation_id).collect();
        ids.sort();
        ids
    }

    /// Stores a document as another program does.
    pub async fn put(&self, collection: &str, id: i64, body: &str) {
        let operation = WriteOperation {
            collection: CollectionName::new(collection).unwrap(),
            action: Action::Put {
                id: DocumentId::Integer(id),
                body: json::canonicalise_document(body.as_bytes()).unwrap(),
                if_missing: IfMissing::Create,
            },
            precondition: Precondition::None,
        };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::EachAlone).await.unwrap();
        assert!(report.outcomes[0].is_ok(), "{report:?}");
    }

    /// Every document of a collection.
    pub async fn documents(&self, collection: &str) -> Vec<Document> {
        let query = Query {
            filter: Filter::all(),
            order: Order::default(),
            page: PageRequest::All,
            fields: Vec::new(),
            count: Count::None,
        };
        let collection = CollectionName::new(collection).unwrap();
        self.store.list(&collection, &query).await.unwrap().documents
    }

    /// The actions in the audit, by the ids of their entries.
    pub async fn audit(&self) -> Vec<serde_json::Value> {
        let documents = self.documents(isobase_auth::AUDIT_COLLECTION).await;
        documents.iter().map(|it| serde_json::from_str(&it.body).unwrap()).collect()
    }
}

/// Options of a service that has a secret.
pub fn sealed() -> LicenceOptions {
    let sealer = Sealer::new(SecretSource::Text("s".repeat(32).into()));
    LicenceOptions { sealer: Some(sealer), ..LicenceOptions::default() }
}

pub fn asked(email: &str, key: &str, installation: &str) -> Activation {
    Activation {
        email: email.to_owned(),
        installation_id: installation.to_owned(),
        license_key: key.to_owned(),
        ..Activation::default()
    }
}

pub fn actor() -> Actor {
    Actor { actor: "tester".to_owned(), request_id: Some("r-1".to_owned()), ..Actor::default() }
}

pub fn text(error: LicenceError) -> String {
    error.to_string()
}

/// The memory engine, able to be down.
struct Faulty {
    memory: MemoryEngine,
    down: Arc<AtomicBool>,
}

impl Faulty {
    fn check(&self) -> Result<(), EngineError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(EngineError::new(ErrorKind::Unavailable, "made to fail by a test")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Alteration for Faulty {
    fn inner(&self) -> &dyn Engine {
        &self.memory
    }

    async fn get(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        self.check()?;
        self.memory.get(collection, id).await
    }

    async fn list(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        self.check()?;
        self.memory.list(collection, request).await
    }

    async fn write(&self, batch: WriteBatch) -> Result<WriteReport, EngineError> {
        self.check()?;
        self.memory.write(batch).await
    }
}
