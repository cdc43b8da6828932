//! What every handler may use.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::Arc,
};

use http::{Request, Response};
use isobase_auth::Authorizer;
use isobase_store::Store;
use tokio_util::sync::CancellationToken;

use crate::{
    Body, RequestBody, ServerConfig, access::FailureLimiter, body_budget::BodyBudget,
    connection::Connection, cors::Cors, data_store::Turns, metrics::Metrics, readiness::Readiness,
    request_id::RequestIds, service, table::TABLE,
};

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
    pub(crate) metrics: Metrics,
    pub(crate) cors: Cors,
    pub(crate) bodies: BodyBudget,
    pub(crate) request_ids: RequestIds,
    pub(crate) failures: FailureLimiter,
    pub(crate) readiness: Readiness,
    pub(crate) turns: Turns,
}

impl App {
    /// A service over a store.
    #[must_use]
    pub fn new(store: Store, authorizer: Arc<Authorizer>, config: ServerConfig) -> Arc<Self> {
        Arc::new(Self {
            store,
            authorizer,
            stopping: CancellationToken::new(),
            metrics: Metrics::new(TABLE.len()),
            cors: Cors::new(&config.cors_origins),
            bodies: BodyBudget::default(),
            request_ids: RequestIds::new(),
            failures: FailureLimiter::default(),
            readiness: Readiness::default(),
            turns: Turns::default(),
            config,
        })
    }

    /// Answers a request that did not come over a connection, exactly as one that did: for tests
    /// and for programs that hold the service inside.
    pub async fn handle(self: &Arc<Self>, request: Request<RequestBody>) -> Response<Body> {
        let connection = Connection::new(self.clone(), IpAddr::V4(Ipv4Addr::LOCALHOST));
        match service::serve(connection, request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }
}
