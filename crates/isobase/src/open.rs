//! From a URL to a store.

use std::{io, sync::Arc};

use futures_util::future::BoxFuture;
use isobase_engine::{Engine, EngineError};
use isobase_store::Store;

use crate::{DocumentStore, ENGINES, Location, OpenError, OpenOptions};

/// Opens the database of a URL with the default options.
///
/// # Errors
/// [`OpenError`] when the URL is wrong, its engine is not in this build, or the database cannot
/// be opened.
pub async fn open(url: &str) -> Result<DocumentStore, OpenError> {
    open_with(url, &OpenOptions::default()).await
}

/// Opens the database of a URL.
///
/// # Errors
/// As [`open`].
pub fn open_with<'a>(
    url: &'a str,
    options: &'a OpenOptions,
) -> BoxFuture<'a, Result<DocumentStore, OpenError>> {
    Box::pin(async move {
        let location = Location::parse(url)?;
        let opened = location.open(Purpose::Use, options).await?;
        Ok(opened.store(options).into())
    })
}

/// The purpose of opening a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To read and write it, and to serve it to others. Refused while it is unfinished.
    Use,
    /// As [`Purpose::Use`], but a file that another process has open is read beside it and not
    /// written to.
    UseOrReadBeside,
    /// To load it: also one whose load was begun and not finished, which is refused to all others.
    Load,
    /// To read all of it and nothing else: its snapshots, its change feed and its documents.
    /// Nothing is written, whether or not another process has it in use, and credentials that may
    /// only read are enough. An SQLite file of an older program is not brought up to date and so
    /// cannot be read.
    Read,
}

/// An engine, and the way to tell other processes where it is served.
pub struct Opened {
    /// The engine.
    pub engine: Arc<dyn Engine>,
    /// Who else has the database in use, in words, when it is read beside them.
    pub held_by: Option<String>,
    note: Option<Box<Note>>,
}

type Note = dyn Fn(&str) -> io::Result<()> + Send + Sync;

impl std::fmt::Debug for Opened {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Opened").field("engine", &self.engine.name()).finish_non_exhaustive()
    }
}

impl Opened {
    fn new(engine: Arc<dyn Engine>) -> Self {
        Self { engine, held_by: None, note: None }
    }

    /// A store over the engine.
    #[must_use]
    pub fn store(&self, options: &OpenOptions) -> Store {
        Store::new(Arc::clone(&self.engine), options.store)
    }

    /// Notes the address beside the database, where the engine has a place for it, so that a
    /// process that finds the database in use can ask this one.
    ///
    /// # Errors
    /// The note could not be written.
    pub fn announce(&self, address: &str) -> io::Result<()> {
        match &self.note {
            Some(note) => note(address),
            None => Ok(()),
        }
    }
}

impl Location {
    /// Opens the database.
    ///
    /// # Errors
    /// [`OpenError`] when its engine is not in this build, it is in use or unfinished and the
    /// purpose does not allow that, or it cannot be opened.
    pub fn open<'a>(
        &'a self,
        purpose: Purpose,
        options: &'a OpenOptions,
    ) -> BoxFuture<'a, Result<Opened, OpenError>> {
        Box::pin(async move {
            match purpose {
                Purpose::Use => open_whole(self, options).await,
                Purpose::Load => open_any(self, options).await,
                Purpose::Read => read(self, options).await.map(Opened::new),
                Purpose::UseOrReadBeside => match open_whole(self, options).await {
                    Err(OpenError::InUse { address, .. }) => {
                        let engine = read(self, options).await?;
                        Ok(Opened { held_by: Some(holder(address)), ..Opened::new(engine) })
                    }
                    opened => opened,
                },
            }
        })
    }
}

/// Who has a file open, in words.
pub(crate) fn holder(address: Option<String>) -> String {
    let service = address.map(|address| format!("the service at {address}"));
    service.unwrap_or_else(|| "another process".to_owned())
}

