//! Random programs, compared with the memory engine.

mod generate;
mod program;

use std::future::Future;

pub use program::{Difference, ProgramOptions, compare, seeds_from_environment};

use crate::{Opened, run_test};

/// Programs of a test where requests are cheap.
const PROGRAMS: u64 = 100;

/// Programs of a test at least, however dear its requests.
const PROGRAMS_MIN: u64 = 20;

/// Runs random programs, each on a fresh subject.
///
/// # Panics
/// At the first program that differs from the memory engine.
pub fn run_programs<F>(open: impl Fn(&'static str) -> F)
where
    F: Future<Output = Option<Opened>>,
{
    let mut one_in = 1;
    let seeds = seeds_from_environment(PROGRAMS);
    let programs = seeds.len() as u64;
    for (number, seed) in (0..).zip(seeds) {
        if number >= PROGRAMS_MIN.max(programs / one_in) {
            break;
        }
        run_test(
            "random program",
            || open("random program"),
            async |subject| {
                one_in = subject.abilities().one_in as u64;
                if let Err(difference) = compare(&subject, ProgramOptions::new(seed)).await {
                    panic!("{difference}");
                }
            },
        );
    }
}
