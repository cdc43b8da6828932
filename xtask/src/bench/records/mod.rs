//! `cargo xtask bench records`: the record service beside its ceilings.
//!
//! Every figure stands beside what the bare libraries do on the same machine
//! in the same run; docs/performance.md says what each ratio means. Timing
//! never decides how the command ends: only a failure to measure does.

mod bench;
mod ceilings;
mod fixtures;
mod machine;
mod million;
mod pgbench;
mod plan;
mod point;
mod postgres;
mod report;
mod scale;
mod subject;
mod table;

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use anyhow::{Context, Result};
use clap::Args;

use bench::Bench;
use plan::{Plan, Scenario};

pub(super) use ceilings::Ceilings;
pub(super) use machine::Machine;
pub(super) use subject::Server;
pub(super) use table::markdown;

use super::built;
use crate::interrupt;

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Shorter loads and smaller collections: 2 minutes at most rather than 10.
    #[arg(long)]
    quick: bool,
    /// Writes all figures to this file too.
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only these scenarios.
    #[arg(long, value_enum, value_delimiter = ',')]
    only: Vec<Scenario>,
    /// Connections of each load, each with one request on its way.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "1,16,64,256",
        value_parser = clap::value_parser!(u16).range(1..=1000),
    )]
    connections: Vec<u16>,
    /// Measures on PostgreSQL too, on a cluster of its own with fsync on.
    #[arg(long)]
    postgres: bool,
    /// Measures this executable rather than one built from these sources.
    #[arg(long, value_name = "PATH")]
    executable: Option<PathBuf>,
    /// Where the databases are made, about 3 GB; the temporary folder if not given.
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    // Servers and folders must be gone afterwards, also after Ctrl-C.
    interrupt::watch()?;
    let plan = Plan::new(arguments.quick, &arguments.only, &arguments.connections);
    let executable = match &arguments.executable {
        Some(path) => fs::canonicalize(path).with_context(|| format!("{}", path.display()))?,
        None => built::executable()?,
    };
    let program = built::ceilings()?;
    let parent = arguments.folder.clone().unwrap_or_else(std::env::temp_dir);
    let folder = tempfile::Builder::new().prefix("isobase-bench-").tempdir_in(parent)?;
    // PostgreSQL runs as another user than root, and must get in.
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755))?;
    let machine = Machine::look(folder.path())?;
    println!("{machine}");

    let ceilings = Ceilings::new(program, folder.path());
    let mut bench = Bench::new(plan, executable, folder.path(), ceilings);
    let mut measured = point::run(&mut bench);
    if measured.is_ok() && bench.wants_scale() {
        measured = scale::run(&mut bench);
    }
    if measured.is_ok() && arguments.postgres {
        measured = postgres::run(&mut bench);
    }
    let report = bench.finish();
    println!("{report}");
    if let Some(path) = &arguments.json {
        let text = format!("{:#}\n", report.to_json(&machine));
        fs::write(path, text).with_context(|| format!("write {}", path.display()))?;
    }
    measured.and_then(|()| report.check())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Command {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn parse(words: &str) -> Result<Arguments, clap::Error> {
        let words = std::iter::once("records").chain(words.split_whitespace());
        Command::try_parse_from(words).map(|command| command.arguments)
    }

    #[test]
    fn measures_everything_unless_told() {
        let arguments = parse("").unwrap();
        assert_eq!(arguments.connections, [1, 16, 64, 256]);
        assert!(arguments.only.is_empty() && !arguments.quick && !arguments.postgres);
        assert_eq!((arguments.json, arguments.executable, arguments.folder), (None, None, None));
    }

    #[test]
    fn takes_lists_with_commas() {
        let arguments = parse("--quick --only get,million --connections 8,1 --json f").unwrap();
        assert_eq!(arguments.only, [Scenario::Get, Scenario::Million]);
        assert_eq!(arguments.connections, [8, 1]);
        assert_eq!(arguments.json, Some(PathBuf::from("f")));
        assert!(arguments.quick);
    }

    #[test]
    fn refuses_what_cannot_be_measured() {
        for words in ["--only put", "--connections 0", "--connections 5000", "--connections x"] {
            assert!(parse(words).is_err(), "{words}");
        }
    }
}
