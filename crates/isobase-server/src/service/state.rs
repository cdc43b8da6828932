//! State of the routes about the service.

use std::{sync::OnceLock, time::Duration};

use http::HeaderValue;

use isobase_http::Measure;
use isobase_jobs::Jobs;
use isobase_store::Store;
use tokio::{
    sync::Mutex,
    time::{Instant, timeout},
};

use crate::durability::Durability;

/// How long an answer of the store holds: asking for readiness must not be a way to load it.
const HOLDS: Duration = Duration::from_secs(1);
/// A store that takes longer is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// State of the routes about the service.
pub(crate) struct State {
    /// Whose gauges are shown, and which is asked whether it works.
    pub(super) store: Store,
    /// Whose gauges are shown too.
    pub(super) jobs: Jobs,
    pub(super) readiness: Readiness,
    pub(super) durability: Durability,
    /// The statement of the process about itself.
    pub(super) process: Option<fn() -> Vec<Measure>>,
    /// Of the OpenAPI document; made when it is first asked for.
    pub(super) openapi_etag: OnceLock<HeaderValue>,
}

impl State {
    pub(crate) fn new(
        store: Store,
        jobs: Jobs,
        durability: Durability,
        process: Option<fn() -> Vec<Measure>>,
    ) -> Self {
        let (readiness, openapi_etag) = (Readiness::default(), OnceLock::new());
        Self { store, jobs, readiness, durability, process, openapi_etag }
    }
}

/// Whether the store works: its last answer.
#[derive(Debug, Default)]
pub(super) struct Readiness {
    last: Mutex<Option<(Instant, Result<(), String>)>>,
}

impl Readiness {
    /// Whether the store works. Callers that come at the same time share one question.
    ///
    /// # Errors
    /// Says why not, for the log.
    pub(super) async fn check(&self, store: &Store) -> Result<(), String> {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < HOLDS
        {
            return answer.clone();
        }
        let answer = match timeout(PATIENCE, store.check()).await {
            Ok(answer) => answer.map_err(|error| error.to_string()),
            Err(_) => Err(format!("the store did not answer within {PATIENCE:?}")),
        };
        *last = Some((Instant::now(), answer.clone()));
        answer
    }
}
