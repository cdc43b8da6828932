//! The request log on the wire, and how its routes are described.

mod described;
mod facets;
mod ingest;
mod items;
mod list;
mod stats;
mod watch;

pub(super) use facets::{FacetsAnswer, get_request_facets};
pub(super) use ingest::*;
pub(super) use items::*;
pub(super) use list::*;
pub(super) use stats::*;
pub(super) use watch::*;
