//! `cargo xtask bench build`: what a release build of the executable costs.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::Args;

use crate::{cpu, interrupt, workspace};

#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A commit that is built first, with its default features: what the ratios are taken to.
    #[arg(long, value_name = "COMMIT")]
    baseline: Option<String>,
    /// Fails when a build takes more than its share of the baseline's CPU time: 0.45 with the
    /// default features, 0.7 with the feature `cloud`.
    #[arg(long, requires = "baseline")]
    ratchet: bool,
}

/// Features, and the most CPU time their build may take as a share of the baseline's.
const BUILDS: [(&str, &[&str], f64); 3] = [
    ("memory, sqlite", &["--no-default-features", "--features", "memory,sqlite"], 0.45),
    ("default", &[], 0.45),
    ("default, cloud", &["--features", "cloud"], 0.7),
];

struct Figure {
    name: String,
    cpu: Duration,
    wall: Duration,
    executable_bytes: u64,
    /// Of the baseline's CPU time.
    share_max: Option<f64>,
}

/// Builds one after the other, each from an empty target folder.
///
/// # Errors
/// When a build fails, or with `--ratchet` takes too much.
pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    interrupt::watch()?;
    let folder = tempfile::Builder::new().prefix("isobase-bench-build-").tempdir()?;
    let mut figures = Vec::new();
    if let Some(commit) = &arguments.baseline {
        let tree = Worktree::new(commit, &folder.path().join("baseline"))?;
        figures.push(build(format!("{commit}, default"), &tree.0, &[], folder.path(), None)?);
    }
    for (name, features, share_max) in BUILDS {
        let share_max = arguments.ratchet.then_some(share_max);
        let root = workspace::root();
        figures.push(build(name.to_owned(), root, features, folder.path(), share_max)?);
    }
    report(&figures, arguments.baseline.is_some())
}

fn build(
    name: String,
    root: &Path,
    features: &[&str],
    folder: &Path,
    share_max: Option<f64>,
) -> Result<Figure> {
    eprintln!("==> building with {name}");
    let target = folder.join("target");
    let cargo = |arguments: &[&OsStr]| {
        let mut command = workspace::cargo();
        interrupt::run(command.current_dir(root).args(arguments))
    };
    // What is fetched is no part of the build.
    cargo(&["fetch".as_ref(), "--locked".as_ref()])?;
    let (began, cpu_before) = (Instant::now(), cpu::of_children());
    let mut words: Vec<&OsStr> =
        ["build", "--release", "--locked", "--package", "isobase-cli"].map(OsStr::new).into();
    words.extend(features.iter().map(OsStr::new));
    words.extend([OsStr::new("--target-dir"), target.as_os_str()]);
    cargo(&words)?;
    let figure = Figure {
        name,
        cpu: cpu::of_children() - cpu_before,
        wall: began.elapsed(),
        executable_bytes: fs::metadata(target.join("release/isobase"))?.len(),
        share_max,
    };
    fs::remove_dir_all(&target).context("remove the target folder")?;
    Ok(figure)
}

fn report(figures: &[Figure], has_baseline: bool) -> Result<()> {
    println!("| features | CPU time | time | executable | CPU time / baseline |");
    println!("|---|--:|--:|--:|--:|");
    let mut over = Vec::new();
    for Figure { name, cpu, wall, executable_bytes, share_max } in figures {
        let share = cpu.as_secs_f64() / figures[0].cpu.as_secs_f64();
        let shown = if has_baseline { format!("{share:.2}") } else { "–".to_owned() };
        println!(
            "| {name} | {:.0} s | {:.0} s | {:.1} MB | {shown} |",
            cpu.as_secs_f64(),
            wall.as_secs_f64(),
            *executable_bytes as f64 / 1e6,
        );
        if let Some(max) = share_max.filter(|max| share > *max) {
            over.push(format!("{name}: {share:.2} of the baseline, at most {max}"));
        }
    }
    ensure!(over.is_empty(), "builds over their budget: {}", over.join("; "));
    Ok(())
}

/// A commit checked out beside; its drop removes it.
struct Worktree(PathBuf);

impl Worktree {
    fn new(commit: &str, folder: &Path) -> Result<Self> {
        let words = ["worktree", "add", "--detach", "--force"].map(OsStr::new);
        let tree = [folder.as_os_str(), OsStr::new(commit)];
        interrupt::run(git().args(words).args(tree))?;
        Ok(Self(folder.to_owned()))
    }
}

impl Drop for Worktree {
    fn drop(&mut self) {
        // The folder is temporary; git forgets it at the next `worktree prune` otherwise.
        let _ = git().args(["worktree", "remove", "--force"]).arg(&self.0).status();
    }
}

fn git() -> Command {
    let mut command = Command::new("git");
    command.current_dir(workspace::root());
    command
}
