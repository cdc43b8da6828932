//! Servers of every engine, for tests and development.

mod cache;
#[cfg(test)]
mod faults;
mod install;
mod server;
mod state;

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, Permissions};
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, anyhow, ensure};
use clap::{Args, Subcommand, ValueEnum};
use isobase_testkit::{
    COUCHDB_URL_VARIABLE, DYNAMODB_URL_VARIABLE, Durability, FIRESTORE_HOSTS_VARIABLE,
    POSTGRES_URL_VARIABLE, POSTGRES_VERSIONS_VARIABLE, Stop, TestPostgres,
};

use self::cache::Cache;
use self::install::Node;
use self::server::{Recipe, Server};
use crate::{interrupt, tools};

pub(crate) use self::state::{down, up};

/// Memory and SQLite need no server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Engine {
    /// The machine's own version.
    Postgres,
    /// The oldest and the newest version that we are made for.
    PostgresVersions,
    Dynamodb,
    Couchdb,
    Firestore,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Action {
    /// Starts what does not run, and prints the variables that tests read.
    ///
    /// `eval "$(cargo xtask engines up)"` sets them in a shell. The first time
    /// it installs what is missing, which takes minutes.
    Up(Up),
    /// Stops the servers and forgets their data.
    Down,
}

#[derive(Debug, Args)]
pub(crate) struct Up {
    /// Only these engines; all when none is named.
    #[arg(value_enum)]
    engines: Vec<Engine>,
    /// Prints the variables as one JSON object.
    #[arg(long)]
    json: bool,
}

pub(crate) fn run(action: &Action) -> Result<()> {
    // Before anything is started that must be stopped.
    interrupt::watch()?;
    match action {
        Action::Up(options) => up(&options.engines, options.json),
        Action::Down => down(),
    }
}

/// The folder of the npm packages that tests read, installed where it is not there.
pub(crate) fn npm_packages() -> Result<PathBuf> {
    Ok(Node::install(&Cache::open()?)?.packages().to_owned())
}

/// The folder of the public JSON Schema test suite, fetched where it is not there.
pub(crate) fn schema_suite() -> Result<PathBuf> {
    install::schema_suite(&Cache::open()?)
}

/// The folder of the npm packages that drive a browser.
pub(crate) fn browser_packages() -> Result<PathBuf> {
    install::browser_packages(&Cache::open()?)
}

/// The folders of the npm and PyPI packages that tests of uploads use.
pub(crate) fn upload_packages() -> Result<(PathBuf, PathBuf)> {
    install::upload_packages(&Cache::open()?)
}

/// The folder of the npm packages that read the OpenAPI document.
pub(crate) fn openapi_packages() -> Result<PathBuf> {
    install::openapi_packages(&Cache::open()?)
}

/// The program promtool.
pub(crate) fn promtool() -> Result<PathBuf> {
    install::promtool(&Cache::open()?)
}

/// The folder of the npm packages of clients.
pub(crate) fn client_packages() -> Result<PathBuf> {
    install::client_packages(&Cache::open()?)
}

/// Which servers an engine has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Extent {
    /// Those that every machine can have.
    Suite,
    /// Also Google's emulator, where it is installed.
    Everything,
}

/// The variables that tests read, with their values.
pub(crate) type Variables = BTreeMap<&'static str, String>;

