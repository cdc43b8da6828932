//! The store over the memory engine.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

mod rules;
mod rules_page;
