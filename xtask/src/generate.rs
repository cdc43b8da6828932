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

/// The crates of others in the executable, and their licences; the admin site shows them.
const PARTS: &str = "crates/isobase-admin/parts.txt";

/// Writes the documents, or only compares them.
pub(crate) fn run(check: bool) -> Result<()> {
    build()?;
    let mut stale = Vec::new();
    let mut contents = vec![(PARTS, parts()?)];
    for document in &DOCUMENTS {
        contents.push((document.path, document.print()?));
    }
    for (name, content) in contents {
        let path = workspace::root().join(name);
        if is_fresh(&path, &content) {
            eprintln!("    fresh    {name}");
        } else if check {
            eprintln!("    STALE    {name}");
            stale.push(name);
        } else {
            write(&path, &content)?;
            eprintln!("    written  {name}");
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

/// A line for each crate of others that is in the executable on Linux: name, version, licence.
fn parts() -> Result<Vec<u8>> {
    let mut command = workspace::cargo();
    command.args(["tree", "--package", "isobase-cli", "--all-features", "--edges", "normal"]);
    command.args(["--prefix", "none", "--target", "x86_64-unknown-linux-gnu"]);
    command.args(["--format", "{p}|{l}"]);
    let output = command.output().context("start cargo tree")?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
    let text = String::from_utf8(output.stdout)?;
    let lines: std::collections::BTreeSet<String> = text.lines().filter_map(part).collect();
    Ok(lines.into_iter().flat_map(|line| format!("{line}\n").into_bytes()).collect())
}

/// `name v1.2.3 (proc-macro)|MIT` as `name 1.2.3 MIT`; none for crates of the workspace.
fn part(line: &str) -> Option<String> {
    let (package, licence) = line.trim_end_matches(" (*)").split_once('|')?;
    let mut words = package.split(' ');
    let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
    let is_ours = words.any(|word| word.starts_with("(/"));
    (!is_ours).then(|| format!("{name} {version} {licence}"))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crates_of_others_are_told_with_their_licence() {
        let told = |line| part(line).unwrap_or_default();
        assert_eq!(told("bytes v1.10.0|MIT"), "bytes 1.10.0 MIT");
        assert_eq!(
            told("a v1.0.0 (proc-macro)|MIT OR Apache-2.0 (*)"),
            "a 1.0.0 MIT OR Apache-2.0"
        );
        assert_eq!(told("isobase v0.1.0 (/src/crates/isobase)|MIT"), "");
    }
}
