//! Where the built executable is.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use anyhow::{Context, Result, ensure};

/// Names the executable that [`TestServer`](crate::TestServer) starts.
pub const EXECUTABLE_VARIABLE: &str = "ISOBASE_TEST_EXECUTABLE";

/// The `isobase` executable under test.
///
/// It is the one named by [`EXECUTABLE_VARIABLE`], else the one cargo built for
/// the running tests, else it is built now, beside them. So it is never stale.
///
/// # Errors
/// When it does not exist or does not build.
pub fn executable() -> Result<&'static Path> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    match FOUND.get_or_init(|| find().map_err(|error| format!("{error:#}"))) {
        Ok(path) => Ok(path),
        Err(error) => Err(anyhow::Error::msg(error.clone())),
    }
}

fn find() -> Result<PathBuf> {
    // Cargo and nextest set these at run time for the tests of the package
    // that has the executable.
    for name in [EXECUTABLE_VARIABLE, "CARGO_BIN_EXE_isobase", "NEXTEST_BIN_EXE_isobase"] {
        if let Some(path) = env::var_os(name).map(PathBuf::from) {
            ensure!(path.is_file(), "{name} names {}, which is not there", path.display());
            return Ok(path);
        }
    }
    build()
}

fn build() -> Result<PathBuf> {
    let profile = profile_folder()?;
    let target = profile.parent().context("the profile folder has a parent")?;
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["build", "--quiet", "--package", "isobase-cli", "--all-features"]);
    if profile.file_name().is_some_and(|name| name == "release") {
        command.arg("--release");
    }
    command.current_dir(env!("CARGO_MANIFEST_DIR")).env("CARGO_TARGET_DIR", target);
    let status = command.status().context("start cargo")?;
    ensure!(status.success(), "the executable does not build ({status})");
    Ok(profile.join("isobase"))
}

/// `target/debug` of a test that runs as `target/debug/deps/name-hash`.
fn profile_folder() -> Result<PathBuf> {
    let test = env::current_exe()?;
    let folder = test.ancestors().find(|path| path.ends_with("deps")).and_then(Path::parent);
    let folder = folder.or_else(|| test.parent()).context("a test has a folder")?;
    Ok(folder.to_path_buf())
}
