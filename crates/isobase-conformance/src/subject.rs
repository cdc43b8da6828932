//! The subject of a case.

use std::{fmt, future::Future, pin::Pin, sync::Arc};

use isobase_engine::Engine;

use crate::{Abilities, Refusal, TestClock};

/// An answer that is on its way.
pub type Answer<'a, T> = Pin<Box<dyn Future<Output = Result<T, Refusal>> + Send + 'a>>;

/// A subject as cases hold it.
pub type Shared = Arc<dyn Subject>;

/// An engine behind some interface. Everything goes in as text and bytes and comes out as text,
/// so that what an interface does to names and values is tested too.
pub trait Subject: Send + Sync + 'static {
    /// What the engine can do. Decides between *it works* and *it is refused as unsupported*.
    fn abilities(&self) -> Abilities;

    /// The clock the engine reads; `None` if the subject cannot set one.
    fn clock(&self) -> Option<&TestClock>;

    /// The store itself, in the same process; `None` if an interface lies between.
    fn store(&self) -> Option<&isobase_store::Store>;

    /// The engine, for what its opener says to it; `None` if it is in another process.
    fn engine(&self) -> Option<&Arc<dyn Engine>>;

    /// The document with this id, if there is one.
    fn get<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Stored>>;

    /// When the document was first written and last changed.
    fn times<'a>(&'a self, collection: &'a str, id: &'a str) -> Answer<'a, Option<Times>>;

    /// One operation, on its own.
    fn write<'a>(
        &'a self,
        collection: &'a str,
        operation: &'a Operation,
        idempotency_key: Option<&'a str>,
    ) -> Answer<'a, Report>;

    /// Operations that travel together.
    fn write_batch<'a>(&'a self, collection: &'a str, batch: &'a Batch) -> Answer<'a, BatchReport>;

    /// A listing, asked for as a URL asks.
    fn list<'a>(
        &'a self,
        collection: &'a str,
        parameters: &'a [(&'a str, &'a str)],
    ) -> Answer<'a, Listed>;

    /// The names of all collections and the documents in all of them.
    fn totals(&self) -> Answer<'_, Totals>;

    /// Deletes a collection; says how many documents it had.
    fn delete_collection<'a>(&'a self, collection: &'a str) -> Answer<'a, u64>;

    /// A page of the change feed, from a place in whatever form callers give it.
    fn changes_since<'a>(
        &'a self,
        collection: Option<&'a str>,
        since: &'a str,
        limit: u32,
    ) -> Answer<'a, Feed>;

    /// The declared indexes, as `status,-created_at` or `unique(email)`.
    fn indexes<'a>(&'a self, collection: &'a str) -> Answer<'a, Vec<String>>;

    /// Declares an index.
    fn create_index<'a>(&'a self, collection: &'a str, fields: &'a str) -> Answer<'a, ()>;

    /// The schema of a collection as JSON text, if it has one.
    fn schema<'a>(&'a self, collection: &'a str) -> Answer<'a, Option<String>>;

    /// Sets the schema of a collection, or takes it away.
    fn set_schema<'a>(&'a self, collection: &'a str, schema: Option<&'a str>) -> Answer<'a, ()>;

    /// Takes an index away; says whether there was one.
    fn drop_index<'a>(&'a self, collection: &'a str, fields: &'a str) -> Answer<'a, bool>;
}

impl dyn Subject + '_ {
    /// A page of the change feed of a database into which nothing was loaded: there numbers are
    /// places.
    ///
    /// # Errors
    /// As the request is refused.
    pub async fn changes(
        &self,
        collection: Option<&str>,
        since: u64,
        limit: u32,
    ) -> Result<Feed, Refusal> {
        self.changes_since(collection, &since.to_string(), limit).await
    }
}

/// A document as callers see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The JSON text, with `id`.
    pub text: String,
    /// The revision.
    pub revision: String,
}

/// When a document was written, as RFC 3339.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Times {
    /// First.
    pub created_at: String,
    /// Last.
    pub updated_at: String,
}

/// A write to one document.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Operation {
    /// The action.
    pub action: Action,
    /// The condition.
    pub condition: Condition,
}

/// An action. Ids are in the form of a path segment; bodies are whatever was sent.
#[derive(Clone, PartialEq, Eq, Hash)]
pub enum Action {
    /// A new document.
    Create {
        /// The document.
        body: Vec<u8>,
    },
    /// The whole document.
    Put {
        /// Which.
        id: String,
        /// The document.
        body: Vec<u8>,
        /// Store it when there is none.
        upsert: bool,
    },
    /// Parts of a document.
    Patch {
        /// Which.
        id: String,
        /// The patch.
        patch: Vec<u8>,
        /// What the patch is.
        form: PatchForm,
    },
    /// Away with it.
    Delete {
        /// Which.
        id: String,
    },
}

impl Action {
    /// The id, unless the document is new.
    #[must_use]
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Create { .. } => None,
            Self::Put { id, .. } | Self::Patch { id, .. } | Self::Delete { id } => Some(id),
        }
    }
}

/// Bodies as text, cut: this is what a failed case shows.
impl fmt::Debug for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = |bytes: &[u8]| {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
            if bytes.len() > 300 { format!("{shown}… ({} bytes)", bytes.len()) } else { shown }
        };
        match self {
            Self::Create { body } => write!(f, "create {}", text(body)),
            Self::Put { id, body, upsert } => {
                write!(f, "{} {id:?} {}", if *upsert { "upsert" } else { "put" }, text(body))
            }
            Self::Patch { id, patch, form } => {
                write!(f, "{form:?} patch {id:?} {}", text(patch))
            }
            Self::Delete { id } => write!(f, "delete {id:?}"),
        }
    }
}

