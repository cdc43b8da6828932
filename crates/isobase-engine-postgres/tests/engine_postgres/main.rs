//! What only this engine promises: its tables, several processes on one schema, and what happens
//! when the server goes away. The contract itself is tested by the conformance suite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod faults;
mod fixture;
mod indexes;
mod tables;
