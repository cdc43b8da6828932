//! Automation of this repository: `cargo xtask --help`.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool prints; its own progress goes to standard error"
)]

mod bench;
mod ci;
mod cpu;
mod engines;
mod generate;
mod interrupt;
mod python;
mod steps;
mod test;
mod tools;
mod workspace;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

use crate::engines::Extent;

#[derive(Debug, Parser)]
#[command(name = "cargo xtask", about = "Tests, checks and benchmarks of Isobase")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Runs all tests, with all they need.
    ///
    /// Finds or installs the servers of all engines, cargo-nextest and strace,
    /// starts the servers on free ports of loopback, runs every test of the
    /// workspace, and stops the servers. With CI=true no test may be left out.
    Test {
        /// Given to `cargo nextest run`, such as `-p isobase-types` or a name.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Runs all tests at length: every combination on every engine, hundreds of races and of
    /// random programs, large copies. An hour or two; no part of what must pass.
    Soak {
        /// Given to `cargo nextest run`, such as `-p isobase-ops` or a name.
        #[arg(last = true)]
        arguments: Vec<String>,
    },
    /// Runs what must hold before a change is merged.
    Ci {
        /// Only these steps; all when none is named.
        #[arg(value_enum)]
        steps: Vec<ci::Step>,
    },
    /// Writes the documents that are made from the code.
    Generate {
        /// Writes nothing, and fails when a document is not up to date.
        #[arg(long)]
        check: bool,
    },
    /// Builds the wheel of the Python package into target/wheels.
    Python {
        /// Unoptimised, as the tests have it.
        #[arg(long)]
        debug: bool,
        /// Run its tests, against the servers that the environment names.
        #[arg(long)]
        test: bool,
        /// With DynamoDB and Firestore, whose clients take long to build.
        #[arg(long)]
        cloud: bool,
    },
    /// Servers of the engines, for development.
    #[command(subcommand)]
    Engines(engines::Action),
    /// Measures speed, on this machine only.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(Arguments::parse().task) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(task: Task) -> Result<()> {
    match task {
        Task::Test { arguments } => test::run(Extent::Suite, &arguments),
        Task::Soak { arguments } => test::run(Extent::Everything, &arguments),
        Task::Ci { steps } => ci::run(&steps),
        Task::Generate { check } => generate::run(check),
        Task::Python { test: true, cloud, .. } => python::test(&[], cloud),
        Task::Python { debug, cloud, .. } => {
            python::build(python::Wheel { release: !debug, cloud }).map(drop)
        }
        Task::Engines(action) => engines::run(&action),
        Task::Bench(bench) => bench::run(&bench),
    }
}
