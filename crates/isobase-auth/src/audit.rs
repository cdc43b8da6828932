//! Who did what: entries that are written and never changed.

use isobase_store::{
    Action, Atomicity, IfMissing, Precondition, Store, StoreError, WriteBatch, WriteOperation,
};
use isobase_types::{CollectionName, DocumentId, Timestamp, json::canonicalise_document};
use serde::Serialize;
use serde_json::Value;

use crate::{Clock, NoRandomness, secret::random_text};

/// The system collection of the entries.
pub const AUDIT_COLLECTION: &str = "isobase_audit";

/// Random bytes that tell two entries of one microsecond apart.
const MARK_BYTES: usize = 4;

/// Who asks for something, and how.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Actor {
    /// The principal: `internal`, `account:1`, the id of a key, or a part of the service.
    pub actor: String,
    /// The account that this one, an owner, acts as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub acting_as: Option<String>,
    /// Where the request came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ip: Option<String>,
    /// The id of the request.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
}

impl Actor {
    /// A part of the service itself.
    #[must_use]
    pub fn part(name: &str) -> Self {
        Self { actor: name.to_owned(), ..Self::default() }
    }
}

/// An event, and its object.
#[derive(Clone, Debug)]
pub struct AuditEntry<'a> {
    /// Who asked.
    pub by: &'a Actor,
    /// `job.started`
    pub action: &'a str,
    /// `job`
    pub object_type: &'a str,
    /// Which one.
    pub object_id: &'a str,
    /// How it was, without secrets; null when it was not there.
    pub before: Value,
    /// How it is, without secrets; null when it is gone.
    pub after: Value,
}

/// Writes entries.
#[derive(Clone, Debug)]
pub struct Audit {
    store: Store,
    collection: CollectionName,
    clock: Clock,
}

/// An entry was not written.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The database failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The system gave no random bytes.
    #[error(transparent)]
    Random(#[from] NoRandomness),
}

impl Audit {
    /// Writes into the database of a store.
    #[must_use]
    pub fn new(store: &Store, clock: Clock) -> Self {
        let collection = CollectionName::new(AUDIT_COLLECTION).expect("it is a valid name");
        Self { store: store.system(), collection, clock }
    }

    /// The write of an entry, to be carried out together with what it tells of.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn operation(&self, entry: &AuditEntry<'_>) -> Result<WriteOperation, NoRandomness> {
        let now = self.clock.now();
        let mark = random_text::<MARK_BYTES>()?;
        let id = format!("{:016x}-{mark}", now.unix_us);
        let id = DocumentId::Text(id.into());
        let body = body(entry, now);
        let action = Action::Put { id, body, if_missing: IfMissing::Create };
        let collection = self.collection.clone();
        Ok(WriteOperation { collection, action, precondition: Precondition::Missing })
    }

    /// Writes an entry by itself, after what it tells of.
    ///
    /// # Errors
    /// The database or the system fails.
    pub async fn write(&self, entry: &AuditEntry<'_>) -> Result<(), AuditError> {
        let operations = vec![self.operation(entry)?];
        let batch = WriteBatch { operations, ..WriteBatch::default() };
        self.store.write(batch, Atomicity::EachAlone).await?;
        Ok(())
    }
}

fn body(entry: &AuditEntry<'_>, now: Timestamp) -> String {
    #[derive(Serialize)]
    struct Stored<'a> {
        at: String,
        #[serde(flatten)]
        by: &'a Actor,
        action: &'a str,
        object_type: &'a str,
        object_id: &'a str,
        before: &'a Value,
        after: &'a Value,
    }
    let AuditEntry { by, action, object_type, object_id, before, after } = entry;
    let at = now.to_string();
    let stored = Stored { at, by, action, object_type, object_id, before, after };
    let text = serde_json::to_vec(&stored).expect("texts and values always serialise");
    canonicalise_document(&text).expect("a struct is an object, and its texts are valid")
}
