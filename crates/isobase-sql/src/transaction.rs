//! A transaction: all of its statements, or none.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant as Clock},
};

use futures_util::{Stream, TryStreamExt};
use isobase_postgres::{Keep, Lease};
use tokio::time::{timeout, timeout_at};

use crate::{
    DbConnector, Error, ErrorKind, RawAnswer, Session, Shared, Table, TakeRows, Value,
    connector::Database,
    lexer::statements,
    name::{quote, quoted},
    postgres::{self, Asked},
    sqlite::{self, SqliteLease},
    statement::Statement,
};

/// How long a rollback waits for a statement that was cancelled to stop.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// A transaction on a connection of its own. Its drop rolls back.
#[derive(Debug)]
pub struct Transaction {
    connector: DbConnector,
    on: On,
    /// PostgreSQL rolls back at COMMIT when a statement has failed. Set by every failure,
    /// cleared by going back to a savepoint.
    failed: AtomicBool,
    /// Set when the future of a statement was dropped: what it has done is unknown.
    left: AtomicBool,
    /// Set when a statement changed the session beyond the transaction: no one gets it next.
    changed: AtomicBool,
}

#[derive(Debug)]
enum On {
    Postgres(Box<Lease<'static>>),
    Sqlite(SqliteLease),
}

/// Marks a transaction whose statement no one waited for.
struct Watch<'a>(&'a AtomicBool, bool);

impl Transaction {
    pub(crate) async fn begin(connector: &DbConnector, sql: &'static str) -> Result<Self, Error> {
        let until = connector.acquire_deadline();
        let on = match connector.database() {
            Database::Postgres(pool) => {
                let lease = pool.lease_owned(until).await.map_err(postgres::of_connection)?;
                On::Postgres(Box::new(lease))
            }
            Database::Sqlite(pool) => On::Sqlite(pool.lease(until).await?),
        };
        let transaction = Self {
            connector: connector.clone(),
            on,
            failed: AtomicBool::new(false),
            left: AtomicBool::new(false),
            changed: AtomicBool::new(false),
        };
        // Anyone who begins on SQLite is going to write, unless it is for a snapshot: two that begin
        // to read and then want to write would refuse each other.
        let on_sqlite = if sql == "BEGIN" { "BEGIN IMMEDIATE" } else { "BEGIN" };
        transaction.control(sql, on_sqlite).await?;
        Ok(transaction)
    }

    /// Commits.
    ///
    /// # Errors
    /// [`ErrorKind::Query`] when an earlier statement failed or was cancelled: then it is rolled
    /// back. [`ErrorKind::OutcomeUnknown`] when the connection breaks meanwhile.
    pub async fn commit(self) -> Result<(), Error> {
        if self.left.load(Ordering::Acquire) || self.failed.load(Ordering::Acquire) {
            self.rollback().await?;
            return Err(Error::new(
                ErrorKind::Query,
                "the transaction was rolled back: a statement of it has failed",
            ));
        }
        match &self.on {
            On::Postgres(lease) => {
                let committed = timeout_at(self.connector.statement_deadline(), lease.commit());
                match committed.await {
                    Ok(committed) => committed.map_err(postgres::of_connection)?,
                    Err(_) => {
                        let message = "the commit was not answered in time";
                        return Err(Error::new(ErrorKind::OutcomeUnknown, message));
                    }
                }
            }
            On::Sqlite(_) => self.control("", "COMMIT").await?,
        }
        self.finish();
        Ok(())
    }

    /// Rolls back.
    ///
    /// # Errors
    /// As the connection fails. It is closed then, which rolls back as well.
    pub async fn rollback(self) -> Result<(), Error> {
        self.connector.forget_tables();
        if self.left.load(Ordering::Acquire) {
            if let On::Postgres(lease) = &self.on {
                // Its locks are free when this has returned, not some time later.
                let stopped = async {
                    lease.interrupt().await;
                    lease.batch("ROLLBACK").await
                };
                drop(timeout(STOP_TIMEOUT, stopped).await);
                // A request to stop that comes late must not meet another statement.
                lease.close();
            }
            return Ok(());
        }
        self.control("ROLLBACK", "ROLLBACK").await?;
        self.finish();
        Ok(())
    }

    /// Marks a point to which it can go back.
    ///
    /// # Errors
    /// As a statement.
    pub async fn savepoint(&self, name: &str) -> Result<(), Error> {
        let name = quote(self.connector.dialect(), name)?;
        self.run(&format!("SAVEPOINT {name}"), &[]).await.map(drop)
    }

    /// Goes back to a point, which stays usable.
    ///
    /// # Errors
    /// As a statement; there may be no such point.
    pub async fn rollback_to(&self, name: &str) -> Result<(), Error> {
        let name = quote(self.connector.dialect(), name)?;
        self.run(&format!("ROLLBACK TO SAVEPOINT {name}"), &[]).await.map(drop)
    }

    /// Forgets a point.
    ///
    /// # Errors
    /// As [`Transaction::rollback_to`].
    pub async fn release(&self, name: &str) -> Result<(), Error> {
        let name = quote(self.connector.dialect(), name)?;
        self.run(&format!("RELEASE SAVEPOINT {name}"), &[]).await.map(drop)
    }

    /// Runs the statements of a script one after the other; says how many there were.
    ///
    /// # Errors
    /// The first failure, which says which statement of how many it was.
    pub async fn run_script(&self, script: &str) -> Result<usize, Error> {
        let statements = statements(self.connector.dialect(), script);
        let count = statements.len();
        for (at, statement) in statements.into_iter().enumerate() {
            self.run(statement, &[]).await.map_err(|error| {
                let number = at + 1;
                let message =
                    format!("Error executing statement {number}/{count}: {}", error.message);
                Error { message, ..error }
            })?;
        }
        Ok(count)
    }

