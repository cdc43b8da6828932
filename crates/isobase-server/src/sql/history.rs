//! What each owner has run: one document for each, the newest first, bounded in number and size.

use isobase_auth::Documents;
use isobase_store::{Action, IfMissing, Precondition, Rejection, Store, StoreError};
use isobase_types::{DocumentId, json::canonicalise_document};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where it is kept.
const COLLECTION: &str = "isobase_sql_history";
/// Statements that are remembered of an owner.
const ENTRIES_MAX: usize = 200;
/// Bytes of all of them: the smallest engine holds documents of 400 KB.
const BYTES_MAX: usize = 128 * 1024;
/// Attempts to write beside another statement of the same owner.
const ATTEMPTS: usize = 5;

/// A statement that was run.
#[derive(Clone, Debug, Deserialize, JsonSchema, Serialize)]
#[schemars(rename = "SqlHistoryEntry")]
pub(super) struct Entry {
    /// When it began.
    pub(super) at: String,
    /// Its text.
    pub(super) statement: String,
    /// How long it took, in milliseconds.
    pub(super) ms: u64,
    /// Rows that it showed; null when it failed.
    pub(super) rows: Option<u64>,
    /// The code of the problem; null when it was answered.
    pub(super) problem: Option<String>,
}

#[derive(Default, Deserialize, Serialize)]
struct Stored {
    entries: Vec<Entry>,
}

/// What each owner has run.
pub(super) struct History {
    documents: Documents,
}

impl History {
    pub(super) fn new(store: &Store) -> Self {
        Self { documents: Documents::new(store, COLLECTION, &[], &[]) }
    }

    /// What an owner has run, the newest first.
    pub(super) async fn of(&self, owner: &str) -> Result<Vec<Entry>, StoreError> {
        let found = self.documents.get(&id_of(owner)).await?;
        Ok(found.map(|document| entries(&document.body)).unwrap_or_default())
    }

    /// Remembers a statement. The same one again only moves to the front.
    pub(super) async fn add(&self, owner: &str, entry: Entry) -> Result<(), StoreError> {
        let id = id_of(owner);
        for _ in 0..ATTEMPTS {
            let found = self.documents.get(&id).await?;
            let (mut kept, precondition) = match found {
                Some(document) => {
                    let precondition = Precondition::RevisionIn(vec![document.revision.clone()]);
                    (entries(&document.body), precondition)
                }
                None => (Vec::new(), Precondition::Missing),
            };
            kept.retain(|former| former.statement != entry.statement);
            kept.insert(0, entry.clone());
            let body = body(bounded(kept));
            let action = Action::Put { id: id.clone(), body, if_missing: IfMissing::Create };
            match self.documents.write(action, precondition).await? {
                Err(Rejection::RevisionConflict { .. } | Rejection::AlreadyExists) => {}
                Ok(_) | Err(_) => return Ok(()),
            }
        }
        Ok(())
    }

    /// Forgets what an owner has run.
    pub(super) async fn clear(&self, owner: &str) -> Result<(), StoreError> {
        let action = Action::Delete { id: id_of(owner) };
        self.documents.write(action, Precondition::None).await.map(drop)
    }
}

fn id_of(owner: &str) -> DocumentId {
    DocumentId::Text(owner.into())
}

/// What cannot be read is forgotten: it is nobody's work.
fn entries(body: &str) -> Vec<Entry> {
    serde_json::from_str::<Stored>(body).unwrap_or_default().entries
}

fn bounded(mut entries: Vec<Entry>) -> Vec<Entry> {
    entries.truncate(ENTRIES_MAX);
    let mut bytes = 0;
    entries.retain(|entry| {
        bytes += entry.statement.len() + 128;
        bytes <= BYTES_MAX
    });
    entries
}

fn body(entries: Vec<Entry>) -> String {
    let text = serde_json::to_vec(&Stored { entries }).expect("texts and numbers always serialise");
    canonicalise_document(&text).expect("a struct is an object, and its texts are valid")
}
