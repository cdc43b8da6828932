//! `cargo xtask bench`: speed, on this machine only.
//!
//! Each benchmark is a file here and a line in [`Bench`]. All of them use the
//! load client and the process readings of `isobase-testkit`.

mod app;
mod build;
mod built;
mod copy;
mod load;
mod nodes;
mod records;
mod services;
mod toolkit;

use anyhow::Result;
use clap::Subcommand;

use crate::{interrupt, workspace};

#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Measures live events and access rules of an app beside a bare server and PocketBase.
    App(app::Arguments),
    /// Builds the executable from nothing with several sets of features, and tells the CPU time.
    Build(build::Arguments),
    /// Copies, dumps and restores whole databases, beside the bulk tools of the engines.
    Copy(copy::Arguments),
    /// Measures activation and validation of licences beside plain creates and reads.
    Licences(services::Arguments),
    /// Sends one request again and again to a server that runs on this machine.
    Load(load::Arguments),
    /// Measures several services on one database at the end of a long link.
    Nodes(nodes::Arguments),
    /// Measures the record service beside the bare HTTP server and the bare database driver.
    Records(records::Arguments),
    /// Measures the request log beside plain documents: ingest, pages, charts, searches.
    Requests(services::Arguments),
    /// Measures the Python package beside asyncpg and psycopg.
    Toolkit(toolkit::Arguments),
}

pub(crate) fn run(bench: &Bench) -> Result<()> {
    // These measure other programs, which share nothing with this one.
    match bench {
        Bench::Build(arguments) => return build::run(arguments),
        Bench::Toolkit(arguments) => return toolkit::run(arguments),
        _ => {}
    }
    let is_quick = match bench {
        Bench::Licences(arguments) | Bench::Requests(arguments) => arguments.quick,
        // Then the build of the executable is the caller's affair.
        Bench::Nodes(arguments) => arguments.executable.is_some(),
        _ => false,
    };
    if cfg!(debug_assertions) && !is_quick {
        return run_optimised();
    }
    match bench {
        Bench::App(arguments) => app::run(arguments),
        Bench::Build(arguments) => build::run(arguments),
        Bench::Copy(arguments) => copy::run(arguments),
        Bench::Licences(arguments) => services::run_licences(arguments),
        Bench::Load(arguments) => load::run(arguments),
        Bench::Nodes(arguments) => nodes::run(arguments),
        Bench::Records(arguments) => records::run(arguments),
        Bench::Requests(arguments) => services::run_requests(arguments),
        Bench::Toolkit(arguments) => toolkit::run(arguments),
    }
}

/// Runs the same command by an optimised build of this program: the load
/// client shares the machine with what it measures.
fn run_optimised() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["run", "--quiet", "--release", "--package", "xtask", "--"]);
    interrupt::run(command.args(std::env::args_os().skip(1)))
}
