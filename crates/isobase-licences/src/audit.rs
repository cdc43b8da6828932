//! Who did what: an entry for every write, written with it.

use isobase_auth::{AUDIT_COLLECTION, Actor};
use isobase_store::{Action, IfMissing, Precondition, WriteOperation};
use isobase_types::{CollectionName, DocumentId, Timestamp};
use serde::Serialize;
use serde_json::Value;

use crate::document::body;

/// The event.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Entry<'a> {
    pub(crate) at: String,
    #[serde(flatten)]
    pub(crate) by: &'a Actor,
    /// `license.suspended`
    pub(crate) action: &'static str,
    /// `license` or `installations`
    pub(crate) object_type: &'static str,
    pub(crate) object_id: String,
    pub(crate) before: Value,
    pub(crate) after: Value,
}

impl<'a> Entry<'a> {
    pub(crate) fn new(now: Timestamp, by: &'a Actor, action: &'static str) -> Self {
        Self {
            at: now.to_string(),
            by,
            action,
            object_type: "license",
            object_id: String::new(),
            before: Value::Null,
            after: Value::Null,
        }
    }

    /// The write of the entry. Its id is the name of what was written and the number of that
    /// write, and it must not be there: of two that write from the same state only one can have
    /// it, so the entry of the other one is refused together with its write, also where a database
    /// decides each of them by itself.
    pub(crate) fn write(&self, subject: &str, version: u64) -> WriteOperation {
        let id = DocumentId::Text(format!("{subject}-{version:012}").into());
        let action = Action::Put { id, body: body(self), if_missing: IfMissing::Create };
        WriteOperation { collection: collection(), action, precondition: Precondition::Missing }
    }
}

pub(crate) fn collection() -> CollectionName {
    CollectionName::new(AUDIT_COLLECTION).expect("it is a valid name, as the tests show")
}
