//! `cargo xtask bench`: speed, on this machine only.
//!
//! Each benchmark is a file here and a line in [`Bench`]. All of them use the
//! load client and the process readings of `isobase-testkit`.

mod load;

use anyhow::Result;
use clap::Subcommand;

use crate::{interrupt, workspace};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Sends one request again and again to a server that runs on this machine.
    Load(load::Arguments),
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    if cfg!(debug_assertions) {
        return run_optimised();
    }
    match bench {
        Bench::Load(arguments) => load::run(arguments),
    }
}

/// Runs the same command by an optimised build of this program: the load
/// client shares the machine with what it measures.
fn run_optimised() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--release", "--package", "xtask", "--"]);
    interrupt::run(command.args(std::env::args_os().skip(1)))
}
