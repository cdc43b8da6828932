//! Where things are in the workspace.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// The features of the executable, one for each engine.
pub(crate) const ENGINES: [&str; 6] =
    ["memory", "sqlite", "postgres", "couchdb", "dynamodb", "firestore"];

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    // This crate lies in a folder of the root.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo, started in the root.
pub(crate) fn cargo() -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    forget_package(command.current_dir(root()));
    command
}

/// Leaves out what `cargo run` tells this program of its own package. The build script of ring asks
/// for these variables, so that a build that inherits them would be another one than a developer's,
/// and each would undo the other's.
pub(crate) fn forget_package(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            command.env_remove(&name);
        }
    }
    command
}

/// Cargo's target folder, wherever the environment or settings put it.
pub(crate) fn target() -> Result<&'static Path> {
    static TARGET: OnceLock<PathBuf> = OnceLock::new();
    if let Some(target) = TARGET.get() {
        return Ok(target);
    }
    let output = cargo().args(["metadata", "--no-deps", "--format-version", "1"]).output()?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    let target = metadata["target_directory"].as_str().context("metadata has a target folder")?;
    Ok(TARGET.get_or_init(|| PathBuf::from(target)))
}

/// The executable that `cargo build` makes.
pub(crate) fn debug_executable() -> Result<PathBuf> {
    Ok(target()?.join("debug/isobase"))
}