impl Engine {
    /// The variable that tells the tests where it is.
    pub(crate) fn variable(self) -> &'static str {
        match self {
            Self::Postgres => POSTGRES_URL_VARIABLE,
            Self::PostgresVersions => POSTGRES_VERSIONS_VARIABLE,
            Self::Dynamodb => DYNAMODB_URL_VARIABLE,
            Self::Couchdb => COUCHDB_URL_VARIABLE,
            Self::Firestore => FIRESTORE_HOSTS_VARIABLE,
        }
    }

    /// Installs what its servers need, one engine after the other: an
    /// installation has all cores for itself, and its progress can be read.
    fn prepare(self, cache: &Cache, extent: Extent, folder: &Path) -> Result<Vec<Start>> {
        match self {
            Self::Postgres => {
                tools::postgres()?;
                Ok(vec![Start::Postgres])
            }
            Self::PostgresVersions => install::POSTGRES_VERSIONS
                .iter()
                .map(|version| {
                    let programs = install::postgres(cache, version, folder)?;
                    Ok(Start::PostgresVersion { version, programs })
                })
                .collect(),
            Self::Dynamodb => Ok(vec![Start::Process(dynamodb(install::dynoxide(cache)?))]),
            Self::Couchdb => Ok(vec![Start::Process(couchdb(Node::install(cache)?))]),
            Self::Firestore => {
                let mut starts = vec![Start::Process(firestore(Node::install(cache)?))];
                if extent == Extent::Everything {
                    match install::google_firestore()? {
                        Some(jar) => starts.push(Start::Process(google(jar))),
                        None => eprintln!("==> Google's Firestore emulator is not on this machine"),
                    }
                }
                Ok(starts)
            }
        }
    }
}

impl fmt::Display for Engine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Postgres => "PostgreSQL",
            Self::PostgresVersions => "PostgreSQL, oldest and newest",
            Self::Dynamodb => "DynamoDB",
            Self::Couchdb => "CouchDB",
            Self::Firestore => "Firestore",
        })
    }
}

enum Start {
    Postgres,
    PostgresVersion { version: &'static str, programs: PathBuf },
    Process(Recipe),
}

fn dynamodb(program: PathBuf) -> Recipe {
    let command = move |address: SocketAddr| {
        let mut command = Command::new(&program);
        command.args(["serve", "--host", "127.0.0.1", "--port", &address.port().to_string()]);
        command
    };
    Recipe { name: "dynoxide", command: Box::new(command), ready: Some("/") }
}

fn couchdb(node: Node) -> Recipe {
    Recipe { name: "couchdb", command: front(node, "couchdb-front.cjs"), ready: Some("/_up") }
}

fn firestore(node: Node) -> Recipe {
    Recipe { name: "mock", command: front(node, "firestore-front.cjs"), ready: None }
}

fn front(node: Node, program: &'static str) -> Box<dyn Fn(SocketAddr) -> Command + Send> {
    Box::new(move |address| {
        let mut command = node.command(program);
        command.arg(address.port().to_string());
        command
    })
}

fn google(jar: PathBuf) -> Recipe {
    let command = move |address: SocketAddr| {
        let mut command = Command::new("java");
        command.args(["-Duser.language=en", "-Xmx512m", "-cp"]).arg(&jar);
        command.args(["com.google.cloud.datastore.emulator.firestore.CloudFirestore", "start"]);
        command.args([format!("--host={}", address.ip()), format!("--port={}", address.port())]);
        command
    };
    Recipe { name: "google", command: Box::new(command), ready: Some("/") }
}

/// A server that runs.
#[derive(Debug)]
enum Running {
    Postgres(TestPostgres),
    PostgresVersion { version: &'static str, server: TestPostgres },
    Process { name: &'static str, server: Server },
}

impl Running {
    fn start(start: &Start, folder: &Path) -> Result<Self> {
        match start {
            Start::Postgres => {
                let builder = TestPostgres::builder().durability(Durability::Off);
                let builder = builder.own_process_group().folder(folder.join("postgres"));
                Ok(Self::Postgres(builder.start()?))
            }
            Start::PostgresVersion { version, programs } => {
                let builder = TestPostgres::builder().durability(Durability::Off);
                let data = folder.join(format!("postgres-{version}-data"));
                let builder = builder.own_process_group().folder(data).programs(programs);
                Ok(Self::PostgresVersion { version, server: builder.start()? })
            }
            Start::Process(recipe) => {
                let server = Server::start(recipe, folder)?;
                Ok(Self::Process { name: recipe.name, server })
            }
        }
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Postgres(_) => "postgres",
            Self::PostgresVersion { version, .. } => version,
            Self::Process { name, .. } => name,
        }
    }

    /// How the tests reach it.
    fn place(&self) -> String {
        match self {
            Self::Postgres(postgres) => postgres.url(),
            Self::PostgresVersion { version, server } => format!("{version}={}", server.url()),
            Self::Process { name: name @ ("mock" | "google"), server } => {
                format!("{name}={}", server.address())
            }
            Self::Process { server, .. } => format!("http://{}", server.address()),
        }
    }

    fn stop(&mut self) -> Result<()> {
        match self {
            Self::Postgres(server) | Self::PostgresVersion { server, .. } => {
                server.stop(Stop::Fast)
            }
            Self::Process { server, .. } => server.stop(),
        }
    }
}

/// Engines that run as long as this lives.
#[derive(Debug, Default)]
pub(crate) struct Engines {
    running: Vec<(Engine, Running)>,
}

impl Engines {
    /// Installs and starts all servers of these engines, their files in `folder`.
    /// Gives back what runs and why the others do not.
    ///
    /// # Errors
    /// When we are asked to end, or the folder cannot be used.
    pub(crate) fn start(
        engines: &[Engine],
        extent: Extent,
        folder: &Path,
    ) -> Result<(Self, Vec<(Engine, anyhow::Error)>)> {
        // PostgreSQL runs as another user than root, and must get in.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
        let cache = Cache::open()?;
        let (mut starts, mut failures) = (Vec::new(), Vec::new());
        for &engine in engines {
            match engine.prepare(&cache, extent, folder) {
                Ok(prepared) => starts.extend(prepared.into_iter().map(|start| (engine, start))),
                Err(error) => failures.push((engine, error)),
            }
            interrupt::check()?;
        }
        let results = std::thread::scope(|scope| {
            let threads: Vec<_> = starts
                .into_iter()
                .map(|(engine, start)| {
                    (engine, scope.spawn(move || Running::start(&start, folder)))
                })
                .collect();
            let joined = threads.into_iter().map(|(engine, thread)| {
                (engine, thread.join().unwrap_or_else(|_| Err(anyhow!("the start panicked"))))
            });
            joined.collect::<Vec<_>>()
        });
        let mut started = Self::default();
        for (engine, result) in results {
            match result {
                Ok(running) => started.running.push((engine, running)),
                Err(error) => failures.push((engine, error)),
            }
        }
        interrupt::check()?;
        Ok((started, failures))
    }

