//! `cargo xtask generate`: documents made from the code.
//!
//! The executable prints them, so they say what it does.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use crate::{interrupt, workspace};

/// A document and the arguments with which the executable prints it.
struct Document {
    path: &'static str,
    arguments: &'static [&'static str],
}

const DOCUMENTS: [Document; 4] = [
    Document { path: "docs/errors.md", arguments: &["docs", "errors"] },
    Document { path: "docs/configuration.md", arguments: &["docs", "configuration"] },
    Document { path: "docs/engines/README.md", arguments: &["docs", "engines"] },
    Document { path: "docs/openapi.json", arguments: &["openapi"] },
];

/// Writes the documents, or only compares them.
pub(crate) fn run(check: bool) -> Result<()> {
    build()?;
    let mut stale = Vec::new();
    for document in &DOCUMENTS {
        let path = workspace::root().join(document.path);
        let content = document.print()?;
        if is_fresh(&path, &content) {
            eprintln!("    fresh    {}", document.path);
        } else if check {
            eprintln!("    STALE    {}", document.path);
            stale.push(document.path);
        } else {
            write(&path, &content)?;
            eprintln!("    written  {}", document.path);
        }
    }
    if !stale.is_empty() {
        bail!("not up to date: {}; run `cargo xtask generate`", stale.join(", "));
    }
    Ok(())
}

fn build() -> Result<()> {
    let mut command = workspace::cargo();
    command.args(["build", "--quiet", "--package", "isobase-cli", "--all-features"]);
    interrupt::run(&mut command)
}

impl Document {
    fn print(&self) -> Result<Vec<u8>> {
        let arguments = self.arguments.join(" ");
        let mut command = Command::new(workspace::debug_executable()?);
        // No setting and no file of this machine may show in a document.
        let folder = tempfile::tempdir()?;
        command.args(self.arguments).env_clear().current_dir(&folder);
        let output = command.output().context("start the executable")?;
        ensure!(
            output.status.success() && !output.stdout.is_empty(),
            "`isobase {arguments}` did not print {} ({}): {}",
            self.path,
            output.status,
            String::from_utf8_lossy(&output.stderr).trim()
        );
        let mut content = output.stdout;
        if content.last() != Some(&b'\n') {
            content.push(b'\n');
        }
        Ok(content)
    }
}

fn is_fresh(path: &Path, content: &[u8]) -> bool {
    fs::read(path).is_ok_and(|present| present == content)
}

fn write(path: &Path, content: &[u8]) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    fs::write(path, content).with_context(|| format!("write {}", path.display()))
}
