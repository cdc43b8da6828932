//! The documents that say which files there are.

use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreError, WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId, Timestamp};
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
        Ok(entry.map(|entry| StoredFile {
            name: name.to_owned(),
            size: entry.size,
            media_type: entry.media_type,
            shown: entry.shown,
            sha256: entry.sha256,
            created_at: document.created_at,
        }))
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
