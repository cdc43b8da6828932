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
mod schema_routes;
mod schemas;
mod view;

pub(crate) use problems::reserved_id;
pub(crate) use request::{document, no_parameters, require_json, take_body};
pub(crate) use routes::{ROUTES, SCHEMAS};
pub(crate) use schema_routes::ROUTES as SCHEMA_ROUTES;
