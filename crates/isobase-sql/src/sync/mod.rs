//! Dumps of databases: made, restored, compared, handed on.

mod builtin;
mod contents;
mod dump;
mod elsewhere;
mod manager;
mod replay;
mod repository;
mod restore;
mod tools;

pub use contents::TableContents;
pub use dump::{DumpOptions, DumpParts};
pub use manager::{DatabaseSync, Dumps, Programs};
pub use tools::{PgTools, Version};
