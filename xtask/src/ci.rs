//! `cargo xtask ci`: what must hold before a change is merged.

use std::process::Command;

use anyhow::Result;
use clap::ValueEnum;

use crate::engines::Extent;
use crate::steps::Steps;
use crate::{generate, interrupt, test, tools, workspace};

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Step {
    /// The sources are formatted.
    Fmt,
    /// No lint speaks, with every engine and with each one alone.
    Clippy,
    /// The documentation builds without a warning.
    Docs,
    /// The generated documents are up to date.
    Generate,
    /// Licences, bans and advisories of dependencies (cargo-deny).
    Deny,
    /// No dependency is unused (cargo-machete).
    Machete,
    /// No word is misspelt (typos).
    Typos,
    /// Every test passes.
    Test,
}

/// Runs the steps, all of them if none is named. A step that fails does not
/// keep the others from running.
pub(crate) fn run(chosen: &[Step]) -> Result<()> {
    let mut steps = Steps::new("ci");
    let all =
        Step::value_variants().iter().filter(|step| chosen.is_empty() || chosen.contains(step));
    for step in all {
        step.run(&mut steps);
    }
    steps.finish()
}

impl Step {
    fn run(self, steps: &mut Steps) {
        match self {
            Self::Fmt => {
                steps.run("fmt", || cargo(&["fmt", "--all", "--check"]));
                steps.run("fmt of the Python package", || {
                    cargo(&["fmt", "--manifest-path", "python/Cargo.toml", "--check"])
                });
            }
            Self::Clippy => clippy(steps),
            Self::Docs => drop(steps.run("docs", docs)),
            Self::Generate => drop(steps.run("generated documents", || generate::run(true))),
            Self::Deny => optional(steps, "cargo-deny", &["deny", "check"]),
            Self::Machete => optional(steps, "cargo-machete", &["machete"]),
            Self::Typos => optional(steps, "typos", &[]),
            Self::Test => drop(steps.run("test", || test::run(Extent::Suite, &[]))),
        }
    }
}

fn clippy(steps: &mut Steps) {
    steps.run("clippy with all engines", || {
        cargo(&["clippy", "--workspace", "--all-targets", "--all-features", "--", "-D", "warnings"])
    });
    steps.run("clippy of the Python package", clippy_of_python);
    for engine in workspace::ENGINES {
        steps.run(&format!("clippy with {engine} alone"), || {
            let package = ["clippy", "--package", "isobase-cli", "--no-default-features"];
            cargo(&[&package[..], &["--features", engine, "--", "-D", "warnings"]].concat())
        });
    }
}

/// It is a workspace of its own, in the same target folder.
fn clippy_of_python() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["clippy", "--manifest-path", "python/Cargo.toml"]);
    command.args(["--", "-D", "warnings"]).env("CARGO_TARGET_DIR", workspace::target()?);
    interrupt::run(&mut command)
}

fn docs() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["doc", "--workspace", "--all-features", "--no-deps"]);
    interrupt::run(command.env("RUSTDOCFLAGS", "-D warnings"))
}

/// A check by a program that not everybody has.
fn optional(steps: &mut Steps, program: &str, arguments: &[&str]) {
    if !tools::is_installed(program) {
        return steps.leave_out(program, format!("{program} is not installed"));
    }
    steps.run(program, || {
        if arguments.is_empty() {
            return interrupt::run(Command::new(program).current_dir(workspace::root()));
        }
        cargo(arguments)
    });
}

fn cargo(arguments: &[&str]) -> Result<()> {
    interrupt::run(workspace::cargo().args(arguments))
}
