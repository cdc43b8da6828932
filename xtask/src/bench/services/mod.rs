//! `cargo xtask bench licences` and `cargo xtask bench requests`: what services ask of this one,
//! beside plain documents of the same run.

mod licences;
mod peer;
mod ratios;
mod requests;
mod subject;

use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

use anyhow::{Context, Result};
use clap::Args;

use self::{ratios::Ratios, subject::Subject};
use super::built;
use crate::interrupt;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Shows that everything can be measured, in seconds and with an unoptimised build; its figures
    /// say nothing of speed.
    #[arg(long)]
    pub(crate) quick: bool,
    /// An executable that was built before, in place of one that is built now.
    #[arg(long, value_name = "FILE")]
    executable: Option<PathBuf>,
    /// A PostgreSQL to measure in place of SQLite; its schema of the same name is used.
    #[arg(long, value_name = "URL")]
    postgres: Option<String>,
    /// Measures PocketBase's own log of requests, too, which is installed from PyPI.
    #[arg(long)]
    peer: bool,
    /// Rows that are there before anything is measured.
    #[arg(long, default_value_t = 1_000_000, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    rows: u64,
    /// Connections, each with one request on its way.
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Seconds of each load.
    #[arg(long, default_value_t = 5.0)]
    seconds: f64,
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Plan {
    rows: u64,
    connections: usize,
    duration: Duration,
    /// Requests of one load that changes something.
    writes_max: u64,
    /// Whether PocketBase is measured, too.
    peer: bool,
}

impl Plan {
    /// Whether so little is measured that a figure may be nothing.
    fn is_short(self) -> bool {
        self.duration < Duration::from_secs(1)
    }
}

/// Fails when a figure misses its target, unless it says nothing of speed.
pub(crate) fn run_licences(arguments: &Arguments) -> Result<()> {
    run(arguments, "licences", licences::measure)
}

/// Fails when a figure misses its target, unless it says nothing of speed.
pub(crate) fn run_requests(arguments: &Arguments) -> Result<()> {
    run(arguments, "requests", requests::measure)
}

fn run(
    arguments: &Arguments,
    what: &str,
    measure: fn(&Subject, Plan, &mut Ratios) -> Result<()>,
) -> Result<()> {
    // Servers and folders must be gone afterwards, also after Ctrl-C.
    interrupt::watch()?;
    let plan = match arguments.quick {
        true => Plan {
            rows: arguments.rows.min(2_000),
            connections: arguments.connections.min(4),
            duration: Duration::from_millis(300),
            writes_max: 200,
            peer: arguments.peer,
        },
        false => Plan {
            rows: arguments.rows,
            connections: arguments.connections,
            duration: Duration::try_from_secs_f64(arguments.seconds)?,
            writes_max: 200_000,
            peer: arguments.peer,
        },
    };
    let executable = match &arguments.executable {
        Some(path) => canonical(path)?,
        None if arguments.quick => crate::workspace::debug_executable()?,
        None => built::executable()?,
    };
    let subject = Subject::start(&executable, arguments.postgres.as_deref(), what)?;
    println!(
        "{what} on {}, {} rows, {} connections",
        subject.engine(),
        plan.rows,
        plan.connections
    );
    let mut ratios = Ratios::default();
    let measured = measure(&subject, plan, &mut ratios);
    println!("{ratios}");
    measured?;
    if arguments.quick {
        println!("quick: nothing of this is a measurement");
        return Ok(());
    }
    ratios.check()
}

fn canonical(path: &Path) -> Result<PathBuf> {
    fs::canonicalize(path).with_context(|| format!("{}", path.display()))
}
