//! State that all requests of a service share.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use tokio_util::sync::CancellationToken;

use crate::{
    Api, HttpConfig, Measure, Observer, Spec, body_budget::BodyBudget, cors::Cors,
    metrics::Metrics, openapi, request_id::RequestIds,
};

/// Bounds, counters and the description of a service. Made once; every request holds it.
pub struct Shared {
    pub(crate) config: HttpConfig,
    pub(crate) stopping: CancellationToken,
    pub(crate) metrics: Metrics,
    pub(crate) cors: Cors,
    pub(crate) bodies: BodyBudget,
    pub(crate) request_ids: RequestIds,
    /// Of every route, by its number.
    pub(crate) specs: Vec<Spec>,
    /// Who is told of every answer.
    pub(crate) observer: Option<Arc<dyn Observer>>,
    api: Api,
    /// Made when it is first asked for.
    openapi: OnceLock<Bytes>,
}

impl Shared {
    pub(crate) fn new(
        config: HttpConfig,
        specs: Vec<Spec>,
        api: Api,
        observer: Option<Arc<dyn Observer>>,
    ) -> Self {
        Self {
            stopping: CancellationToken::new(),
            metrics: Metrics::new(specs.len()),
            cors: Cors::new(&config),
            bodies: BodyBudget::default(),
            request_ids: RequestIds::new(),
            config,
            specs,
            observer,
            api,
            openapi: OnceLock::new(),
        }
    }

    /// Bounds and deadlines.
    #[must_use]
    pub fn config(&self) -> &HttpConfig {
        &self.config
    }

    /// Cancelled when the service begins to stop: what waits or streams ends soon after.
    #[must_use]
    pub fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    /// The OpenAPI document of every route the service has, as JSON text.
    #[must_use]
    pub fn openapi(&self) -> Bytes {
        let text = || openapi::openapi(&self.api, &self.specs).to_string().into();
        self.openapi.get_or_init(text).clone()
    }

    /// The counters in the text format of Prometheus, with what others measure.
    #[must_use]
    pub fn metrics_text(&self, mut others: Vec<Measure>) -> String {
        others.extend(self.observer.iter().flat_map(|observer| observer.measures()));
        self.metrics.to_text(&self.specs, &others)
    }

    /// Who is told of every answer.
    #[must_use]
    pub fn observer(&self) -> Option<&Arc<dyn Observer>> {
        self.observer.as_ref()
    }
}
