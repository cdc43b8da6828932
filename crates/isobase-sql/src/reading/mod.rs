//! Statements of people that only read, whatever they say: the engine refuses what writes.
//!
//! On PostgreSQL each runs on a connection of its own, in a transaction that the server keeps from
//! writing, under a role that may not touch the files and programs of the server. On SQLite the file is
//! opened to be read, and what would leave it is not authorised. No session outlives its statement.

mod answer;
mod named;
mod overview;
mod postgres;
mod sqlite;

use std::{sync::Arc, time::Duration};

use isobase_postgres::{Config, Pool};

use self::answer::ACQUIRE_TIMEOUT;
use crate::{
    DbConnector, Dialect, Error, Settings, Table, Value, catalogue, connector::Database, lexer,
    sqlite::SqlitePool,
};

pub use answer::{ReadAnswer, ReadCell, ReadColumn, ReadEnd, ReadError, ReadLimits, ReadPlan};
pub use overview::{Reference, TableSummary};

/// Connections for statements of people.
const STATEMENTS_AT_ONCE: usize = 4;
/// Connections for questions to the catalogue, which no statement can keep busy.
const CATALOGUE_AT_ONCE: usize = 2;
/// How long a question to the catalogue may take.
const CATALOGUE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest statement.
pub const STATEMENT_BYTES_MAX: usize = 256 * 1024;

/// A database that is only read. Clones share its connections.
#[derive(Clone, Debug)]
pub struct SqlReader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    /// For statements of people, one each.
    statements: Statements,
    /// For the catalogue.
    db: DbConnector,
}

#[derive(Debug)]
enum Statements {
    Postgres(Arc<Pool>),
    Sqlite(Arc<SqlitePool>),
}

impl SqlReader {
    /// A reader without connections yet: `postgres://…` or `sqlite://PATH`.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) for a URL that cannot be read; it is never
    /// quoted. A file of SQLite that does not exist is refused when it is first read.
    pub fn new(url: &str) -> Result<Self, Error> {
        let settings = Settings {
            pool_size_max: CATALOGUE_AT_ONCE,
            acquire_timeout: ACQUIRE_TIMEOUT,
            statement_timeout: CATALOGUE_TIMEOUT,
            ..Settings::default()
        };
        let db = DbConnector::reading(url, settings)?;
        let statements = match db.database() {
            Database::Postgres(_) => {
                let config = Config::parse(url).map_err(|it| Error::invalid(it.to_string()))?;
                let config = config
                    .with_pool_size(STATEMENTS_AT_ONCE)
                    .with_session_settings("SET default_transaction_read_only = on");
                Statements::Postgres(Arc::new(Pool::new(Arc::new(config))))
            }
            Database::Sqlite(pool) => {
                let pool = SqlitePool::reading(pool.path(), STATEMENTS_AT_ONCE)?;
                Statements::Sqlite(Arc::new(pool))
            }
        };
        Ok(Self { inner: Arc::new(Inner { statements, db }) })
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

    /// A statement whose parameters have names, `:name`, as [`SqlReader::read`] takes it: with `$1`, `$2`,
    /// … and their values in that order. A name without a value is no parameter.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`](crate::ErrorKind::Invalid) when a name does not stand in the statement.
    pub fn numbered(
        &self,
        sql: &str,
        named: &[(String, Value)],
    ) -> Result<(String, Vec<Value>), Error> {
        named::numbered(self.dialect(), sql, named)
    }

    /// Runs one statement. When the future is dropped, the statement is stopped.
    ///
    /// # Errors
    /// As the engine refuses it: SQLSTATE 25006 for what writes. [`ReadError::PowerfulRole`].
    pub async fn read(
        &self,
        sql: &str,
        parameters: &[Value],
        limits: &ReadLimits,
    ) -> Result<ReadAnswer, ReadError> {
        let sql = self.one_statement(sql)?;
        match &self.inner.statements {
            Statements::Postgres(pool) => postgres::read(pool, sql, parameters, limits).await,
            Statements::Sqlite(pool) => Ok(sqlite::read(pool, sql, parameters, limits).await?),
        }
    }

    /// The plan of a statement; with `run` it is carried out, which only PostgreSQL can measure.
    ///
    /// # Errors
    /// As [`SqlReader::read`].
    pub async fn plan(
        &self,
        sql: &str,
        parameters: &[Value],
        run: bool,
        timeout: Duration,
    ) -> Result<ReadPlan, ReadError> {
        let sql = self.one_statement(sql)?;
        match &self.inner.statements {
            Statements::Postgres(pool) => postgres::plan(pool, sql, parameters, run, timeout).await,
            Statements::Sqlite(pool) => Ok(sqlite::plan(pool, sql, parameters, timeout).await?),
        }
    }

    /// The tables and views, by schema and name; at most 2,000.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn tables(&self) -> Result<Vec<TableSummary>, Error> {
        overview::tables(&self.inner.db).await
    }

    /// The foreign keys of all tables; at most 4,000 columns of them.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn references(&self) -> Result<Vec<Reference>, Error> {
        overview::references(&self.inner.db).await
    }

    /// A table with its columns, keys and indexes.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when there is none.
    pub async fn table(&self, schema: &str, name: &str) -> Result<Table, Error> {
        catalogue::read_table(&self.inner.db, schema, name).await
    }

    /// The text without what follows its end; refused unless it is one statement.
    fn one_statement<'a>(&self, sql: &'a str) -> Result<&'a str, Error> {
        if sql.len() > STATEMENT_BYTES_MAX {
            let message = format!("a statement has at most {STATEMENT_BYTES_MAX} bytes");
            return Err(Error::invalid(message));
        }
        if sql.contains('\0') {
            return Err(Error::invalid("a statement cannot hold NUL"));
        }
        match lexer::statements(self.dialect(), sql)[..] {
            [one] => Ok(one),
            [] => Err(Error::invalid("there is no statement")),
            [..] => Err(Error::invalid("one statement at a time: select the one to run")),
        }
    }
}
