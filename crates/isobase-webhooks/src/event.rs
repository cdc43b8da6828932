//! The event made of a change.

use isobase_auth::{ACCOUNTS_COLLECTION, AUDIT_COLLECTION};
use isobase_store::{Caller, Store, StoreError, View};
use isobase_types::{Change, ChangeKind, DocumentId};
use serde::Serialize;
use serde_json::{Value, json, value::RawValue};
use std::sync::Arc;

use crate::Topic;

/// The system collection of uploaded files.
const UPLOADS_COLLECTION: &str = "isobase_uploads";
/// Longest document that is told whole, in bytes. Anyone who gets another one reads it.
const DOCUMENT_BYTES_MAX: usize = 256 << 10;

/// The event, as it is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Event {
    /// `license.revoked`
    pub(crate) kind: String,
    /// JSON as text.
    pub(crate) body: String,
}

/// Which topic a change may be of. Of the audit only the entry tells.
fn topics(change: &Change) -> Vec<Topic> {
    match change.collection.as_str() {
        AUDIT_COLLECTION if change.kind == ChangeKind::Created => {
            vec![Topic::Licences, Topic::Operations]
        }
        ACCOUNTS_COLLECTION => vec![Topic::Accounts],
        UPLOADS_COLLECTION => vec![Topic::Uploads],
        name if name.starts_with("isobase_") => Vec::new(),
        _ => vec![Topic::Documents(change.collection.clone())],
    }
}

/// Whether somebody who wants these topics may want to hear of a change.
pub(crate) fn may_be_of(change: &Change, wanted: &[Topic]) -> bool {
    let topics = topics(change);
    !topics.is_empty() && wanted.iter().any(|topic| topics.contains(topic))
}

/// The event made of a change for somebody who wants these topics; `None` if it is of no interest after
/// all.
pub(crate) async fn event(
    store: &Store,
    change: &Change,
    wanted: &[Topic],
) -> Result<Option<Event>, StoreError> {
    if !may_be_of(change, wanted) {
        return Ok(None);
    }
    let Some(id) = &change.id else {
        let data = json!({ "collection": change.collection.as_str() });
        return Ok(Some(told(change, "documents.deleted".to_owned(), &data)));
    };
    match change.collection.as_str() {
        AUDIT_COLLECTION => of_audit(store, change, id, wanted).await,
        ACCOUNTS_COLLECTION => of_account(store, change, id).await.map(Some),
        UPLOADS_COLLECTION => of_upload(store, change, id).await.map(Some),
        _ => of_document(store, change, id).await.map(Some),
    }
}

async fn of_audit(
    store: &Store,
    change: &Change,
    id: &DocumentId,
    wanted: &[Topic],
) -> Result<Option<Event>, StoreError> {
    let Some(entry) = read(store, change, id).await? else { return Ok(None) };
    let action = entry["action"].as_str().unwrap_or_default();
    let topic = match action.split('.').next() {
        Some("license" | "installation") => Topic::Licences,
        Some("job" | "backup") => Topic::Operations,
        _ => return Ok(None),
    };
    if !wanted.contains(&topic) {
        return Ok(None);
    }
    let data = json!({
        "id": entry["object_id"], "actor": entry["actor"],
        "before": entry["before"], "after": entry["after"],
    });
    Ok(Some(told(change, action.to_owned(), &data)))
}

/// Of an account what others may know, and nothing of its secrets.
async fn of_account(store: &Store, change: &Change, id: &DocumentId) -> Result<Event, StoreError> {
    let mut data = json!({ "id": id_value(id) });
    if let Some(account) = read(store, change, id).await? {
        for name in ["name", "email", "role", "verified", "disabled"] {
            data[name] = account[name].clone();
        }
    }
    Ok(told(change, format!("account.{}", change.kind.as_str()), &data))
}

async fn of_upload(store: &Store, change: &Change, id: &DocumentId) -> Result<Event, StoreError> {
    let mut data = json!({ "name": id_value(id) });
    if let Some(file) = read(store, change, id).await? {
        for name in ["original", "size", "media_type", "sha256", "owner"] {
            data[name] = file[name].clone();
        }
    }
    Ok(told(change, format!("upload.{}", change.kind.as_str()), &data))
}

async fn of_document(store: &Store, change: &Change, id: &DocumentId) -> Result<Event, StoreError> {
    #[derive(Serialize)]
    struct Data<'a> {
        collection: &'a str,
        id: Value,
        revision: Option<String>,
        /// As it is after the change; null when it is gone, or too long.
        document: Option<&'a RawValue>,
        too_long: bool,
    }
    let text = match change.kind {
        ChangeKind::Created | ChangeKind::Updated => text(store, change, id).await?,
        _ => None,
    };
    let too_long = text.as_ref().is_some_and(|text| text.len() > DOCUMENT_BYTES_MAX);
    let shown = text.filter(|_| !too_long).and_then(|text| RawValue::from_string(text).ok());
    let data = Data {
        collection: change.collection.as_str(),
        id: id_value(id),
        revision: change.revision.as_ref().map(ToString::to_string),
        document: shown.as_deref(),
        too_long,
    };
    Ok(told(change, format!("document.{}", change.kind.as_str()), &data))
}

/// The body of an event.
pub(crate) fn told(change: &Change, kind: String, data: &impl Serialize) -> Event {
    body(kind, &change.at.to_string(), data)
}

/// The body of an event at a time.
pub(crate) fn body(kind: String, at: &str, data: &impl Serialize) -> Event {
    #[derive(Serialize)]
    struct Told<'a, D> {
        #[serde(rename = "type")]
        kind: &'a str,
        timestamp: &'a str,
        data: &'a D,
    }
    let body = serde_json::to_string(&Told { kind: &kind, timestamp: at, data });
    Event { body: body.expect("texts and values always serialise"), kind }
}

/// A document after a change, as a value; `None` if it is gone.
async fn read(
    store: &Store,
    change: &Change,
    id: &DocumentId,
) -> Result<Option<Value>, StoreError> {
    let text = text(store, change, id).await?;
    Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
}

/// A document after a change, without what is never shown: as the entry keeps it, else as it is now.
async fn text(
    store: &Store,
    change: &Change,
    id: &DocumentId,
) -> Result<Option<String>, StoreError> {
    let whole = match change.kept.body.text() {
        Some(text) => text.to_owned(),
        None => match store.get(&change.collection, id).await? {
            Some(document) => document.body,
            None => return Ok(None),
        },
    };
    let view = View::new(store.clone(), Arc::default(), Caller::service());
    Ok(Some(view.shown(&change.collection, &whole).await?.into_owned()))
}

fn id_value(id: &DocumentId) -> Value {
    match id {
        DocumentId::Integer(integer) => json!(integer),
        DocumentId::Text(text) => json!(&**text),
    }
}
