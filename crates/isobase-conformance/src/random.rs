//! Random programs, compared with the memory engine.

mod generate;
mod program;

use std::future::Future;

pub use program::{Difference, ProgramOptions, compare, seeds_from_environment};

use crate::{Opened, run_test};

/// Runs random programs, each on a fresh subject.
///
/// # Panics
/// At the first program that differs from the memory engine.
pub fn run_programs<F>(programs: u64, open: impl Fn(&'static str) -> F)
where
    F: Future<Output = Option<Opened>>,
{
    for seed in seeds_from_environment(programs) {
        run_test(
            "random program",
            || open("random program"),
            async |subject| {
                if let Err(difference) = compare(&subject, ProgramOptions::new(seed)).await {
                    panic!("{difference}");
                }
            },
        );
    }
}