/// Opens a database to read it and nothing else.
async fn read(location: &Location, options: &OpenOptions) -> Result<Arc<dyn Engine>, OpenError> {
    match location {
        #[cfg(feature = "sqlite")]
        Location::Sqlite(path) => whole(location, sqlite_beside(path, options)?).await,
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => {
            let engine = postgres(url, options, true).await?;
            whole(location, engine).await
        }
        #[cfg(feature = "couchdb")]
        Location::Couchdb(url) => {
            use isobase_engine_couchdb::{CouchDbOptions, open_to_read};
            let couchdb = CouchDbOptions::parse(url).map_err(|error| engine_error(url, error))?;
            let opened = open_to_read(couchdb, remote(options), clock()).await;
            let reader = opened.map_err(|error| engine_error(url, error))?;
            whole(location, Arc::new(reader)).await
        }
        #[cfg(feature = "dynamodb")]
        Location::Dynamodb(url) => {
            use isobase_engine_dynamodb::{DynamoDbOptions, open_to_read};
            let dynamodb = DynamoDbOptions::parse(url).map_err(|error| engine_error(url, error))?;
            let opened = Box::pin(open_to_read(&dynamodb, remote(options), clock())).await;
            let reader = opened.map_err(|error| engine_error(url, error))?;
            whole(location, Arc::new(reader)).await
        }
        #[cfg(feature = "firestore")]
        Location::Firestore(url) => {
            use isobase_engine_firestore::{Environment, FirestoreOptions, open_to_read};
            let firestore = FirestoreOptions::new(url).map_err(|error| engine_error(url, error))?;
            let environment = Environment::of_process();
            let opened = open_to_read(firestore, &environment, remote(options), clock()).await;
            let reader = opened.map_err(|error| engine_error(url, error))?;
            whole(location, Arc::new(reader)).await
        }
        other => open_whole(other, options).await.map(|opened| opened.engine),
    }
}

/// Lets a database that was opened to be read go on, unless it is unfinished.
#[cfg(any(
    feature = "sqlite",
    feature = "postgres",
    feature = "couchdb",
    feature = "dynamodb",
    feature = "firestore"
))]
async fn whole(location: &Location, engine: Arc<dyn Engine>) -> Result<Arc<dyn Engine>, OpenError> {
    refuse_unfinished(location, &*engine).await?;
    Ok(engine)
}

/// Closes and refuses a database that a load has left unfinished.
async fn refuse_unfinished(location: &Location, engine: &dyn Engine) -> Result<(), OpenError> {
    let failed =
        |error: EngineError| OpenError::Engine { url: location.to_string(), source: error.into() };
    let Some(note) = engine.unfinished().await.map_err(failed)? else { return Ok(()) };
    engine.close().await.map_err(failed)?;
    // The first line is for people, the rest for the load that resumes it.
    let note = note.lines().next().unwrap_or("nothing is known of it").to_owned();
    Err(OpenError::Unfinished { url: location.to_string(), note })
}

/// Opens a database unless it is unfinished.
async fn open_whole(location: &Location, options: &OpenOptions) -> Result<Opened, OpenError> {
    let opened = open_any(location, options).await?;
    refuse_unfinished(location, &*opened.engine).await?;
    Ok(opened)
}

#[allow(
    unused_variables,
    unreachable_code,
    reason = "the options are for engines, and a build may have none"
)]
async fn open_any(location: &Location, options: &OpenOptions) -> Result<Opened, OpenError> {
    let engine = match location {
        #[cfg(feature = "memory")]
        Location::Memory => memory(options),
        #[cfg(feature = "sqlite")]
        Location::Sqlite(path) => return sqlite(path, options),
        #[cfg(feature = "postgres")]
        Location::Postgres(url) => postgres(url, options, false).await?,
        #[cfg(feature = "couchdb")]
        Location::Couchdb(url) => couchdb(url, options).await?,
        #[cfg(feature = "dynamodb")]
        Location::Dynamodb(url) => dynamodb(url, options).await?,
        #[cfg(feature = "firestore")]
        Location::Firestore(url) => firestore(url, options).await?,
        #[allow(unreachable_patterns, reason = "reached when a feature is off")]
        other => return Err(not_compiled(other)),
    };
    Ok(Opened::new(engine))
}

