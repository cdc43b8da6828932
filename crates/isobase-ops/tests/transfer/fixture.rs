//! A database of each engine, of its own for each test.

use std::{sync::Arc, time::Duration};

use isobase::{Location, OpenOptions, Purpose};
use isobase_engine::Engine;
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_testkit::{couchdb_url, dynamodb_url, firestore_hosts, postgres_url, unique_name};
use tempfile::TempDir;

/// An engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Sqlite,
    Postgres,
    Couchdb,
    Dynamodb,
    Firestore,
}

/// A database that can be opened again, except in memory.
pub(crate) struct Fixture {
    /// None in memory.
    location: Option<Location>,
    memory: Option<Arc<dyn Engine>>,
    _folder: Option<TempDir>,
    prefix: String,
}

impl Fixture {
    /// A fresh database; `None` if its server is not there.
    pub(crate) fn new(kind: Kind) -> Option<Self> {
        let prefix = format!("{}_", unique_name("t"));
        let (url, folder) = match kind {
            Kind::Memory => {
                let memory = Some(memory());
                return Some(Self { location: None, memory, _folder: None, prefix });
            }
            Kind::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("records.db");
                (format!("sqlite://{}", path.display()), Some(folder))
            }
            Kind::Postgres => {
                let server = postgres_url().or_else(|| not_run(kind))?;
                (format!("{server}?schema={}", unique_name("transfer")), None)
            }
            Kind::Couchdb => {
                let server = couchdb_url().or_else(|| not_run(kind))?;
                let host = server.strip_prefix("http://").unwrap();
                (format!("couchdb://{host}/{prefix}"), None)
            }
            Kind::Dynamodb => {
                let server = dynamodb_url().or_else(|| not_run(kind))?;
                (format!("dynamodb://eu-central-1/{prefix}?endpoint={server}"), None)
            }
            Kind::Firestore => {
                let hosts = firestore_hosts();
                let host = hosts.first().map(|it| it.host.clone()).or_else(|| not_run(kind))?;
                let url = format!("firestore://transfer/?emulator={host}&prefix={prefix}");
                (url, None)
            }
        };
        let location = Some(Location::parse(&url).unwrap());
        Some(Self { location, memory: None, _folder: folder, prefix })
    }

    /// What the names of its native databases and tables begin with, where it has several.
    pub(crate) fn prefix(&self) -> String {
        self.prefix.clone()
    }

    /// Opens it for use: refused while it is unfinished.
    pub(crate) async fn open(&self) -> Result<Arc<dyn Engine>, isobase::OpenError> {
        match (&self.memory, &self.location) {
            (Some(memory), _) => Ok(memory.clone()),
            (None, Some(location)) => {
                let opened = location.open(Purpose::Use, &patient()).await;
                opened.map(|opened| opened.engine)
            }
            (None, None) => unreachable!("a fixture has one of both"),
        }
    }

    /// Opens it to be loaded.
    pub(crate) async fn open_for_load(&self) -> Arc<dyn Engine> {
        match (&self.memory, &self.location) {
            (None, Some(location)) => {
                location.open(Purpose::Load, &patient()).await.unwrap().engine
            }
            _ => self.open().await.unwrap(),
        }
    }

    /// Closes an engine that is opened again; a database in memory would be gone.
    pub(crate) async fn close(&self, engine: Arc<dyn Engine>) {
        if self.memory.is_none() {
            engine.close().await.unwrap();
        }
    }
}

/// Stand-ins share a machine that may be slow with the tests and with each other.
fn patient() -> OpenOptions {
    let mut options = OpenOptions::default();
    options.remote.deadline = Duration::from_secs(120);
    options
}

/// An empty database in memory.
pub(crate) fn memory() -> Arc<dyn Engine> {
    let clock = Arc::new(isobase_engine::SystemClock);
    Arc::new(MemoryEngine::new(clock, MemoryOptions::default()))
}

#[expect(clippy::print_stderr, reason = "a test that does not run must say so")]
fn not_run(kind: Kind) -> Option<String> {
    eprintln!("NOT RUN: there is no {kind:?}, start with `cargo xtask test`");
    None
}
