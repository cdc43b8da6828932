//! The record routes, through the service in process, in open mode on the memory engine.

mod batch;
mod bodies;
mod changes;
mod conditions;
mod contract;
mod data_store;
mod fields;
mod hostile;
mod idempotency;
mod indexes;
mod lines;
mod listing;
mod rules;
mod schemas;
pub mod support;
mod writes;
