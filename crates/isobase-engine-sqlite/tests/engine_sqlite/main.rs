//! What only this engine promises. The contract itself is tested by the conformance suite.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod file;
mod load;