    /// What the tests must know.
    pub(crate) fn variables(&self) -> Variables {
        let places = self.running.iter().map(|(engine, running)| (*engine, running.place()));
        variables(places)
    }

    pub(crate) fn stop(&mut self) -> Result<()> {
        let mut result = Ok(());
        for (engine, mut running) in self.running.drain(..) {
            let stopped = running.stop().with_context(|| format!("stop {engine}"));
            result = result.and(stopped);
        }
        result
    }
}

/// An engine may have several servers; their places are a list.
fn variables(places: impl IntoIterator<Item = (Engine, String)>) -> Variables {
    let mut variables = Variables::new();
    for (engine, place) in places {
        let value: &mut String = variables.entry(engine.variable()).or_default();
        if !value.is_empty() {
            value.push(',');
        }
        value.push_str(&place);
    }
    variables
}

fn fail_if_any(failures: &[(Engine, anyhow::Error)]) -> Result<()> {
    let texts: Vec<_> =
        failures.iter().map(|(engine, error)| format!("{engine}: {error:#}")).collect();
    ensure!(texts.is_empty(), "{}", texts.join("\n"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn servers_of_one_engine_are_a_list() {
        let places = [
            (Engine::Couchdb, "http://127.0.0.1:1".to_owned()),
            (Engine::Firestore, "mock=127.0.0.1:2".to_owned()),
            (Engine::Firestore, "google=127.0.0.1:3".to_owned()),
        ];
        let expected = [
            (COUCHDB_URL_VARIABLE, "http://127.0.0.1:1".to_owned()),
            (FIRESTORE_HOSTS_VARIABLE, "mock=127.0.0.1:2,google=127.0.0.1:3".to_owned()),
        ];
        assert_eq!(variables(places), expected.into());
    }
}
