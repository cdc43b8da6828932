//! The data store: values under a namespace and a key, apart for each user, with counted accesses.
//!
//! Each record is a document of the collection `agent_data_store`, so it travels with the others and
//! can be read as one. Every change compares the revision it was made from, so counts and
//! metadata of several writers at once are all kept.

mod handlers;
mod routes;
mod state;

pub(crate) use routes::{SCHEMAS, routes};
pub(crate) use state::State;
