//! The way to a database: connections, deadlines, and one statement at a time.

use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant as Clock},
};

use isobase_postgres::{Config, Pool};
use parking_lot::RwLock;
use tokio::time::Instant;

use crate::{
    Dialect, Error, ErrorKind, QueryLogger, Settings, Shared, Value, sqlite::SqlitePool,
    statement::Statement,
};

/// A pool of connections to one database. Clones share it.
///
/// A statement whose future is dropped is cancelled, and leaves no open transaction.
#[derive(Clone, Debug)]
pub struct DbConnector {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: Database,
    shared: Shared,
    /// Written by the caller that wants a log, read by every statement.
    logger: RwLock<Option<Arc<QueryLogger>>>,
    /// Without the password.
    address: String,
}

/// The rights of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Access {
    Write,
    Read,
}

#[derive(Clone, Debug)]
pub(crate) enum Database {
    Postgres(Arc<Pool>),
    Sqlite(Arc<SqlitePool>),
}

impl DbConnector {
    /// A connector without connections yet: `postgres://…`, `sqlite://PATH` or `sqlite::memory:`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a URL that cannot be read. It is never quoted: it may hold a
    /// password.
    pub fn new(url: &str, settings: Settings) -> Result<Self, Error> {
        Self::open(url, settings, Access::Write)
    }

    /// As [`DbConnector::new`], for statements that only read: the sessions of PostgreSQL read unless
    /// they are told otherwise, and a file of SQLite is opened to be read.
    pub(crate) fn reading(url: &str, settings: Settings) -> Result<Self, Error> {
        Self::open(url, settings, Access::Read)
    }

    fn open(url: &str, settings: Settings, access: Access) -> Result<Self, Error> {
        let size = settings.pool_size_max;
        let (database, address) = if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let file = match path {
                "" => return Err(Error::invalid("sqlite: needs the path of a file")),
                ":memory:" => None,
                path => Some(PathBuf::from(path)),
            };
            let pool = match access {
                Access::Write => SqlitePool::new(file, size),
                Access::Read => SqlitePool::reading(file, size)?,
            };
            (Database::Sqlite(Arc::new(pool)), format!("sqlite://{path}"))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let config = Config::parse(url).map_err(|error| Error::invalid(error.to_string()))?;
            if config.pooling() == isobase_postgres::Pooling::Transaction {
                return Err(Error::invalid(
                    "the toolkit needs sessions of its own; connect to the server and not to a \
                     pooler in transaction mode",
                ));
            }
            let config = config
                .with_pool_size(size)
                .with_session_settings(&session_settings(settings.statement_timeout, access));
            let address = config.to_string();
            (Database::Postgres(Arc::new(Pool::new(Arc::new(config)))), address)
        } else {
            return Err(Error::invalid(
                "expected a URL that begins with postgres://, postgresql:// or sqlite:",
            ));
        };
        let dialect = match &database {
            Database::Postgres(_) => Dialect::Postgres,
            Database::Sqlite(_) => Dialect::Sqlite,
        };
        let shared = Shared::new(dialect, settings);
        let inner = Inner { database, shared, logger: RwLock::default(), address };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Has every statement noted by a logger, or by none any more.
    pub fn set_query_logger(&self, logger: Option<Arc<QueryLogger>>) {
        *self.inner.logger.write() = logger;
    }

    /// Which SQL is spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.shared.dialect()
    }

    /// How it behaves.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.inner.shared.settings()
    }

    /// Where the database is, without its password.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.inner.address
    }

    /// Forgets what it knows of tables, which another program has changed.
    pub fn forget_tables(&self) {
        self.inner.shared.cache().clear();
    }

    /// Closes the connections. What runs is cancelled; nothing runs any more.
    pub fn close(&self) {
        match &self.inner.database {
            Database::Postgres(pool) => pool.close(),
            Database::Sqlite(pool) => pool.close(),
        }
    }

    pub(crate) fn database(&self) -> &Database {
        &self.inner.database
    }

    pub(crate) fn shared_parts(&self) -> &Shared {
        &self.inner.shared
    }

    /// Until when a connection must be there.
    pub(crate) fn acquire_deadline(&self) -> Instant {
        Instant::now() + self.settings().acquire_timeout
    }

    /// Until when a statement that begins now must be answered.
    pub(crate) fn statement_deadline(&self) -> Instant {
        Instant::now() + self.settings().statement_timeout
    }

    /// The failure of a statement that was not answered in time.
    pub(crate) fn too_late(&self) -> Error {
        let limit = self.settings().statement_timeout;
        Error::new(ErrorKind::TimedOut, format!("the statement took longer than {limit:?}"))
    }

    /// Notes a statement, and forgets tables that it changed.
    pub(crate) fn note(&self, statement: &Statement, sql: &str, values: &[Value], began: Clock) {
        if statement.changes_tables() {
            self.inner.shared.cache().clear();
        }
        let logger = self.inner.logger.read().clone();
        if let Some(logger) = logger {
            logger.log_query(sql, values, began.elapsed());
        }
    }
}

/// The server's own deadline, a little after ours: it ends statements of a process that was
/// killed, which before PostgreSQL 14 would run to their end.
fn session_settings(statement_timeout: Duration, access: Access) -> String {
    let late = statement_timeout.saturating_add(Duration::from_secs(1));
    // The most that the setting takes, 24 days.
    let milliseconds = late.as_millis().min(i32::MAX as u128);
    match access {
        Access::Write => format!("SET statement_timeout = {milliseconds}"),
        Access::Read => format!(
            "SET statement_timeout = {milliseconds}; SET default_transaction_read_only = on"
        ),
    }
}
