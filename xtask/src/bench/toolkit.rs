//! `cargo xtask bench toolkit`: the Python package beside asyncpg and psycopg.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use isobase_testkit::TestPostgres;

use crate::{
    interrupt,
    python::{self, Wheel},
    workspace,
};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Seconds of each round; there are five of each kind of work and client.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Rows of the bulk insert.
    #[arg(long, default_value_t = 100_000)]
    rows: u32,
    /// Measures the unoptimised wheel: a look at the command, no figures.
    #[arg(long)]
    debug: bool,
    /// Writes all figures into a file, for programs.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Builds the wheel, starts a PostgreSQL of its own, and measures: two minutes at most beside the
/// build.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let python = python::for_bench(Wheel { release: !arguments.debug, cloud: false })?;
    let postgres = TestPostgres::start()?;
    let mut command = std::process::Command::new(python);
    command.arg(workspace::root().join("python/bench/toolkit.py")).arg(postgres.url());
    command.args(["--seconds", &arguments.seconds.to_string()]);
    command.args(["--rows", &arguments.rows.to_string()]);
    if let Some(file) = &arguments.json {
        command.arg("--json").arg(std::path::absolute(file)?);
    }
    // Not where the sources are: they have no native half, and would be found first.
    interrupt::run(command.current_dir(workspace::target()?))
}
