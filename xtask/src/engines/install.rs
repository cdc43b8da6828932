//! Servers from the registries, each in a version that is known to work.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::cache::Cache;
use crate::{interrupt, tools, workspace};

const DYNOXIDE_VERSION: &str = "3.2.0";
const DYNOXIDE_FEATURES: &str = "native-sqlite,http-server,cli";

/// Names the jar of Google's emulator, if it lies elsewhere.
const JAR_VARIABLE: &str = "ISOBASE_TEST_FIRESTORE_JAR";
/// Where Google's package has it.
const JAR: &str =
    "/usr/lib/google-cloud-sdk/platform/cloud-firestore-emulator/cloud-firestore-emulator.jar";

/// The program that speaks DynamoDB's protocol.
///
/// Installed as a program rather than taken as a dependency: it links an SQLite
/// of its own, of which a build can have only one.
pub(super) fn dynoxide(cache: &Cache) -> Result<PathBuf> {
    let name = format!("dynoxide-{DYNOXIDE_VERSION}");
    let folder = cache.get(&name, |folder| {
        eprintln!("==> building dynoxide {DYNOXIDE_VERSION} once, for some minutes");
        let build = folder.join("build");
        let mut command = workspace::cargo();
        command.args(["install", "dynoxide-rs", "--version", DYNOXIDE_VERSION, "--locked"]);
        command.args(["--no-default-features", "--features", DYNOXIDE_FEATURES]);
        command.arg("--root").arg(folder).arg("--target-dir").arg(&build);
        // Its own profile optimises for size across crates, which takes twice as long.
        command.env("CARGO_PROFILE_RELEASE_LTO", "off");
        command.env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
        interrupt::run(&mut command)?;
        // Half a gigabyte that nobody needs again.
        fs::remove_dir_all(build).context("remove the build folder")
    })?;
    Ok(folder.join("bin/dynoxide"))
}

/// Node.js, and the folder of the packages that `tests/emulators` needs.
#[derive(Clone, Debug)]
pub(super) struct Node {
    packages: PathBuf,
}

impl Node {
    pub(super) fn install(cache: &Cache) -> Result<Self> {
        tools::node()?;
        let lock = fs::read(emulators().join("package-lock.json"))?;
        let mut hasher = DefaultHasher::new();
        lock.hash(&mut hasher);
        let name = format!("npm-{:016x}", hasher.finish());
        let folder = cache.get(&name, |folder| {
            eprintln!("==> installing the packages of tests/emulators");
            for file in ["package.json", "package-lock.json"] {
                fs::copy(emulators().join(file), folder.join(file))?;
            }
            let mut command = Command::new("npm");
            // No package runs a script of its own while it is installed.
            command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
            // A shell evaluates what `engines up` prints.
            command.stdout(io::stderr());
            interrupt::run(command.current_dir(folder))
        })?;
        Ok(Self { packages: folder.join("node_modules") })
    }

    /// Runs a program of `tests/emulators` as it is in this checkout.
    pub(super) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("node");
        command.arg(emulators().join(program)).env("NODE_PATH", &self.packages);
        command
    }
}

/// The jar of Google's emulator, which comes from no registry; `None` where it is not.
pub(super) fn google_firestore() -> Result<Option<PathBuf>> {
    let named = std::env::var_os(JAR_VARIABLE).filter(|value| !value.is_empty());
    if let Some(jar) = &named {
        let jar = Path::new(jar);
        ensure!(jar.is_file(), "{JAR_VARIABLE} names {}, which is no file", jar.display());
    }
    let jar = named.map_or_else(|| PathBuf::from(JAR), PathBuf::from);
    Ok((jar.is_file() && tools::is_installed("java")).then_some(jar))
}

fn emulators() -> PathBuf {
    workspace::root().join("tests/emulators")
}
