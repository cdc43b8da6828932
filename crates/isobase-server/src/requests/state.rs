//! What the routes of the request log need.

use std::{sync::Arc, time::SystemTime};

use isobase_requests::{Items, Requests};
use isobase_store::Store;
use isobase_types::Timestamp;

/// What the routes of the request log need.
pub(crate) struct State {
    pub(super) requests: Requests,
    pub(super) items: Items,
}

impl State {
    pub(crate) fn new(requests: Requests, store: &Store) -> Self {
        let now = || Timestamp::from_system_time(SystemTime::now());
        Self { requests, items: Items::new(store, Arc::new(now)) }
    }
}
