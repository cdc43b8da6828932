//! Programs that the tests need: found, or installed where that is allowed.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use isobase_testkit::{POSTGRES_BIN_VARIABLE, PostgresBinaries};

use crate::{interrupt, workspace};

/// The version that is known to build with the pinned toolchain.
const NEXTEST_VERSION: &str = "0.9.143";
/// The version of Debian 12, which the programs in `tests/emulators` are written for.
const NODE_VERSION_MIN: u32 = 18;

/// The PostgreSQL server; installed from the distribution if it is not there.
pub(crate) fn postgres() -> Result<PostgresBinaries> {
    let found = PostgresBinaries::find();
    // Anyone who names a server wants that one.
    if found.is_ok() || std::env::var_os(POSTGRES_BIN_VARIABLE).is_some() {
        return found;
    }
    install_packages(&["postgresql"])?;
    PostgresBinaries::find()
}

/// strace, which makes system calls fail in fault tests.
pub(crate) fn strace() -> Result<()> {
    if is_installed("strace") {
        return Ok(());
    }
    install_packages(&["strace"])
}

/// PgBouncer, behind which the PostgreSQL engine is tested.
pub(crate) fn pgbouncer() -> Result<()> {
    if Path::new("/usr/sbin/pgbouncer").is_file() {
        return Ok(());
    }
    install_packages(&["pgbouncer"])
}

/// Chromium, in which the admin site is tested.
pub(crate) fn chromium() -> Result<PathBuf> {
    if find_program("chromium").is_none() {
        install_packages(&["chromium"])?;
    }
    find_program("chromium").context("the package chromium brings no program of this name")
}

/// nginx, behind which clients are tested.
pub(crate) fn nginx() -> Result<PathBuf> {
    // Not every user has the folder in its path.
    let find = || {
        let installed = Path::new("/usr/sbin/nginx");
        find_program("nginx").or_else(|| installed.is_file().then(|| installed.to_path_buf()))
    };
    if find().is_none() {
        install_packages(&["nginx-light"])?;
    }
    find().context("the package nginx-light brings no nginx")
}

/// Python with virtual environments, which the Python package and its tests need.
pub(crate) fn python() -> Result<()> {
    let mut venv = Command::new("python3");
    venv.args(["-c", "import venv, ensurepip"]).stdout(Stdio::null()).stderr(Stdio::null());
    if is_installed("python3") && venv.status().is_ok_and(|status| status.success()) {
        return Ok(());
    }
    install_packages(&["python3", "python3-venv"])
}

/// sshd and rsync, with which the Python package is tested against another machine.
pub(crate) fn ssh_server() -> Result<()> {
    let is_there = Path::new("/usr/sbin/sshd").is_file() || is_installed("sshd");
    if is_there && is_installed("rsync") {
        return Ok(());
    }
    install_packages(&["openssh-server", "openssh-client", "rsync"])
}

/// Node.js with npm, which the servers of `tests/emulators` need.
pub(crate) fn node() -> Result<()> {
    if !is_installed("node") || !is_installed("npm") {
        install_packages(&["nodejs", "npm"])?;
    }
    let output = Command::new("node").arg("--version").output().context("start node")?;
    let version = String::from_utf8_lossy(&output.stdout);
    let major = version.trim().trim_start_matches('v').split('.').next().unwrap_or_default();
    let major: u32 = major.parse().with_context(|| format!("unexpected version {version:?}"))?;
    ensure!(
        major >= NODE_VERSION_MIN,
        "Node.js {NODE_VERSION_MIN} is needed, {major} is installed"
    );
    Ok(())
}

/// How tests are run.
#[derive(Debug)]
pub(crate) enum TestRunner {
    /// `cargo nextest`: each test in its own process, with time limits.
    Nextest(PathBuf),
    /// `cargo test`, where nextest can be neither found nor installed.
    Cargo,
}

/// nextest from `PATH` or from an earlier installation in the target folder,
/// else installed there.
pub(crate) fn test_runner() -> Result<TestRunner> {
    if is_installed("cargo-nextest") {
        return Ok(TestRunner::Nextest(PathBuf::from("cargo-nextest")));
    }
    let folder = workspace::target()?.join("tools");
    let program = folder.join("bin/cargo-nextest");
    if program.is_file() || install_nextest(&folder) {
        return Ok(TestRunner::Nextest(program));
    }
    eprintln!("==> cargo-nextest cannot be installed; the tests run by `cargo test`");
    Ok(TestRunner::Cargo)
}

/// Whether a program is in `PATH`.
pub(crate) fn is_installed(program: &str) -> bool {
    find_program(program).is_some()
}

pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).map(|folder| folder.join(name)).find(|file| file.is_file())
}

/// Builds nextest without what it updates and traces itself by, which is half of it.
fn install_nextest(folder: &Path) -> bool {
    eprintln!("==> cargo-nextest is not installed: building it once, for some minutes");
    let build = folder.join("build");
    let mut command = workspace::cargo();
    command.args(["install", "cargo-nextest", "--locked", "--version", NEXTEST_VERSION]);
    command.arg("--no-default-features");
    // Apart from our own target folder, which other builds may have locked.
    command.arg("--root").arg(folder).arg("--target-dir").arg(&build);
    let installed = interrupt::run(&mut command);
    if let Err(error) = &installed {
        eprintln!("==> {error:#}");
    }
    // Half a gigabyte that no one needs again.
    let _ = std::fs::remove_dir_all(build);
    installed.is_ok()
}

fn install_packages(packages: &[&str]) -> Result<()> {
    let names = packages.join(" ");
    let Some(prefix) = apt_prefix() else {
        bail!(
            "`{names}` is not installed, and installing it needs root: \
             run `apt-get install {names}` and start again"
        );
    };
    eprintln!("==> installing {names}");
    if let Err(error) = apt(&prefix, &["update"]) {
        // The package may be known from before.
        eprintln!("==> {error:#}");
    }
    let arguments = ["install", "--yes", "--no-install-recommends"];
    apt(&prefix, &[&arguments[..], packages].concat())
        .with_context(|| format!("install `{names}` by hand and start again"))
}

/// Brings the list of packages up to date.
pub(crate) fn update_packages() -> Result<()> {
    let prefix = apt_prefix().context("apt-get or the right to use it is missing")?;
    apt(&prefix, &["update"])
}

/// What must stand before `apt-get`; `None` when we may not install.
fn apt_prefix() -> Option<Vec<OsString>> {
    if !is_installed("apt-get") {
        return None;
    }
    if rustix::process::geteuid().is_root() {
        return Some(Vec::new());
    }
    let mut sudo = Command::new("sudo");
    sudo.args(["-n", "true"]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let allowed = sudo.status().is_ok_and(|status| status.success());
    allowed.then(|| vec!["sudo".into(), "-n".into()])
}

fn apt(prefix: &[OsString], arguments: &[&str]) -> Result<()> {
    let mut words = prefix.to_vec();
    // `env` carries the variable through sudo.
    words.extend(["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"].map(OsString::from));
    // Another run may install something just now.
    words.extend(["-o", "DPkg::Lock::Timeout=600"].map(OsString::from));
    words.extend(arguments.iter().map(OsString::from));
    let mut command = Command::new(&words[0]);
    interrupt::run(command.args(&words[1..]))
}
