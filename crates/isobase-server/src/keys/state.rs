//! What the routes of keys need.

use std::sync::Arc;

use isobase_auth::{Authorizer, KeyStore};
use isobase_store::Store;

/// What the routes of keys need.
pub(crate) struct State {
    pub(super) keys: KeyStore,
    /// Told of every change: what is answered holds in this service at once.
    pub(super) authorizer: Arc<Authorizer>,
}

impl State {
    pub(crate) fn new(store: &Store, authorizer: Arc<Authorizer>) -> Self {
        Self { keys: KeyStore::new(store), authorizer }
    }
}
