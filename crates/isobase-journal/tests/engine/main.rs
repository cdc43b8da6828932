//! The engine over a document database in memory: the whole suite, and what no suite can see.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail by panic")]

mod conformance;
mod fairness;
mod faults;
mod foreign;
mod processes;
mod reading;
mod review;
mod setup;