/// The error for an engine that this build was made without.
fn not_compiled(location: &Location) -> OpenError {
    let engine = location.engine();
    let info = ENGINES.iter().find(|info| info.name == engine);
    OpenError::NotCompiled { engine, feature: info.map_or(engine, |info| info.feature) }
}

#[cfg(feature = "memory")]
fn memory(options: &OpenOptions) -> Arc<dyn Engine> {
    use isobase_engine_memory::{MemoryEngine, MemoryOptions};
    let mut memory = MemoryOptions::default();
    let changes_max = usize::try_from(options.retention.changes_max).unwrap_or(usize::MAX);
    // What is kept is in memory: the engine's own bound stays.
    memory.changes_max = memory.changes_max.min(changes_max);
    memory.idempotency_retention = options.retention.idempotency;
    Arc::new(MemoryEngine::new(Arc::new(isobase_engine::SystemClock), memory))
}

#[cfg(feature = "sqlite")]
fn sqlite(path: &std::path::Path, options: &OpenOptions) -> Result<Opened, OpenError> {
    use isobase_engine_sqlite::{SqliteEngine, SqliteOptions};
    use isobase_sqlite::Synchronous;

    let mut engine = SqliteOptions::new(path);
    let sync_every_commit = options.sqlite.sync_every_commit;
    engine.file.synchronous =
        if sync_every_commit { Synchronous::Full } else { Synchronous::Normal };
    engine.file.cache_kib = u32::try_from(options.sqlite.cache_bytes >> 10).unwrap_or(u32::MAX);
    engine.changes_retention = options.retention.changes;
    engine.changes_max = options.retention.changes_max;
    engine.idempotency_retention = options.retention.idempotency;
    let clock = Arc::new(isobase_engine::SystemClock);
    let engine = Arc::new(SqliteEngine::open(engine, clock).map_err(|e| sqlite_error(path, e))?);
    let database = engine.database().clone();
    let note: Box<Note> = Box::new(move |address: &str| database.set_address(address));
    Ok(Opened { note: Some(note), ..Opened::new(engine) })
}

#[cfg(feature = "sqlite")]
fn sqlite_beside(
    path: &std::path::Path,
    options: &OpenOptions,
) -> Result<Arc<dyn Engine>, OpenError> {
    use isobase_engine_sqlite::{SqliteOptions, SqliteReader};

    let mut engine = SqliteOptions::new(path);
    engine.file.cache_kib = u32::try_from(options.sqlite.cache_bytes >> 10).unwrap_or(u32::MAX);
    let reader = SqliteReader::open(engine).map_err(|error| sqlite_error(path, error))?;
    Ok(Arc::new(reader))
}

/// A file that is in use gets an error of its own: the caller may ask its holder instead.
#[cfg(feature = "sqlite")]
fn sqlite_error(path: &std::path::Path, error: EngineError) -> OpenError {
    use isobase_sqlite::OpenError as Native;

    let native = error.source.as_ref().and_then(|source| source.downcast_ref::<Native>());
    if let Some(Native::Locked { path, pid, address }) = native {
        return OpenError::InUse { path: path.clone(), pid: *pid, address: address.clone() };
    }
    let url = Location::Sqlite(path.to_owned()).to_string();
    OpenError::Engine { url, source: error.into() }
}

