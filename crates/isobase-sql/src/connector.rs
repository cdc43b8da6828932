//! The way to a database: connections, deadlines, and one statement at a time.

use std::{
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Instant as Clock,
};

use isobase_postgres::{Config, Keep, Pool};
use tokio::time::{Instant, timeout_at};

use crate::{
    Answer, Dialect, Error, ErrorKind, QueryLogger, Session, Settings, Table, Transaction, Value,
    catalogue::Cache,
    lexer, postgres,
    sqlite::{self, SqlitePool},
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
    settings: Settings,
    cache: Cache,
    /// Written by whoever wants a log, read by every statement.
    logger: RwLock<Option<Arc<QueryLogger>>>,
    /// Without the password.
    address: String,
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
        let size = settings.pool_size_max;
        let (database, address) = if let Some(path) = url.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let file = match path {
                "" => return Err(Error::invalid("sqlite: needs the path of a file")),
                ":memory:" => None,
                path => Some(PathBuf::from(path)),
            };
            (Database::Sqlite(Arc::new(SqlitePool::new(file, size))), format!("sqlite://{path}"))
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let config = Config::parse(url).map_err(|error| Error::invalid(error.to_string()))?;
            if config.pooling() == isobase_postgres::Pooling::Transaction {
                return Err(Error::invalid(
                    "the toolkit needs sessions of its own; connect to the server and not to a \
                     pooler in transaction mode",
                ));
            }
            let config = config.with_pool_size(size);
            let address = config.to_string();
            (Database::Postgres(Arc::new(Pool::new(Arc::new(config)))), address)
        } else {
            return Err(Error::invalid(
                "expected a URL that begins with postgres://, postgresql:// or sqlite:",
            ));
        };
        let cache = Cache::default();
        let inner = Inner { database, settings, cache, logger: RwLock::default(), address };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`].
    pub async fn begin(&self) -> Result<Transaction, Error> {
        Transaction::begin(self, "BEGIN").await
    }

    /// Begins a transaction that only reads, and sees the database as it is now until its end.
    ///
    /// # Errors
    /// As [`DbConnector::begin`].
    pub async fn begin_snapshot(&self) -> Result<Transaction, Error> {
        Transaction::begin(self, "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await
    }

    /// Runs the statements of a script one after the other, all or none.
    ///
    /// # Errors
    /// The first failure, which says which statement of how many it was.
    pub async fn run_script(&self, script: &str) -> Result<usize, Error> {
        let transaction = self.begin().await?;
        match transaction.run_script(script).await {
            Ok(count) => transaction.commit().await.map(|()| count),
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }

    /// Has every statement noted by a logger, or by none any more.
    pub fn set_query_logger(&self, logger: Option<Arc<QueryLogger>>) {
        *self.inner.logger.write().unwrap_or_else(PoisonError::into_inner) = logger;
    }

    /// Which SQL is spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        match self.inner.database {
            Database::Postgres(_) => Dialect::Postgres,
            Database::Sqlite(_) => Dialect::Sqlite,
        }
    }

    /// How it behaves.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        &self.inner.settings
    }

    /// Where the database is, without its password.
    #[must_use]
    pub fn address(&self) -> &str {
        &self.inner.address
    }

    /// Forgets what it knows of tables, which another program has changed.
    pub fn forget_tables(&self) {
        self.inner.cache.clear();
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

    pub(crate) fn cache(&self) -> &Cache {
        &self.inner.cache
    }

    /// Until when a connection must be there.
    pub(crate) fn acquire_deadline(&self) -> Instant {
        Instant::now() + self.inner.settings.acquire_timeout
    }

    /// Until when a statement that begins now must be answered.
    pub(crate) fn statement_deadline(&self) -> Instant {
        Instant::now() + self.inner.settings.statement_timeout
    }

    /// The failure of a statement that was not answered in time.
    pub(crate) fn too_late(&self) -> Error {
        let limit = self.inner.settings.statement_timeout;
        Error::new(ErrorKind::TimedOut, format!("the statement took longer than {limit:?}"))
    }

    /// Notes a statement, and forgets tables that it changed.
    pub(crate) fn note(&self, statement: &Statement, sql: &str, values: &[Value], began: Clock) {
        if statement.changes_tables() {
            self.inner.cache.clear();
        }
        let logger = self.inner.logger.read().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(logger) = logger {
            logger.log_query(sql, values, began.elapsed());
        }
    }

    async fn run_alone(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Answer, Error> {
        let statement = Statement::of(self.dialect(), sql);
        statement.may_run_alone()?;
        let began = Clock::now();
        let answer = match &self.inner.database {
            Database::Postgres(pool) => {
                self.run_postgres(pool, &statement, schema, sql, parameters).await
            }
            Database::Sqlite(pool) => {
                check_sqlite_schema(schema)?;
                let lease = pool.lease(self.acquire_deadline()).await?;
                let (text, values) = (sql.to_owned(), parameters.to_vec());
                let job = move |connection: &mut _| sqlite::run(connection, &text, &values);
                lease.call(self.statement_deadline(), job).await
            }
        };
        self.note(&statement, sql, parameters, began);
        answer
    }

    async fn run_postgres(
        &self,
        pool: &Pool,
        statement: &Statement,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Answer, Error> {
        let lease = pool.lease(self.acquire_deadline()).await.map_err(postgres::of_connection)?;
        let work = async {
            match schema {
                None => postgres::run(&lease, sql, parameters, Keep::Session).await,
                Some(schema) => postgres::run_in_schema(&lease, schema, sql, parameters).await,
            }
        };
        match timeout_at(self.statement_deadline(), work).await {
            Ok(answer) => {
                // A session that the statement has changed is nobody's any more.
                if !statement.changes_session() {
                    lease.finish();
                }
                answer
            }
            // The drop of the lease cancels it.
            Err(_) => Err(self.too_late()),
        }
    }
}

impl Session for DbConnector {
    async fn run(&self, sql: &str, parameters: &[Value]) -> Result<Answer, Error> {
        Box::pin(self.run_alone(None, sql, parameters)).await
    }

    async fn run_in_schema(
        &self,
        schema: &str,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Answer, Error> {
        Box::pin(self.run_alone(Some(schema), sql, parameters)).await
    }

    async fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, Error> {
        let transaction = self.begin().await?;
        let loaded = transaction.load(table, columns, rows).await;
        match loaded {
            Ok(count) => transaction.commit().await.map(|()| count),
            Err(error) => {
                transaction.rollback().await?;
                Err(error)
            }
        }
    }

    fn connector(&self) -> &DbConnector {
        self
    }

    fn sees_committed_only(&self) -> bool {
        true
    }
}

/// SQLite finds a table without a schema in the main database.
pub(crate) fn check_sqlite_schema(schema: Option<&str>) -> Result<(), Error> {
    match schema {
        None | Some("main" | "public") => Ok(()),
        Some(other) => Err(Error::invalid(format!(
            "SQLite searches no schema '{other}' first; write it before the table"
        ))),
    }
}

/// The statements of a script, without what is empty between them.
#[must_use]
pub fn split_script(dialect: Dialect, script: &str) -> Vec<String> {
    statements(dialect, script).into_iter().map(str::to_owned).collect()
}

/// The statements of a script.
pub(crate) fn statements(dialect: Dialect, script: &str) -> Vec<&str> {
    lexer::statements(dialect, script)
}
