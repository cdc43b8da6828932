//! `cargo xtask bench toolkit`: the Python package beside asyncpg, psycopg, PostgreSQL's own programs
//! and the crate.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use isobase_testkit::TestPostgres;

use crate::{
    cpu, interrupt,
    python::{self, Wheel},
    workspace,
};

/// The most CPU time that the wheel's build may take as a share of the crate's.
const BUILD_SHARE_MAX: f64 = 1.2;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Measures these parts; without it all but the build.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Part>,
    /// Seconds of each round of calls; there are five of each kind of work and client.
    #[arg(long, default_value_t = 1.0)]
    seconds: f64,
    /// Rows: of the bulk insert 100,000, of mock rows 1,000,000, of dumps 5,000,000, unless it is given.
    #[arg(long)]
    rows: Option<u32>,
    /// Builds the wheel and the crate with the engines of cloud providers, too.
    #[arg(long)]
    cloud: bool,
    /// Measures the unoptimised wheel: a look at the command, no figures.
    #[arg(long)]
    debug: bool,
    /// Writes all figures into a file, for programs; not those of the build.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Calls beside asyncpg and psycopg, import, column matching: two minutes at most.
    Calls,
    /// Mock rows beside COPY of the same rows from a file.
    Mock,
    /// Dump and restore beside `pg_dump -Fc` and `pg_restore`, with the peak of memory.
    Dump,
    /// CPU time of the wheel's build beside the crate's, each from an empty target folder.
    Build,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Mock => "mock",
            Self::Dump => "dump",
            Self::Build => "build",
        }
    }
}

/// Measures the chosen parts, over a PostgreSQL of its own.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    if arguments.only.contains(&Part::Build) {
        builds(arguments)?;
    }
    let parts: Vec<&str> = match arguments.only.as_slice() {
        [] => [Part::Calls, Part::Mock, Part::Dump].map(Part::name).into(),
        only => only.iter().filter(|part| **part != Part::Build).map(|part| part.name()).collect(),
    };
    if parts.is_empty() {
        return Ok(());
    }
    let wheel = Wheel { release: !arguments.debug, cloud: arguments.cloud };
    let python = python::for_bench(wheel)?;
    let postgres = TestPostgres::start()?;
    let mut command = std::process::Command::new(python);
    command.arg(workspace::root().join("python/bench/toolkit.py")).arg(postgres.url());
    command.arg("--only").args(parts);
    command.arg("--programs").arg(postgres.binaries().folder());
    command.args(["--seconds", &arguments.seconds.to_string()]);
    if let Some(rows) = arguments.rows {
        command.args(["--rows", &rows.to_string()]);
    }
    if let Some(file) = &arguments.json {
        command.arg("--json").arg(std::path::absolute(file)?);
    }
    // Not where the sources are: they have no native half, and would be found first.
    interrupt::run(command.current_dir(workspace::target()?))
}

/// Tells the CPU time of both builds, and their ratio.
fn builds(arguments: &Arguments) -> Result<()> {
    // Before anything is started that must be stopped.
    interrupt::watch()?;
    let folder = tempfile::Builder::new().prefix("isobase-bench-wheel-").tempdir()?;
    let wheel = Wheel { release: !arguments.debug, cloud: arguments.cloud };
    python::fetch()?;
    let of_crate = timed(|| build_crate(&wheel, &folder.path().join("crate")))?;
    let of_wheel = timed(|| python::build_in(wheel, &folder.path().join("wheel")).map(drop))?;
    let (of_crate, of_wheel) = (of_crate.as_secs_f64(), of_wheel.as_secs_f64());
    let share = of_wheel / of_crate;
    println!("CPU of the crate's build {of_crate:8.1} s");
    println!("CPU of the wheel's build {of_wheel:8.1} s");
    let verdict = if share > BUILD_SHARE_MAX { "   MISSED" } else { "" };
    println!(
        "wheel                    {share:6.2} × crate, wanted at most {BUILD_SHARE_MAX}{verdict}"
    );
    Ok(())
}

fn timed(work: impl FnOnce() -> Result<()>) -> Result<Duration> {
    let before = cpu::of_children();
    work()?;
    Ok(cpu::of_children() - before)
}

/// The crate `isobase` with the engines that the wheel has.
fn build_crate(wheel: &Wheel, target: &Path) -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["build", "--locked", "--package", "isobase", "--no-default-features"]);
    let engines = "memory,sqlite,postgres,couchdb,schemas";
    let engines = if wheel.cloud { format!("{engines},cloud") } else { engines.to_owned() };
    command.args(["--features", &engines]);
    if wheel.release {
        command.arg("--release");
    }
    interrupt::run(command.arg("--target-dir").arg(target))
}
