//! The record routes: documents in collections, by id.

mod answer;
mod batch;
mod changes;
mod collections;
mod create;
mod doc;
mod idempotency;
mod ids;
mod indexes;
mod lines;
mod list;
mod load;
mod parameters;
mod preconditions;
mod problems;
mod record;
mod request;
mod routes;
mod view;

pub(crate) use problems::reserved_id;
pub(crate) use routes::{ROUTES, SCHEMAS};
