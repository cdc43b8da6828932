//! The documents that say which files there are.

use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreError, WriteBatch, WriteOperation,
};
use isobase_types::{
    CollectionName, Count, DocumentId, Filter, Order, PageRequest, Query, Timestamp,
};
use serde::{Deserialize, Serialize};

/// The system collection of these documents.
const COLLECTION: &str = "isobase_uploads";

/// A file that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredFile {
    /// Its name here.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// What it is.
    pub media_type: String,
    /// Whether a browser may show it.
    pub shown: bool,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// When it came.
    pub created_at: Timestamp,
}

/// A file, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// The file.
    pub file: StoredFile,
    /// What its sender calls it.
    pub original: String,
    /// Who sent it.
    pub owner: String,
}

/// What a document holds.
#[derive(Deserialize, Serialize)]
struct Entry {
    original: String,
    size: u64,
    media_type: String,
    shown: bool,
    sha256: String,
    owner: String,
}

impl Entry {
    fn stored(self, name: &str, created_at: Timestamp) -> StoredFile {
        StoredFile {
            name: name.to_owned(),
            size: self.size,
            media_type: self.media_type,
            shown: self.shown,
            sha256: self.sha256,
            created_at,
        }
    }
}

/// Which files there are.
#[derive(Debug)]
pub(crate) struct Index {
    store: Store,
    collection: CollectionName,
}

impl Index {
    pub(crate) fn new(store: &Store) -> Self {
        let collection = CollectionName::new(COLLECTION).expect("it is a valid name");
        Self { store: store.system(), collection }
    }

    pub(crate) async fn get(&self, name: &str) -> Result<Option<StoredFile>, StoreError> {
        let id = DocumentId::Text(name.into());
        let Some(document) = self.store.get(&self.collection, &id).await? else { return Ok(None) };
        let entry: Option<Entry> = serde_json::from_str(&document.body).ok();
        Ok(entry.map(|entry| entry.stored(name, document.created_at)))
    }

    /// Files in the order of their names, from a cursor on, and the cursor of the next ones.
    pub(crate) async fn list(
        &self,
        after: Option<String>,
        limit: u32,
    ) -> Result<(Vec<ListedFile>, Option<String>), StoreError> {
        let query = Query {
            filter: Filter::all(),
            order: Order::default(),
            page: PageRequest::Cursor { limit, after },
            fields: Vec::new(),
            count: Count::None,
        };
        let page = self.store.list(&self.collection, &query).await?;
        let listed = page.documents.iter().filter_map(|document| {
            let DocumentId::Text(name) = &document.id else { return None };
            let entry: Entry = serde_json::from_str(&document.body).ok()?;
            let (original, owner) = (entry.original.clone(), entry.owner.clone());
            Some(ListedFile { file: entry.stored(name, document.created_at), original, owner })
        });
        let next = page.next.as_ref().map(|position| position.cursor().to_owned());
        Ok((listed.collect(), next))
    }

    /// Forgets a file; says whether it was there.
    pub(crate) async fn remove(&self, name: &str) -> Result<bool, StoreError> {
        let operation = WriteOperation {
            collection: self.collection.clone(),
            action: Action::Delete { id: DocumentId::Text(name.into()) },
            precondition: Precondition::None,
        };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::EachAlone).await?;
        Ok(report.outcomes.iter().all(Result::is_ok))
    }

    /// Notes a file that lies there. `original` is what its sender calls it, `owner` who that is.
    pub(crate) async fn add(
        &self,
        file: StoredFile,
        original: &str,
        owner: &str,
    ) -> Result<StoredFile, StoreError> {
        let entry = Entry {
            original: original.to_owned(),
            size: file.size,
            media_type: file.media_type.clone(),
            shown: file.shown,
            sha256: file.sha256.clone(),
            owner: owner.to_owned(),
        };
        let body = serde_json::to_string(&entry).expect("texts and numbers always serialise");
        let id = DocumentId::Text(file.name.as_str().into());
        let operation = WriteOperation {
            collection: self.collection.clone(),
            action: Action::Put { id, body, if_missing: IfMissing::Create },
            precondition: Precondition::Missing,
        };
        let batch = WriteBatch { operations: vec![operation], ..WriteBatch::default() };
        let report = self.store.write(batch, Atomicity::EachAlone).await?;
        // Names are random: nobody else has this one.
        let at = report.outcomes.into_iter().find_map(Result::ok).map(|it| it.created_at);
        Ok(StoredFile { created_at: at.unwrap_or_default(), ..file })
    }
}
