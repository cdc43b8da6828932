//! The record routes: documents in collections, by id.

mod doc;
mod handlers;
mod problems;
mod routes;
mod schema_routes;
mod state;

pub(crate) use routes::{SCHEMAS, routes};
pub(crate) use state::State;
