//! State of the routes of keys.

use std::sync::Arc;

use isobase_auth::{Audit, AuditEntry, Authorizer, Clock, KeyInfo, KeyStore};
use isobase_store::Store;
use serde_json::Value;

use super::wire::Key;
use crate::{Call, actor::actor};

/// State of the routes of keys.
pub(crate) struct State {
    pub(super) keys: KeyStore,
    /// Told of every change: what is answered holds in this service at once.
    pub(super) authorizer: Arc<Authorizer>,
    audit: Audit,
}

impl State {
    pub(crate) fn new(store: &Store, authorizer: Arc<Authorizer>) -> Self {
        let audit = Audit::new(store, Clock::default());
        Self { keys: KeyStore::new(store), authorizer, audit }
    }

    /// Writes an entry of the audit after what it tells of, without the key itself. Where that fails the
    /// answer is given all the same: a new key is shown only there.
    pub(super) async fn tell(
        &self,
        call: &Call,
        action: &str,
        (before, after): (Option<&KeyInfo>, Option<&KeyInfo>),
    ) {
        let told = |info: Option<&KeyInfo>| match info {
            Some(info) => serde_json::to_value(Key::of(info)).unwrap_or_default(),
            None => Value::Null,
        };
        let object_id = after.or(before).map(|info| &*info.id).unwrap_or_default();
        let entry = AuditEntry {
            by: &actor(call),
            action,
            object_type: "key",
            object_id,
            before: told(before),
            after: told(after),
        };
        if let Err(error) = self.audit.write(&entry).await {
            tracing::warn!(%error, "an entry of the audit is missing: {error}");
        }
    }
}
