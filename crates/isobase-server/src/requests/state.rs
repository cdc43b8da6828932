//! State of the routes of the request log.

use std::{sync::Arc, time::SystemTime};

use isobase_http::Permission;
use isobase_requests::{Items, Requests, Tail, TailOptions};
use isobase_store::Store;
use isobase_types::Timestamp;

use crate::{connections::Connections, gate::Gate};

/// To read what this feature keeps.
pub(super) const READ: Permission = Permission::ReadOf("requests");

/// State of the routes of the request log.
pub(crate) struct State {
    pub(super) requests: Arc<Requests>,
    pub(super) tail: Tail,
    pub(super) items: Items,
    /// Asked again and again while somebody watches.
    pub(super) gate: Gate,
    /// The open streams of all slices.
    pub(super) connections: Arc<Connections>,
}

impl State {
    pub(crate) fn new(
        requests: Arc<Requests>,
        store: &Store,
        gate: Gate,
        connections: Arc<Connections>,
    ) -> Self {
        let now = || Timestamp::from_system_time(SystemTime::now());
        let tail = Tail::new(Arc::clone(&requests), TailOptions::default());
        Self { requests, tail, items: Items::new(store, Arc::new(now)), gate, connections }
    }
}
