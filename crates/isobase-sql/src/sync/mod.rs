//! Dumps of databases: made, restored, compared, handed on.

mod before;
mod builtin;
mod complete;
mod contents;
mod dump;
mod elsewhere;
mod manager;
mod options;
mod replay;
mod repository;
mod restore;
mod tools;

pub use contents::TableContents;
pub use manager::{DatabaseSync, Dumps, Programs};
pub use options::{DumpOptions, DumpParts};
pub use tools::{PgTools, Version};
