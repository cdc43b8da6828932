//! A connection as its requests see it.

use std::{net::IpAddr, sync::Arc};

use crate::{activity::Activity, shared::Shared};

/// What the requests of a connection and its guard share.
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: IpAddr,
    pub(crate) activity: Arc<Activity>,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, peer: IpAddr) -> Arc<Self> {
        let activity = Activity::new(shared.metrics.in_flight.clone());
        Arc::new(Self { shared, peer, activity })
    }
}
