//! Settings that are kept in the database, so that every service on it follows.

use isobase_auth::{Actor, Audit, AuditEntry, AuditError, Clock, Documents};
use isobase_store::{
    Action, FeedPlace, FeedRequest, IfMissing, Precondition, Rejection, Since, Store, StoreError,
};
use isobase_types::{Document, DocumentId, json::canonicalise_document};
use serde_json::{Value, json};

/// The system collection of settings: a document for each, under the key of the setting.
pub const SETTINGS_COLLECTION: &str = "isobase_settings";

/// The settings that a database keeps.
#[derive(Debug)]
pub struct StoredSettings {
    documents: Documents,
    audit: Audit,
    clock: Clock,
}

impl StoredSettings {
    /// Those of a store's database.
    #[must_use]
    pub fn new(store: &Store) -> Self {
        let clock = Clock::default();
        let documents = Documents::new(store, SETTINGS_COLLECTION, &[], &[]);
        Self { documents, audit: Audit::new(store, clock.clone()), clock }
    }

    /// Keys and values, by the keys.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn list(&self) -> Result<Vec<(String, String)>, StoreError> {
        let documents = self.documents.list(None).await?;
        let mut found: Vec<_> = documents.iter().filter_map(read).collect();
        found.sort();
        Ok(found)
    }

    /// A place from which [`StoredSettings::changed`] waits.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn place(&self) -> Result<FeedPlace, StoreError> {
        let (since, collection) = (Since::Now, None);
        let request = FeedRequest { since, collection, limit: 1, bodies: false };
        Ok(self.documents.store().changes(request).await?.next)
    }

    /// Waits until something may have changed after a place.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn changed(&self, place: FeedPlace) -> Result<(), StoreError> {
        self.documents.store().wait_for_change(place, Some(self.documents.collection())).await
    }

    /// Keeps a value, with an entry of the audit.
    pub(crate) async fn set(
        &self,
        key: &str,
        value: &str,
        by: &Actor,
        before: Value,
    ) -> Result<Result<(), Rejection>, AuditError> {
        let body = json!({ "value": value, "by": by.actor, "at": self.clock.now().to_string() });
        let body = canonicalise_document(body.to_string().as_bytes());
        let body = body.expect("an object of texts is a document");
        let action = Action::Put { id: id(key), body, if_missing: IfMissing::Create };
        self.write(action, ("setting.changed", key), by, (before, json!(value))).await
    }

    /// Forgets a value, with an entry of the audit; says whether there was one.
    pub(crate) async fn reset(&self, key: &str, by: &Actor) -> Result<bool, AuditError> {
        let Some(document) = self.documents.get(&id(key)).await? else { return Ok(false) };
        let before = read(&document).map_or(Value::Null, |(_, value)| json!(value));
        let action = Action::Delete { id: document.id };
        let entry = (before, Value::Null);
        Ok(self.write(action, ("setting.reset", key), by, entry).await?.is_ok())
    }

    async fn write(
        &self,
        action: Action,
        (verb, key): (&str, &str),
        by: &Actor,
        (before, after): (Value, Value),
    ) -> Result<Result<(), Rejection>, AuditError> {
        let entry =
            AuditEntry { by, action: verb, object_type: "setting", object_id: key, before, after };
        let told = vec![self.audit.operation(&entry)?];
        Ok(self.documents.write_with(action, Precondition::None, told).await?.map(drop))
    }
}

fn id(key: &str) -> DocumentId {
    DocumentId::Text(key.into())
}

fn read(document: &Document) -> Option<(String, String)> {
    let body: Value = serde_json::from_str(&document.body).ok()?;
    Some((document.id.to_string(), body["value"].as_str()?.to_owned()))
}
