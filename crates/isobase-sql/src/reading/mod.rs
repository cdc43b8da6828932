//! Statements of people that only read, whatever they say: the engine refuses what writes.
//!
//! On PostgreSQL each runs on a connection of its own, in a transaction that the server keeps from
//! writing, under a role that may not touch the files and programs of the server. On SQLite the file is
//! opened to be read, and what would leave it is not authorised. No session outlives its statement.

pub(crate) mod answer;
mod named;
mod overview;
pub(crate) mod postgres;
pub(crate) mod rows;
pub(crate) mod sqlite;

use std::{path::Path, sync::Arc, time::Duration};

use isobase_postgres::{Config, Pool};

use self::answer::ACQUIRE_TIMEOUT;
use crate::{
    DbConnector, Dialect, Error, Settings, Table, Value, catalogue, connector::Database, lexer,
    sqlite::SqlitePool,
};

pub use answer::{
    ANSWER_BYTES_MAX, ReadAnswer, ReadCell, ReadColumn, ReadEnd, ReadError, ReadForm, ReadLimits,
    ReadPlan,
};
pub use overview::{Reference, TableSummary, Trigger};
pub use rows::{Comparison, FoundRows, RowCondition, RowsWanted};

/// Connections for statements of people.
const STATEMENTS_AT_ONCE: usize = 4;
/// Connections for questions to the catalogue, which no statement can keep busy.
const CATALOGUE_AT_ONCE: usize = 2;
/// How long a question to the catalogue may take.
pub(crate) const CATALOGUE_TIMEOUT: Duration = Duration::from_secs(10);
/// Longest statement.
pub const STATEMENT_BYTES_MAX: usize = 256 * 1024;

/// A database that is only read. Clones share its connections.
#[derive(Clone, Debug)]
pub struct SqlReader {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    database: String,
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
        let (database, statements) = match db.database() {
            Database::Postgres(_) => {
                let config = Config::parse(url).map_err(|it| Error::invalid(it.to_string()))?;
                let config = config
                    .with_pool_size(STATEMENTS_AT_ONCE)
                    .with_answer_bytes_max(ANSWER_BYTES_MAX)
                    .with_session_settings("SET default_transaction_read_only = on");
                let name = config.database().to_owned();
                (name, Statements::Postgres(Arc::new(Pool::new(Arc::new(config)))))
            }
            Database::Sqlite(pool) => {
                let path = pool.path();
                let name = file_name(path.as_deref());
                let pool = SqlitePool::reading(path, STATEMENTS_AT_ONCE)?;
                (name, Statements::Sqlite(Arc::new(pool)))
            }
        };
        Ok(Self { inner: Arc::new(Inner { database, statements, db }) })
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
        limits: &ReadLimits,
    ) -> Result<ReadPlan, ReadError> {
        let sql = self.one_statement(sql)?;
        let (timeout, mark) = (limits.timeout, limits.mark);
        match &self.inner.statements {
            Statements::Postgres(pool) => {
                postgres::plan(pool, sql, parameters, run, (timeout, mark)).await
            }
            Statements::Sqlite(pool) => Ok(sqlite::plan(pool, sql, parameters, timeout).await?),
        }
    }

    /// Stops the statements of a mark, whichever process runs them; says whether there was one. On SQLite
    /// there is none: only the process that runs a statement can stop it, by dropping its future.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn stop(&self, mark: u64) -> Result<bool, Error> {
        match self.dialect() {
            Dialect::Postgres => postgres::stop(&self.inner.db, mark).await,
            Dialect::Sqlite => Ok(false),
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

    /// The triggers of a table, by name; at most 500.
    ///
    /// # Errors
    /// As the database fails.
    pub async fn triggers(&self, schema: &str, table: &str) -> Result<Vec<Trigger>, Error> {
        overview::triggers(&self.inner.db, schema, table).await
    }

    /// Rows of a table, with all of its columns, the table, and where the next ones begin.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when there is no such table,
    /// [`ErrorKind::ColumnMatch`](crate::ErrorKind::ColumnMatch) when it has no such column; else as
    /// [`SqlReader::read`].
    pub async fn rows(
        &self,
        (schema, name): (&str, &str),
        wanted: &RowsWanted,
        limits: &ReadLimits,
    ) -> Result<FoundRows, ReadError> {
        let table = self.table(schema, name).await?;
        let (sql, parameters) = rows::select(self.dialect(), &table, wanted, limits.rows_max)?;
        let answer = self.read(&sql, &parameters, limits).await?;
        let next = rows::next(self.dialect(), &table, wanted, &answer);
        Ok(FoundRows { table, answer, next })
    }

    /// The text without what follows its end; refused unless it is one statement.
    fn one_statement<'a>(&self, sql: &'a str) -> Result<&'a str, Error> {
        one_statement(self.dialect(), sql)
    }
}

/// The name of a file, without its folders.
pub(crate) fn file_name(path: Option<&Path>) -> String {
    let name = path.and_then(Path::file_name).unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// The text without what follows its end; refused unless it is one statement.
pub(crate) fn one_statement(dialect: Dialect, sql: &str) -> Result<&str, Error> {
    if sql.len() > STATEMENT_BYTES_MAX {
        let message = format!("a statement has at most {STATEMENT_BYTES_MAX} bytes");
        return Err(Error::invalid(message));
    }
    if sql.contains('\0') {
        return Err(Error::invalid("a statement cannot hold NUL"));
    }
    match lexer::statements(dialect, sql)[..] {
        [one] => Ok(one),
        [] => Err(Error::invalid("there is no statement")),
        [..] => Err(Error::invalid("one statement at a time: select the one to run")),
    }
}
