//! Dumps of databases: made, restored, compared, handed on.

mod contents;
mod dump;
mod manager;
mod repository;
mod restore;
mod tools;

pub use contents::TableContents;
pub use dump::{DumpOptions, DumpParts};
pub use manager::{DatabaseSync, Dumps};
pub use tools::{PgTools, Version};
