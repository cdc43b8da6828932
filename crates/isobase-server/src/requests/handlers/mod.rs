//! One file for each thing that is done with the request log.

pub(super) mod facet;
pub(super) mod ingest;
pub(super) mod items;
pub(super) mod list;
pub(super) mod watch;
