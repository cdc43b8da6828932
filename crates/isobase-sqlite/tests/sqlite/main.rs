//! The connection layer against real files.

#![expect(clippy::unwrap_used, reason = "a failing helper fails the test")]

mod crash;
mod fixture;
mod opening;
mod reading;
mod writing;