/// The form of a patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PatchForm {
    /// A merge patch (RFC 7396).
    Merge,
    /// A JSON Patch (RFC 6902).
    Json,
    /// Increments, and elements of arrays.
    Update,
}

/// A condition on the document before a write.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Nothing.
    #[default]
    None,
    /// There is one.
    Exists,
    /// There is none.
    Missing,
    /// It has one of these revisions.
    RevisionIn(Vec<String>),
    /// It has none of these revisions.
    RevisionNotIn(Vec<String>),
}

impl Operation {
    /// A new document.
    pub fn create(body: impl AsRef<[u8]>) -> Self {
        Action::Create { body: body.as_ref().to_vec() }.into()
    }

    /// Another body for a document that is there.
    pub fn put(id: &str, body: impl AsRef<[u8]>) -> Self {
        Action::Put { id: id.to_owned(), body: body.as_ref().to_vec(), upsert: false }.into()
    }

    /// A body for a document, whether it is there or not.
    pub fn upsert(id: &str, body: impl AsRef<[u8]>) -> Self {
        Action::Put { id: id.to_owned(), body: body.as_ref().to_vec(), upsert: true }.into()
    }

    /// A document under an id of the caller's that must be free.
    pub fn create_as(id: &str, body: impl AsRef<[u8]>) -> Self {
        Self::upsert(id, body).when(Condition::Missing)
    }

    /// A merge patch.
    pub fn patch(id: &str, patch: impl AsRef<[u8]>) -> Self {
        Self::patch_of(PatchForm::Merge, id, patch)
    }

    /// A JSON Patch.
    pub fn json_patch(id: &str, patch: impl AsRef<[u8]>) -> Self {
        Self::patch_of(PatchForm::Json, id, patch)
    }

    /// Increments, and elements of arrays.
    pub fn update(id: &str, update: impl AsRef<[u8]>) -> Self {
        Self::patch_of(PatchForm::Update, id, update)
    }

    fn patch_of(form: PatchForm, id: &str, patch: impl AsRef<[u8]>) -> Self {
        Action::Patch { id: id.to_owned(), patch: patch.as_ref().to_vec(), form }.into()
    }

    /// Away with it.
    #[must_use]
    pub fn delete(id: &str) -> Self {
        Action::Delete { id: id.to_owned() }.into()
    }

    /// The same with a condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.condition = condition;
        self
    }

    /// The same, only while the document has this revision.
    #[must_use]
    pub fn at(self, revision: &str) -> Self {
        self.when(Condition::RevisionIn(vec![revision.to_owned()]))
    }
}

impl From<Action> for Operation {
    fn from(action: Action) -> Self {
        Self { action, condition: Condition::None }
    }
}

/// Operations on one collection.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Batch {
    /// In their order.
    pub operations: Vec<Operation>,
    /// All or nothing.
    pub atomic: bool,
    /// Makes a repeat harmless.
    pub idempotency_key: Option<String>,
}

impl Batch {
    /// All or nothing.
    #[must_use]
    pub fn atomic(operations: Vec<Operation>) -> Self {
        Self { operations, atomic: true, idempotency_key: None }
    }

    /// Each alone.
    #[must_use]
    pub fn each(operations: Vec<Operation>) -> Self {
        Self { operations, atomic: false, idempotency_key: None }
    }

    /// The same with an idempotency key.
    #[must_use]
    pub fn with_key(mut self, key: &str) -> Self {
        self.idempotency_key = Some(key.to_owned());
        self
    }
}

/// The outcome of one operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// Its effect.
    pub done: Done,
    /// It was done before, by a request with the same idempotency key.
    pub replayed: bool,
}

/// An operation that was carried out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Done {
    /// The id as JSON.
    pub id: String,
    /// `created`, `updated` or `deleted`.
    pub kind: String,
    /// The revision; none after a deletion.
    pub revision: Option<String>,
    /// The document as the answer showed it; none after a deletion, in a batch and in a repeat.
    pub text: Option<String>,
}

/// The outcome of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchReport {
    /// One per operation.
    pub outcomes: Vec<Result<Done, Refusal>>,
    /// It was done before.
    pub replayed: bool,
}

/// A listing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// The documents' JSON texts.
    pub documents: Vec<String>,
    /// The cursor of the next page.
    pub next: Option<String>,
    /// Documents that meet the filter, if asked for.
    pub total: Option<u64>,
    /// The number of this page, if pages are numbered.
    pub page: Option<u64>,
    /// The number of pages, if pages are numbered.
    pub pages: Option<u64>,
}

/// The totals.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Totals {
    /// Names, by their bytes.
    pub collections: Vec<String>,
    /// In all collections.
    pub documents: u64,
}

/// A page of the change feed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Feed {
    /// In the order of their commits.
    pub changes: Vec<Change>,
    /// The place to go on from, as a number.
    pub next: u64,
    /// The same as callers know it.
    pub next_place: String,
    /// There are more now.
    pub more: bool,
}

/// A committed write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Its place, as a number.
    pub sequence: u64,
    /// The same as callers know it.
    pub place: String,
    /// The collection.
    pub collection: String,
    /// The id as JSON.
    pub id: Option<String>,
    /// `created`, `updated`, `deleted` or `collection_deleted`.
    pub kind: String,
    /// The revision it gave the document.
    pub revision: Option<String>,
}
