//! `cargo xtask bench`: speed, on this machine only.
//!
//! Each benchmark is a file here and a line in [`Bench`]. All of them use the
//! load client and the process readings of `isobase-testkit`.

mod load;

use anyhow::Result;
use clap::Subcommand;

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Sends one request again and again to a server that runs on this machine.
    Load(load::Arguments),
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    match bench {
        Bench::Load(arguments) => load::run(arguments),
    }
}
