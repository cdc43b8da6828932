//! Statements of people that change a database: in one transaction, which its caller commits once it
//! knows what they did.
//!
//! On PostgreSQL each transaction has a connection of its own, under a role that may neither touch the
//! files and programs of the server nor make itself one that may. On SQLite what would leave the file is
//! not authorised. No session outlives its transaction.

mod changes;
mod guarded;
mod postgres;
mod schema;
mod sqlite;
mod statement;

use std::{sync::Arc, time::Duration};

use isobase_postgres::{Config, Lease, Pool};
use tokio::time::{Instant, timeout_at};

use crate::{
    ANSWER_BYTES_MAX, DbConnector, Dialect, Error, ErrorKind, ReadError, ReadLimits, Settings,
    catalogue,
    connector::Database,
    lexer,
    postgres::of_connection,
    reading::{
        CATALOGUE_TIMEOUT,
        answer::ACQUIRE_TIMEOUT,
        file_name, one_statement,
        postgres::{end, stop as postgres_stop},
    },
    sqlite::{SqliteLease, SqlitePool},
};

use self::guarded::Guarded;
pub use changes::RowChange;
pub use schema::{NewColumn, NewConstraint, OnDelete, Planned, SchemaChange, plan_schema_change};
pub use statement::{Effect, WriteStatement};

/// Transactions of people at once.
const TRANSACTIONS_AT_ONCE: usize = 2;
/// How long a commit, or a rollback, may take.
const END_TIMEOUT: Duration = Duration::from_secs(10);

/// Words of statements that would end the transaction behind our back, or have no meaning in a session
/// that ends with it; and COPY, whose rows travel beside the statements.
const NOT_TAKEN: [&str; 11] = [
    "ABORT",
    "BEGIN",
    "COMMIT",
    "COPY",
    "END",
    "PREPARE",
    "RELEASE",
    "ROLLBACK",
    "SAVEPOINT",
    "START",
    "DEALLOCATE",
];

/// A database that statements of people change. Clones share its connections.
#[derive(Clone, Debug)]
pub struct SqlWriter {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: String,
    transactions: Transactions,
    /// For the catalogue.
    db: DbConnector,
    /// The columns that it never changes.
    guarded: Option<Guarded>,
}

#[derive(Debug)]
enum Transactions {
    Postgres(Arc<Pool>),
    Sqlite(Arc<SqlitePool>),
}

/// The work done, in a transaction that is still open. Its drop takes it back.
#[derive(Debug)]
pub struct Written {
    /// The effect of each statement.
    pub effects: Vec<Effect>,
    open: Open,
}

#[derive(Debug)]
enum Open {
    Postgres(Box<Lease<'static>>),
    Sqlite(SqliteLease),
}

impl SqlWriter {
    /// A writer without connections yet: `postgres://…` or `sqlite://PATH`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] for a URL that cannot be read; it is never quoted. A file of SQLite that
    /// does not exist is refused when it is first used, and not made.
    pub fn new(url: &str) -> Result<Self, Error> {
        Self::guarding(url, None)
    }

    /// As [`SqlWriter::new`], but it never changes the database of another URL, by whatever name, path or
    /// role both are reached: that is looked at before each transaction.
    ///
    /// # Errors
    /// As [`SqlWriter::new`], for both URLs.
    pub fn apart_from(url: &str, other: &str) -> Result<Self, Error> {
        Self::guarding(url, Some(Guarded::new(other)?))
    }

    fn guarding(url: &str, guarded: Option<Guarded>) -> Result<Self, Error> {
        let settings = Settings {
            pool_size_max: 1,
            acquire_timeout: ACQUIRE_TIMEOUT,
            statement_timeout: CATALOGUE_TIMEOUT,
            ..Settings::default()
        };
        let db = DbConnector::reading(url, settings)?;
        let (database, transactions) = match db.database() {
            Database::Postgres(_) => {
                let config = Config::parse(url).map_err(|it| Error::invalid(it.to_string()))?;
                let name = config.database().to_owned();
                let config = config
                    .with_pool_size(TRANSACTIONS_AT_ONCE)
                    .with_answer_bytes_max(ANSWER_BYTES_MAX);
                (name, Transactions::Postgres(Arc::new(Pool::new(Arc::new(config)))))
            }
            Database::Sqlite(pool) => {
                let path = pool.path();
                let name = file_name(path.as_deref());
                (name, Transactions::Sqlite(Arc::new(SqlitePool::changing(path)?)))
            }
        };
        Ok(Self { inner: Arc::new(Inner { database, transactions, db, guarded }) })
    }

    /// Which SQL is spoken.
    #[must_use]
    pub fn dialect(&self) -> Dialect {
        self.inner.db.dialect()
    }

    /// Where the database is, without its password.
    #[must_use]
    pub fn address(&self) -> &str {
        self.inner.db.address()
    }

