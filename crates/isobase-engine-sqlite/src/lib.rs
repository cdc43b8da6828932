//! The embedded engine: one SQLite file.
//!
//! Reading order: `schema` is what the file holds, `catalogue` what is known of it without
//! asking, `handler` what the writer does, `read` how ranges are read, `engine` and `transfer` how
//! the contract is met.

mod catalogue;
mod engine;
mod error;
mod handler;
mod indexes;
mod journal;
mod limits;
mod load;
mod location;
mod options;
mod others;
mod read;
mod reader;
mod schema;
mod transfer;

pub use engine::SqliteEngine;
pub use options::SqliteOptions;
pub use reader::SqliteReader;