    /// Waits for a lock that ends with the transaction; on SQLite beginning has been one.
    ///
    /// Not as other statements: what they leave open in the session keeps a snapshot, for which
    /// CREATE INDEX CONCURRENTLY would wait.
    pub(crate) async fn lock(&self, number: i64) -> Result<(), Error> {
        self.control(&format!("SELECT pg_advisory_xact_lock({number})"), "SELECT 1").await
    }

    /// Reads the rows of a `COPY … TO STDOUT` as they come; gives their number.
    pub(crate) async fn copy_out(
        &self,
        sql: &str,
        take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<u64, Error> {
        match &self.on {
            On::Postgres(lease) => postgres::copy_out(lease, sql, take).await,
            On::Sqlite(_) => Err(Error::invalid("SQLite has no COPY")),
        }
    }

    /// Sends the lines of a `COPY … FROM STDIN`; gives the number of rows.
    pub(crate) async fn copy_in(
        &self,
        sql: &str,
        pieces: impl Iterator<Item = Result<Vec<u8>, Error>>,
    ) -> Result<u64, Error> {
        match &self.on {
            On::Postgres(lease) => postgres::copy_in(lease, sql, pieces).await,
            On::Sqlite(_) => Err(Error::invalid("SQLite has no COPY")),
        }
    }

    async fn run_inside(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
        taker: Option<&mut dyn TakeRows>,
    ) -> Result<RawAnswer, Error> {
        let statement = Statement::of(self.connector.dialect(), sql);
        statement.may_run_in_transaction()?;
        let watch = self.watch()?;
        let began = Clock::now();
        let until = self.connector.statement_deadline();
        let answer = match &self.on {
            On::Postgres(lease) => {
                let asked = Asked { sql, parameters, taker };
                let work = async {
                    match schema {
                        None => postgres::run_raw(lease, asked, Keep::Session).await,
                        Some(schema) => postgres::run_in_open_schema(lease, schema, asked).await,
                    }
                };
                match timeout_at(until, work).await {
                    Ok(answer) => answer,
                    Err(_) => return Err(self.connector.too_late()),
                }
            }
            On::Sqlite(lease) => {
                sqlite::check_schema(schema)?;
                let (text, values) = (sql.to_owned(), parameters.to_vec());
                let job = move |connection: &mut _| sqlite::run(connection, &text, &values);
                lease.call(until, job).await.map(RawAnswer::from)
            }
        };
        watch.end();
        if statement.changes_session() {
            self.changed.store(true, Ordering::Release);
        }
        self.remember(&statement, answer.as_ref().err());
        self.connector.note(&statement, sql, parameters, began);
        answer
    }

    /// A failed statement makes PostgreSQL refuse all that follow, SQLite none.
    fn remember(&self, statement: &Statement, error: Option<&Error>) {
        if !matches!(self.on, On::Postgres(_)) {
            return;
        }
        match error {
            Some(error) if error.refusal.is_some() => self.failed.store(true, Ordering::Release),
            None if statement.goes_back() => self.failed.store(false, Ordering::Release),
            _ => {}
        }
    }

    fn watch(&self) -> Result<Watch<'_>, Error> {
        if self.left.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::Query,
                "a statement of the transaction was cancelled; roll it back",
            ));
        }
        Ok(Watch(&self.left, false))
    }

    async fn control(&self, on_postgres: &str, on_sqlite: &'static str) -> Result<(), Error> {
        let until = self.connector.statement_deadline();
        match &self.on {
            On::Postgres(lease) => match timeout_at(until, lease.batch(on_postgres)).await {
                Ok(done) => done.map_err(postgres::of_connection),
                Err(_) => Err(self.connector.too_late()),
            },
            On::Sqlite(lease) => {
                let job = move |connection: &mut _| sqlite::run(connection, on_sqlite, &[]);
                lease.call(until, job).await.map(drop)
            }
        }
    }

    fn finish(self) {
        match self.on {
            On::Postgres(lease) if !self.changed.load(Ordering::Acquire) => lease.finish(),
            On::Postgres(lease) => lease.close(),
            On::Sqlite(lease) => drop(lease),
        }
    }
}

impl Session for Transaction {
    async fn run_raw(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
        taker: Option<&mut dyn TakeRows>,
    ) -> Result<RawAnswer, Error> {
        Box::pin(self.run_inside(schema, sql, parameters, taker)).await
    }

    async fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: impl Stream<Item = Result<Vec<Vec<Value>>, Error>> + Send,
    ) -> Result<u64, Error> {
        let watch = self.watch()?;
        let loaded = match &self.on {
            On::Postgres(lease) => {
                let names: Vec<String> = columns.iter().map(|column| quoted(column)).collect();
                postgres::load(lease, &table.sql_name(), &names.join(", "), rows).await
            }
            On::Sqlite(lease) => {
                let columns: Vec<String> = columns.iter().map(|c| (*c).to_owned()).collect();
                let table = table.clone();
                match rows.try_concat().await {
                    Ok(rows) => {
                        let job = move |connection: &mut _| {
                            sqlite::load(connection, &table, &columns, rows)
                        };
                        lease.call(self.connector.statement_deadline(), job).await
                    }
                    Err(error) => Err(error),
                }
            }
        };
        watch.end();
        if loaded.is_err() && matches!(self.on, On::Postgres(_)) {
            self.failed.store(true, Ordering::Release);
        }
        loaded
    }

    fn shared(&self) -> &Shared {
        self.connector.shared_parts()
    }

    fn sees_committed_only(&self) -> bool {
        false
    }
}

impl Watch<'_> {
    fn end(mut self) {
        self.1 = true;
    }
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if !self.1 {
            self.0.store(true, Ordering::Release);
        }
    }
}