    /// The name of the database; on SQLite that of its file.
    #[must_use]
    pub fn database(&self) -> &str {
        &self.inner.database
    }

    /// Runs statements one after the other in one transaction, and leaves it open. When the future is
    /// dropped, the statement that runs is stopped and all of them are taken back.
    ///
    /// # Errors
    /// As the engine refuses one of them; then none of them has happened. [`ErrorKind::Invalid`] for what
    /// would end the transaction. [`ReadError::PowerfulRole`], [`ReadError::Guarded`].
    pub async fn write(
        &self,
        statements: &[WriteStatement],
        limits: &ReadLimits,
    ) -> Result<Written, ReadError> {
        let checked = statements.iter().map(|statement| self.checked(statement));
        let checked = checked.collect::<Result<Vec<_>, Error>>()?;
        match &self.inner.transactions {
            Transactions::Postgres(pool) => {
                let guarded = self.inner.guarded.as_ref();
                let (effects, lease) = postgres::write(pool, guarded, &checked, limits).await?;
                Ok(Written { effects, open: Open::Postgres(Box::new(lease)) })
            }
            Transactions::Sqlite(pool) => {
                if self.is_guarded_file() {
                    return Err(ReadError::Guarded);
                }
                let (effects, lease) = sqlite::write(pool, checked, limits).await?;
                Ok(Written { effects, open: Open::Sqlite(lease) })
            }
        }
    }

    /// As [`SqlReader::stop`](crate::SqlReader::stop).
    ///
    /// # Errors
    /// As the database fails.
    pub async fn stop(&self, mark: u64) -> Result<bool, Error> {
        match self.dialect() {
            Dialect::Postgres => postgres_stop(&self.inner.db, mark).await,
            Dialect::Sqlite => Ok(false),
        }
    }

    /// The statements of changes to rows of a table, whose names are those of the catalogue.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`] when there is no such table, [`ErrorKind::ColumnMatch`] when it has no such
    /// column, [`ErrorKind::Invalid`] when a row is not named by its key, or a column takes no values.
    pub async fn row_statements(
        &self,
        (schema, name): (&str, &str),
        changes: &[RowChange],
    ) -> Result<Vec<WriteStatement>, Error> {
        let table = catalogue::read_table(&self.inner.db, schema, name).await?;
        changes.iter().map(|change| change.statement(self.dialect(), &table)).collect()
    }

    /// Whether its file is the one that it never changes, as far as both are there.
    #[must_use]
    pub fn is_guarded_file(&self) -> bool {
        match (&self.inner.transactions, &self.inner.guarded) {
            (Transactions::Sqlite(pool), Some(guarded)) => {
                pool.path().is_some_and(|path| guarded.is_file(&path))
            }
            _ => false,
        }
    }

    fn checked(&self, statement: &WriteStatement) -> Result<WriteStatement, Error> {
        let sql = one_statement(self.dialect(), &statement.sql)?;
        let word = lexer::first_word(self.dialect(), sql);
        if NOT_TAKEN.contains(&word.as_str()) {
            let message =
                format!("{word} has no place here: each statement is a transaction by itself");
            return Err(Error::invalid(message));
        }
        Ok(WriteStatement { sql: sql.to_owned(), parameters: statement.parameters.clone() })
    }
}

impl Written {
    /// Commits.
    ///
    /// # Errors
    /// As the engine refuses it, with what is checked only now (deferred constraints).
    /// [`ErrorKind::OutcomeUnknown`] when the connection breaks meanwhile.
    pub async fn commit(self) -> Result<(), Error> {
        let until = Instant::now() + END_TIMEOUT;
        match self.open {
            Open::Postgres(lease) => {
                let committed = match timeout_at(until, lease.commit()).await {
                    Ok(committed) => committed.map_err(of_connection),
                    Err(_) => Err(Error::new(
                        ErrorKind::OutcomeUnknown,
                        "the commit was not answered in time",
                    )),
                };
                end(*lease);
                committed
            }
            Open::Sqlite(lease) => sqlite::end(&lease, "COMMIT", until).await,
        }
    }

    /// Takes everything back, after a look at what a commit would have refused.
    ///
    /// # Errors
    /// As [`Written::commit`]; on SQLite deferred keys are looked at by a commit alone.
    pub async fn take_back(self) -> Result<(), Error> {
        let until = Instant::now() + END_TIMEOUT;
        match self.open {
            Open::Postgres(lease) => {
                let checked = timeout_at(until, lease.batch("SET CONSTRAINTS ALL IMMEDIATE")).await;
                let back = timeout_at(until, lease.batch("ROLLBACK")).await;
                if back.is_ok() {
                    end(*lease);
                }
                match checked {
                    Ok(checked) => checked.map_err(of_connection),
                    Err(_) => Err(Error::new(ErrorKind::TimedOut, "the check took too long")),
                }
            }
            Open::Sqlite(lease) => sqlite::end(&lease, "ROLLBACK", until).await,
        }
    }
}
