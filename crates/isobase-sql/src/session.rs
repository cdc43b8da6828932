//! Where statements run: a connector, or a transaction of it.

use std::{future::Future, sync::Arc};

use crate::{Answer, DbConnector, Dialect, Error, Table, Value, catalogue};

/// Runs statements. Every operator works over one: over a [`DbConnector`] each statement stands
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
    ) -> impl Future<Output = Result<Answer, Error>> + Send;

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
    ) -> impl Future<Output = Result<Answer, Error>> + Send;

    /// Writes many rows at once: by COPY, or on SQLite in one transaction. All or none.
    ///
    /// # Errors
    /// As [`Session::run`].
    fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> impl Future<Output = Result<u64, Error>> + Send;

    /// The connector below.
    fn connector(&self) -> &DbConnector;

    /// Whether what it reads of the catalogue holds for everybody.
    fn sees_committed_only(&self) -> bool;

    /// Which SQL is spoken.
    fn dialect(&self) -> Dialect {
        self.connector().dialect()
    }

    /// A table, from memory or from the catalogue.
    ///
    /// # Errors
    /// [`ErrorKind::Schema`](crate::ErrorKind::Schema) when there is none.
    fn table(
        &self,
        schema: &str,
        name: &str,
    ) -> impl Future<Output = Result<Arc<Table>, Error>> + Send
    where
        Self: Sized,
    {
        async move {
            match self.connector().cache().get(schema, name) {
                Some(table) => Ok(table),
                None => self.table_anew(schema, name).await,
            }
        }
    }

    /// A table as the catalogue has it now.
    ///
    /// # Errors
    /// As [`Session::table`].
    fn table_anew(
        &self,
        schema: &str,
        name: &str,
    ) -> impl Future<Output = Result<Arc<Table>, Error>> + Send
    where
        Self: Sized,
    {
        async move {
            let table = Arc::new(catalogue::read_table(self, schema, name).await?);
            if self.sees_committed_only() {
                self.connector().cache().put(&table);
            }
            Ok(table)
        }
    }
}

impl<S: Session> Session for &S {
    async fn run(&self, sql: &str, parameters: &[Value]) -> Result<Answer, Error> {
        (**self).run(sql, parameters).await
    }

    async fn run_in_schema(
        &self,
        schema: &str,
        sql: &str,
        parameters: &[Value],
    ) -> Result<Answer, Error> {
        (**self).run_in_schema(schema, sql, parameters).await
    }

    async fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: Vec<Vec<Value>>,
    ) -> Result<u64, Error> {
        (**self).load(table, columns, rows).await
    }

    fn connector(&self) -> &DbConnector {
        (**self).connector()
    }

    fn sees_committed_only(&self) -> bool {
        (**self).sees_committed_only()
    }
}
