//! Servers from the registries, each in a version that is known to work.

use std::collections::hash_map::DefaultHasher;
use std::fs::{self, Permissions};
use std::hash::{Hash, Hasher};
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail, ensure};

use super::cache::Cache;
use crate::{interrupt, tools, workspace};

/// Of the PyPI package.
const JSONSCHEMA_VERSION: &str = "4.26.0";

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
        // Half a gigabyte that no one needs again.
        fs::remove_dir_all(build).context("remove the build folder")
    })?;
    Ok(folder.join("bin/dynoxide"))
}

/// The packages that the lock file of a folder of `tests` names; gives their `node_modules`.
fn packages(cache: &Cache, source: &str) -> Result<PathBuf> {
    tools::node()?;
    let source = workspace::root().join("tests").join(source);
    let lock = fs::read(source.join("package-lock.json"))?;
    let mut hasher = DefaultHasher::new();
    lock.hash(&mut hasher);
    let name = format!("npm-{:016x}", hasher.finish());
    let folder = cache.get(&name, |folder| {
        eprintln!("==> installing the packages of {}", source.display());
        for file in ["package.json", "package-lock.json"] {
            fs::copy(source.join(file), folder.join(file))?;
        }
        let mut command = Command::new("npm");
        // No package runs a script of its own while it is installed.
        command.args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"]);
        // A shell evaluates what `engines up` prints.
        command.stdout(io::stderr());
        interrupt::run(command.current_dir(folder))
    })?;
    Ok(folder.join("node_modules"))
}

/// The public test suite of JSON Schema, which no registry has by itself: the source distribution
/// of the PyPI package `jsonschema` brings it along.
pub(super) fn schema_suite(cache: &Cache) -> Result<PathBuf> {
    tools::python()?;
    cache.get(&format!("json-schema-suite-{JSONSCHEMA_VERSION}"), |folder| {
        eprintln!("==> fetching the test suite of JSON Schema");
        // Python comes without pip on some machines, but with what makes an environment of it.
        let venv = folder.join("venv");
        interrupt::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut fetch = Command::new(venv.join("bin/pip"));
        fetch.args(["download", "--quiet", "--disable-pip-version-check"]);
        fetch.args(["--no-deps", "--no-binary", ":all:", "--dest", "."]);
        fetch.arg(format!("jsonschema=={JSONSCHEMA_VERSION}")).stdout(io::stderr());
        interrupt::run(fetch.current_dir(folder))?;
        let source = format!("jsonschema-{JSONSCHEMA_VERSION}");
        let mut unpack = Command::new("tar");
        unpack.arg("-xzf").arg(format!("{source}.tar.gz")).arg("--strip-components=2");
        interrupt::run(unpack.arg(format!("{source}/json")).current_dir(folder))?;
        ensure!(folder.join("tests").is_dir(), "jsonschema {JSONSCHEMA_VERSION} has no suite");
        Ok(())
    })
}

/// The packages that drive a browser.
pub(super) fn browser_packages(cache: &Cache) -> Result<PathBuf> {
    packages(cache, "browser")
}

