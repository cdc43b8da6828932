//! What Firestore does for the engine, on every emulator that is there.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod collections;
mod commits;
mod emulator;
mod faults;
mod foreign;
mod journal;
mod keys;
mod loads;
mod proxy;
mod sizes;
mod support;
