//! Whole databases between engines: every ordered pair, cuts, damage, and writes meanwhile.

#![expect(clippy::unwrap_used, reason = "a surprise ends the test, wherever it is met")]

mod archives;
mod copies;
mod existing;
mod files;
mod fixture;
mod pairs;
mod torture;
mod wrapper;
