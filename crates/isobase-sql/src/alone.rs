//! Statements that stand alone: each on a connection of the pool, for as long as it takes.

use std::time::Instant as Clock;

use futures_util::Stream;
use isobase_postgres::{Keep, Pool};
use tokio::time::timeout_at;

use crate::{
    DbConnector, Error, RawAnswer, Session, Shared, Table, TakeRows, Transaction, Value,
    connector::Database,
    postgres::{self, Asked},
    sqlite,
    statement::Statement,
};

impl DbConnector {
    /// Begins a transaction.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`](crate::ErrorKind::Connection).
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

    async fn run_alone(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
        taker: Option<&mut dyn TakeRows>,
    ) -> Result<RawAnswer, Error> {
        let statement = Statement::of(self.dialect(), sql);
        statement.may_run_alone()?;
        let began = Clock::now();
        let answer = match self.database() {
            Database::Postgres(pool) => {
                self.run_postgres(pool, &statement, schema, Asked { sql, parameters, taker }).await
            }
            Database::Sqlite(pool) => {
                sqlite::check_schema(schema)?;
                let lease = pool.lease(self.acquire_deadline()).await?;
                let (text, values) = (sql.to_owned(), parameters.to_vec());
                let job = move |connection: &mut _| sqlite::run(connection, &text, &values);
                lease.call(self.statement_deadline(), job).await.map(RawAnswer::from)
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
        asked: Asked<'_, '_>,
    ) -> Result<RawAnswer, Error> {
        let lease = pool.lease(self.acquire_deadline()).await.map_err(postgres::of_connection)?;
        let work = async {
            match schema {
                None => postgres::run_raw(&lease, asked, Keep::Session).await,
                Some(schema) => postgres::run_in_schema(&lease, schema, asked).await,
            }
        };
        match timeout_at(self.statement_deadline(), work).await {
            Ok(answer) => {
                // A session that the statement has changed is no one's any more.
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
    async fn run_raw(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
        taker: Option<&mut dyn TakeRows>,
    ) -> Result<RawAnswer, Error> {
        Box::pin(self.run_alone(schema, sql, parameters, taker)).await
    }

    async fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: impl Stream<Item = Result<Vec<Vec<Value>>, Error>> + Send,
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

    fn shared(&self) -> &Shared {
        self.shared_parts()
    }

    fn sees_committed_only(&self) -> bool {
        true
    }
}
