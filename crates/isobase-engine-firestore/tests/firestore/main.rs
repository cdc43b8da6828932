//! What Firestore does for the engine, on every emulator that is there.

mod collections;
mod commits;
mod faults;
mod foreign;
mod journal;
mod keys;
mod loads;
mod proxy;
mod sizes;
mod support;
