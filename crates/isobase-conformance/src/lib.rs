//! The one suite that every engine runs.
//!
//! [`CASES`] is one list of named cases. A case talks to a [`Subject`]: a store in the same
//! process ([`StoreSubject`]) or a service over HTTP ([`HttpSubject`]). [`conformance_tests!`]
//! makes one test of each case for an engine. Random programs ([`random`]) are compared with the
//! memory engine. [`transfer`] is the list of cases for reading and loading everything, with
//! [`transfer_tests!`].

#![expect(clippy::unwrap_used, reason = "a case fails by panicking")]

mod ability;
mod cases;
mod check;
mod harness;
mod in_process;
mod list;
mod matrix;
mod over_http;
pub mod random;
mod refusal;
mod subject;
mod test_clock;
pub mod transfer;
mod values;

pub use ability::Abilities;
pub use harness::{CHANGES_KEPT, Case, Opened, Run, run_case, run_test};
pub use in_process::StoreSubject;
pub use list::CASES;
pub use matrix::matrix;
pub use over_http::HttpSubject;
pub use refusal::{Refusal, RefusalKind};
pub use subject::{
    Action, Answer, Batch, BatchReport, Change, Condition, Done, Feed, Listed, Operation,
    PatchForm, Report, Shared, Stored, Subject, Times, Totals,
};
pub use test_clock::TestClock;
