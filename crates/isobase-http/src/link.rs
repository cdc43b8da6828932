//! A connection as its requests see it.

use std::{net::IpAddr, sync::Arc};

use crate::{activity::Activity, gate::Door, shared::Shared};

/// State that the requests of a connection and its guard share.
pub(crate) struct Link {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: IpAddr,
    pub(crate) door: Door,
    pub(crate) activity: Arc<Activity>,
}

impl Link {
    pub(crate) fn new(shared: Arc<Shared>, peer: IpAddr, door: Door) -> Arc<Self> {
        let activity = Activity::new(shared.metrics.in_flight.clone());
        Arc::new(Self { shared, peer, door, activity })
    }
}
