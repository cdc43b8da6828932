//! A database that a writer never changes, however it is reached.

use std::{
    fs,
    path::{Path, PathBuf},
};

use isobase_postgres::{Config, Connection, tokio_postgres::SimpleQueryMessage};
use tokio::time::Instant;

use crate::{
    Error,
    postgres::{of_connection, refused},
    reading::answer::ACQUIRE_TIMEOUT,
};

/// The database itself, whatever host, pooler or role leads to it.
const DATABASE: &str = "SELECT current_database(), pg_postmaster_start_time()::text";
/// The cluster: it stays the same when the server starts again. Not every service lets everybody ask.
const CLUSTER: &str = "SELECT system_identifier::text FROM pg_control_system()";

/// A database that a writer never changes.
#[derive(Debug)]
pub(super) enum Guarded {
    Sqlite(PathBuf),
    Postgres(Box<Config>),
}

/// What tells a database of PostgreSQL from all others.
struct Identity {
    database: String,
    started: String,
    cluster: Option<String>,
}

impl Guarded {
    pub(super) fn new(url: &str) -> Result<Self, Error> {
        if let Some(path) = url.strip_prefix("sqlite:") {
            return Ok(Self::Sqlite(path.strip_prefix("//").unwrap_or(path).into()));
        }
        let config = Config::parse(url).map_err(|error| Error::invalid(error.to_string()))?;
        Ok(Self::Postgres(Box::new(config)))
    }

    /// Whether a file is that of the database: by its path without links, and by its inode.
    pub(super) fn is_file(&self, path: &Path) -> bool {
        let Self::Sqlite(own) = self else { return false };
        own == path || same(fs::canonicalize(own), fs::canonicalize(path)) || same_inode(own, path)
    }

    /// Whether a connection leads to it.
    pub(super) async fn is_reached_by(&self, connection: &Connection) -> Result<bool, Error> {
        let Self::Postgres(config) = self else { return Ok(false) };
        let found = Identity::of(connection).await?;
        let deadline = Instant::now() + ACQUIRE_TIMEOUT;
        let own = Connection::open(config, deadline).await.map_err(of_connection)?;
        let own = Identity::of(&own).await?;
        let same_server = match (&own.cluster, &found.cluster) {
            (Some(own), Some(found)) => own == found,
            _ => own.started == found.started,
        };
        Ok(same_server && own.database == found.database)
    }
}

impl Identity {
    async fn of(connection: &Connection) -> Result<Self, Error> {
        let [database, started] = texts(connection, DATABASE).await?;
        // Who may not ask is told by the other two.
        let cluster = texts(connection, CLUSTER).await.ok().map(|[cluster]| cluster);
        Ok(Self { database, started, cluster })
    }
}

/// The texts of a row; without a parameter, so that a pooler needs to keep nothing.
async fn texts<const N: usize>(connection: &Connection, sql: &str) -> Result<[String; N], Error> {
    let messages = connection.client().simple_query(sql).await;
    let messages = messages.map_err(|error| refused(error, sql))?;
    let row = messages.iter().find_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let text = |at| row.and_then(|row| row.try_get(at).ok().flatten()).unwrap_or_default();
    Ok(std::array::from_fn(|at| text(at).to_owned()))
}

fn same(one: std::io::Result<PathBuf>, other: std::io::Result<PathBuf>) -> bool {
    one.is_ok_and(|one| other.is_ok_and(|other| one == other))
}

#[cfg(unix)]
fn same_inode(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;

    let place = |path| fs::metadata(path).map(|found| (found.dev(), found.ino())).ok();
    place(one).is_some_and(|found| place(other) == Some(found))
}

/// There the path without links has to do.
#[cfg(not(unix))]
fn same_inode(_one: &Path, _other: &Path) -> bool {
    false
}
