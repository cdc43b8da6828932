//! The embedded engine: one SQLite file.
//!
//! Reading order: `schema` is what the file holds, `catalogue` what is known of it without
//! asking, `handler` the writer from batch to batch, `write`, `collections`, `index_jobs` and
//! `load_jobs` what it does, `read` how ranges are read, `engine` and `transfer` how
//! the contract is met.

mod answers;
mod catalogue;
mod changes;
mod collections;
mod engine;
mod error;
mod fetch;
mod handler;
mod index_jobs;
mod indexes;
mod journal;
mod limits;
mod load;
mod load_jobs;
mod location;
mod options;
mod others;
mod read;
mod reader;
mod retention;
mod schema;
mod statements;
mod transfer;
mod write;

pub use engine::SqliteEngine;
pub use options::SqliteOptions;
pub use reader::SqliteReader;
