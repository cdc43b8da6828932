//! The reference engine: everything in memory, in the plainest way.
//!
//! Random programs on every other engine are compared with this one, so it shares with them only
//! the rules of a write ([`isobase_engine::decide`]) and the order of values. It plans nothing:
//! a listing looks at every document of its collection.

mod engine;
mod options;
mod state;
mod transfer;

pub use engine::MemoryEngine;
pub use options::MemoryOptions;
