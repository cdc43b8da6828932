//! Where statements run: a connector, or a transaction of it.

use std::future::Future;

use futures_util::Stream;

use crate::{Answer, Dialect, Error, RawAnswer, Shared, Table, TakeRows, Value};

/// Runs statements. Every operator works over one: over a
/// [`DbConnector`](crate::DbConnector) each statement stands
/// alone, over a [`Transaction`](crate::Transaction) all of them stand or fall together.
pub trait Session: Sync {
    /// Runs one statement with `$1`, `$2`, … for its values.
    ///
    /// # Errors
    /// As the database refuses, or cannot be reached, or does not answer in time.
    fn run(
        &self,
        sql: &str,
        parameters: &[Value],
    ) -> impl Future<Output = Result<Answer, Error>> + Send {
        async move { self.run_raw(None, sql, parameters, None).await?.into_answer() }
    }

    /// As [`Session::run`], with the schema searched first for tables without one. SQLite has
    /// no such search: there it must be the one that is meant anyway.
    ///
    /// # Errors
    /// As [`Session::run`].
    fn run_in_schema(
        &self,
        schema: &str,
        sql: &str,
        parameters: &[Value],
    ) -> impl Future<Output = Result<Answer, Error>> + Send {
        async move { self.run_raw(Some(schema), sql, parameters, None).await?.into_answer() }
    }

    /// As [`Session::run`], or [`Session::run_in_schema`] where there is a schema, with the values as
    /// they came: what turns them into values of another language need not make ours first.
    ///
    /// Rows of a long answer go to `taker` in parts while more of them come, where the database is
    /// a server; the last part is the answer.
    ///
    /// # Errors
    /// As [`Session::run`], also after `taker` got a part.
    fn run_raw(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
        taker: Option<&mut dyn TakeRows>,
    ) -> impl Future<Output = Result<RawAnswer, Error>> + Send;

    /// Writes many rows at once: by COPY, or on SQLite in one transaction. All or none.
    ///
    /// # Errors
    /// As [`Session::run`], and the first error among the rows.
    fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: impl Stream<Item = Result<Vec<Vec<Value>>, Error>> + Send,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// State that it shares with the other sessions of its connector.
    fn shared(&self) -> &Shared;

    /// Whether what it reads of the catalogue holds for everybody.
    fn sees_committed_only(&self) -> bool;

    /// Which SQL is spoken.
    fn dialect(&self) -> Dialect {
        self.shared().dialect()
    }
}

impl<S: Session> Session for &S {
    async fn run_raw(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
        taker: Option<&mut dyn TakeRows>,
    ) -> Result<RawAnswer, Error> {
        (**self).run_raw(schema, sql, parameters, taker).await
    }

    async fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: impl Stream<Item = Result<Vec<Vec<Value>>, Error>> + Send,
    ) -> Result<u64, Error> {
        (**self).load(table, columns, rows).await
    }

    fn shared(&self) -> &Shared {
        (**self).shared()
    }

    fn sees_committed_only(&self) -> bool {
        (**self).sees_committed_only()
    }
}
