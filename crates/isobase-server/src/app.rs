//! What every handler may use.

use std::sync::Arc;

use isobase_auth::Authorizer;
use isobase_store::Store;
use tokio_util::sync::CancellationToken;

use crate::ServerConfig;

/// The service's shared state. Made once; every request holds it.
pub struct App {
    /// The documents.
    pub store: Store,
    /// Who may do what.
    pub authorizer: Arc<Authorizer>,
    /// Bounds and deadlines.
    pub config: ServerConfig,
    /// Cancelled when the service begins to stop: streams end soon after.
    pub stopping: CancellationToken,
}

impl App {
    /// A service over a store.
    #[must_use]
    pub fn new(store: Store, authorizer: Arc<Authorizer>, config: ServerConfig) -> Arc<Self> {
        Arc::new(Self { store, authorizer, config, stopping: CancellationToken::new() })
    }
}
