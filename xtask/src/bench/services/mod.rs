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

use anyhow::{Context, Result, ensure};
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
    /// Measures these parts alone. Of requests: ingest, posts, pages, pairs, chart, search; of
    /// licences: activate, validate.
    #[arg(long, value_name = "PART", value_delimiter = ',')]
    only: Vec<String>,
    /// Minutes after which no more rows are brought in: then those that are there are measured.
    #[arg(long, default_value_t = 45.0)]
    fill_minutes: f64,
}

/// What is measured of a benchmark.
#[derive(Debug)]
struct Parts(Vec<String>);

impl Parts {
    fn of(asked: &[String], known: &[&str]) -> Result<Self> {
        for part in asked {
            ensure!(
                known.contains(&part.as_str()),
                "there is no part {part:?}; the parts are {}",
                known.join(", ")
            );
        }
        Ok(Self(match asked.is_empty() {
            true => known.iter().map(ToString::to_string).collect(),
            false => asked.to_vec(),
        }))
    }

    fn has(&self, part: &str) -> bool {
        self.0.iter().any(|asked| asked == part)
    }

    fn any(&self, parts: &[&str]) -> bool {
        parts.iter().any(|part| self.has(part))
    }
}

/// How much is measured.
#[derive(Clone, Copy, Debug)]
struct Plan {
    rows: u64,
    connections: usize,
    duration: Duration,
    /// Requests of one load that changes something.
    writes_max: u64,
    /// Longest time in which rows are brought in before anything is measured.
    fill: Duration,
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
    run(arguments, ("licences", &licences::PARTS), licences::measure)
}

/// Fails when a figure misses its target, unless it says nothing of speed.
pub(crate) fn run_requests(arguments: &Arguments) -> Result<()> {
    run(arguments, ("requests", &requests::PARTS), requests::measure)
}

fn run(
    arguments: &Arguments,
    (what, known): (&str, &[&str]),
    measure: fn(&Subject, Plan, &Parts, &mut Ratios) -> Result<()>,
) -> Result<()> {
    // Servers and folders must be gone afterwards, also after Ctrl-C.
    interrupt::watch()?;
    let parts = Parts::of(&arguments.only, known)?;
    let fill = Duration::try_from_secs_f64(arguments.fill_minutes * 60.0)?;
    let plan = match arguments.quick {
        true => Plan {
            rows: arguments.rows.min(2_000),
            connections: arguments.connections.min(4),
            duration: Duration::from_millis(300),
            writes_max: 200,
            fill,
            peer: arguments.peer,
        },
        false => Plan {
            rows: arguments.rows,
            connections: arguments.connections,
            duration: Duration::try_from_secs_f64(arguments.seconds)?,
            writes_max: 200_000,
            fill,
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
    let measured = measure(&subject, plan, &parts, &mut ratios);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_are_all_unless_some_are_named() {
        let known = ["pages", "chart"];
        let asked = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(Parts::of(&[], &known).unwrap().has("chart"));
        let one = Parts::of(&asked(&["pages"]), &known).unwrap();
        assert!(one.has("pages") && !one.has("chart"));
        let error = Parts::of(&asked(&["page"]), &known).unwrap_err().to_string();
        assert_eq!(error, "there is no part \"page\"; the parts are pages, chart");
    }
}
