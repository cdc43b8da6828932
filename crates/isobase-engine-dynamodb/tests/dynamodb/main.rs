//! The database against an emulator, and against answers that no emulator gives.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod adopted;
mod commits;
mod emulator;
mod exact;
mod faults;
mod fixture;
mod loads;
mod script;