#[cfg(feature = "postgres")]
async fn postgres(
    url: &str,
    options: &OpenOptions,
    read_only: bool,
) -> Result<Arc<dyn Engine>, OpenError> {
    use isobase_engine_postgres::{NoTables, PostgresEngine, PostgresOptions};

    let shown = || crate::redact(url);
    let failed = |error: EngineError| OpenError::Engine { url: shown(), source: error.into() };
    let mut postgres = PostgresOptions::new(&with_pgbouncer(url, options.postgres.pgbouncer))
        .map_err(|error| OpenError::Engine { url: shown(), source: error.into() })?;
    if let Some(size) = options.postgres.pool_size {
        postgres.config = postgres.config.with_pool_size(size);
    }
    postgres.read_only = read_only;
    postgres.changes_retention = options.retention.changes;
    postgres.changes_max = options.retention.changes_max;
    postgres.idempotency_retention = options.retention.idempotency;
    let clock = Arc::new(isobase_engine::SystemClock);
    match PostgresEngine::connect(postgres, clock).await {
        Ok(engine) => Ok(Arc::new(engine)),
        Err(error) if error.source.as_ref().is_some_and(|source| source.is::<NoTables>()) => {
            Err(OpenError::Nothing { url: shown() })
        }
        Err(error) => Err(failed(error)),
    }
}

/// The URL with the parameter that says what the option says, unless it is there.
#[cfg(feature = "postgres")]
fn with_pgbouncer(url: &str, pgbouncer: bool) -> String {
    if !pgbouncer || url.contains("pgbouncer=") {
        return url.to_owned();
    }
    let separator = if url.contains('?') { '&' } else { '?' };
    format!("{url}{separator}pgbouncer=transaction")
}

#[cfg(feature = "couchdb")]
async fn couchdb(url: &str, options: &OpenOptions) -> Result<Arc<dyn Engine>, OpenError> {
    use isobase_engine_couchdb::{CouchDbOptions, open};

    let couchdb = CouchDbOptions::parse(url).map_err(|error| engine_error(url, error))?;
    let opened = open(couchdb, remote(options), clock()).await;
    Ok(Arc::new(opened.map_err(|error| engine_error(url, error))?))
}

#[cfg(feature = "dynamodb")]
async fn dynamodb(url: &str, options: &OpenOptions) -> Result<Arc<dyn Engine>, OpenError> {
    use isobase_engine_dynamodb::{DynamoDbOptions, open};

    let dynamodb = DynamoDbOptions::parse(url).map_err(|error| engine_error(url, error))?;
    // The future is large: it holds the SDK's way to credentials.
    let opened = Box::pin(open(&dynamodb, remote(options), clock())).await;
    Ok(Arc::new(opened.map_err(|error| engine_error(url, error))?))
}

#[cfg(feature = "firestore")]
async fn firestore(url: &str, options: &OpenOptions) -> Result<Arc<dyn Engine>, OpenError> {
    use isobase_engine_firestore::{Environment, FirestoreOptions, open};

    let firestore = FirestoreOptions::new(url).map_err(|error| engine_error(url, error))?;
    let environment = Environment::of_process();
    let opened = open(firestore, &environment, remote(options), clock()).await;
    Ok(Arc::new(opened.map_err(|error| engine_error(url, error))?))
}

/// The retention of the document databases beside the documents.
#[cfg(any(feature = "couchdb", feature = "dynamodb", feature = "firestore"))]
fn remote(options: &OpenOptions) -> isobase_journal::JournalOptions {
    isobase_journal::JournalOptions {
        changes_retention: options.retention.changes,
        changes_max: options.retention.changes_max,
        idempotency_retention: options.retention.idempotency,
        deadline: options.remote.deadline,
    }
}

#[cfg(any(feature = "couchdb", feature = "dynamodb", feature = "firestore"))]
fn clock() -> Arc<dyn isobase_engine::Clock> {
    Arc::new(isobase_engine::SystemClock)
}

#[cfg(any(feature = "couchdb", feature = "dynamodb", feature = "firestore"))]
fn engine_error(
    url: &str,
    error: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> OpenError {
    OpenError::Engine { url: crate::redact(url), source: error.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_engine_names_feature_and_command() {
        let message = |url: &str| not_compiled(&Location::parse(url).unwrap()).to_string();
        let dynamodb = message("dynamodb://eu-central-1/app-");
        assert!(dynamodb.contains("cargo build --release --features cloud"), "{dynamodb}");
        let postgres = message("postgres://host/database");
        assert!(postgres.ends_with("--features postgres"), "{postgres}");
    }
}
