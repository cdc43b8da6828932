//! Listings, single documents, and what both read from a request.

pub(super) mod batch;
pub(super) mod item;
pub(super) mod list;
mod query;
