//! What only this engine promises: its databases, its redo log, several processes on one prefix,
//! other programs, and what happens when the server fails. The contract itself is tested by the
//! conformance suite.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod answers;
mod databases;
mod emulator;
mod fixture;
mod journal;
mod proxy;
mod redo;