/// Clients of uploads: the packages of npm, and those of PyPI with an S3 server among them.
pub(super) fn upload_packages(cache: &Cache) -> Result<(PathBuf, PathBuf)> {
    let npm = packages(cache, "uploads")?;
    tools::python()?;
    let list = workspace::root().join("tests/uploads/requirements.txt");
    let mut hasher = DefaultHasher::new();
    fs::read(&list)?.hash(&mut hasher);
    let name = format!("pypi-{:016x}", hasher.finish());
    let python = cache.get(&name, |folder| {
        eprintln!("==> installing the packages of {}", list.display());
        // Python comes without pip on some machines, but with what makes an environment of it.
        let venv = folder.join("venv");
        interrupt::run(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        let mut install = Command::new(venv.join("bin/pip"));
        install.args(["install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
        install.args(["--only-binary", ":all:", "--target"]).arg(folder.join("packages"));
        install.arg("--requirement").arg(&list).stdout(io::stderr());
        interrupt::run(&mut install)?;
        fs::remove_dir_all(venv).context("remove the environment")
    })?;
    Ok((npm, python.join("packages")))
}

/// The packages of clients that tests run against the service.
pub(super) fn client_packages(cache: &Cache) -> Result<PathBuf> {
    packages(cache, "clients")
}

/// The packages that make clients of the OpenAPI document, and lint it.
pub(super) fn openapi_packages(cache: &Cache) -> Result<PathBuf> {
    packages(cache, "openapi")
}

/// promtool, which judges metrics, alerts and their expressions: the program alone of Debian's
/// package, which would start a server where it is installed.
pub(super) fn promtool(cache: &Cache) -> Result<PathBuf> {
    if let Some(program) = tools::find_program("promtool") {
        return Ok(program);
    }
    let folder = cache.get("promtool", |folder| {
        eprintln!("==> fetching promtool");
        let fetch = || {
            let mut fetch = Command::new("apt-get");
            fetch.args(["download", "prometheus"]).stdout(io::stderr());
            interrupt::run(fetch.current_dir(folder))
        };
        if fetch().is_err() {
            tools::update_packages()?;
            fetch()?;
        }
        let files = fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        let package = files.into_iter().find(|path| path.extension().is_some_and(|it| it == "deb"));
        let package = package.context("apt-get has downloaded no package")?;
        let unpacked = folder.join("unpacked");
        interrupt::run(Command::new("dpkg-deb").arg("-x").arg(&package).arg(&unpacked))?;
        fs::rename(unpacked.join("usr/bin/promtool"), folder.join("promtool"))?;
        fs::remove_dir_all(unpacked)?;
        Ok(fs::remove_file(package)?)
    })?;
    Ok(folder.join("promtool"))
}

/// The oldest and the newest PostgreSQL that we are made for. npm has no 13 for other machines.
pub(super) const POSTGRES_VERSIONS: &[&str] =
    if cfg!(target_arch = "x86_64") { &["13", "18"] } else { &["18"] };

/// The programs of a PostgreSQL server of a major version, copied into a folder that its user
/// may read: the cache lies in a home, and PostgreSQL never runs as root.
///
/// The packages have `initdb`, `pg_ctl` and `postgres`, and no clients. Their libraries want
/// links that a script of the package would make.
pub(super) fn postgres(cache: &Cache, version: &str, folder: &Path) -> Result<PathBuf> {
    let architecture = match std::env::consts::ARCH {
        "x86_64" => "x64",
        "aarch64" => "arm64",
        other => bail!("there is no PostgreSQL {version} on npm for {other}"),
    };
    let package = format!("postgres-{version}-{architecture}");
    let native = packages(cache, "postgres")?.join(package).join("native");
    ensure!(native.is_dir(), "npm has installed no {}", native.display());
    let target = folder.join(format!("postgres-{version}"));
    interrupt::run(Command::new("cp").arg("-R").arg(&native).arg(&target))?;
    let links: Vec<Link> = serde_json::from_slice(&fs::read(native.join("pg-symlinks.json"))?)?;
    for Link { source, target: link } in &links {
        let inside = |path: &str| path.strip_prefix("native/").map(|path| target.join(path));
        let (Some(source), Some(link)) = (inside(source), inside(link)) else {
            bail!("an unexpected link: {link} to {source}");
        };
        // Of two names of one library, one may be the library.
        if !link.exists() {
            symlink(source, link)?;
        }
    }
    // npm keeps no modes.
    for program in ["initdb", "pg_ctl", "postgres"] {
        fs::set_permissions(target.join("bin").join(program), Permissions::from_mode(0o755))?;
    }
    Ok(target.join("bin"))
}

/// A link that a package wants, both paths within it.
#[derive(serde::Deserialize)]
struct Link {
    source: String,
    target: String,
}

/// Node.js, and the folder of the packages that `tests/emulators` needs.
#[derive(Clone, Debug)]
pub(super) struct Node {
    packages: PathBuf,
}

impl Node {
    pub(super) fn install(cache: &Cache) -> Result<Self> {
        Ok(Self { packages: packages(cache, "emulators")? })
    }

    /// The folder of the packages.
    pub(super) fn packages(&self) -> &Path {
        &self.packages
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
