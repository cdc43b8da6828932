//! What benchmarks measure, built from these sources.

use std::path::PathBuf;

use anyhow::Result;

use crate::{interrupt, workspace};

/// What `cargo run --release -- serve` starts.
pub(super) fn executable() -> Result<PathBuf> {
    build(&["--package", "isobase-cli"])?;
    Ok(workspace::target()?.join("release/isobase"))
}

/// The bare libraries, as a program.
pub(super) fn ceilings() -> Result<PathBuf> {
    let package = ["--package", "isobase-testkit", "--features", "ceiling"];
    build(&[&package[..], &["--bin", "testkit-ceiling"]].concat())?;
    Ok(workspace::target()?.join("release/testkit-ceiling"))
}

fn build(arguments: &[&str]) -> Result<()> {
    let mut command = workspace::cargo();
    interrupt::run(command.args(["build", "--quiet", "--release"]).args(arguments))
}
