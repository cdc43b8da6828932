//! A transaction for a test, which leaves nothing behind.

use futures_util::Stream;

use crate::{
    DbConnector, Error, ErrorKind, RawAnswer, Row, Session, Shared, Table, TakeRows, Transaction,
    Value,
};

/// A transaction that is rolled back at the end, whatever happened, unless it is told to commit.
#[derive(Debug)]
pub struct TestTransaction {
    transaction: Transaction,
    savepoints: Vec<String>,
    commits: bool,
}

impl TestTransaction {
    /// Begins.
    ///
    /// # Errors
    /// [`ErrorKind::Connection`].
    pub async fn begin(connector: &DbConnector) -> Result<Self, Error> {
        let transaction = connector.begin().await?;
        Ok(Self { transaction, savepoints: Vec::new(), commits: false })
    }

    /// Has the end commit.
    #[must_use]
    pub fn committing(mut self) -> Self {
        self.commits = true;
        self
    }

    /// Marks a point; without a name it is `sp_1`, `sp_2`, … Gives the name.
    ///
    /// # Errors
    /// As a statement.
    pub async fn create_savepoint(&mut self, name: Option<&str>) -> Result<String, Error> {
        let name = match name {
            Some(name) => name.to_owned(),
            None => format!("sp_{}", self.savepoints.len() + 1),
        };
        self.transaction.savepoint(&name).await?;
        self.savepoints.push(name.clone());
        Ok(name)
    }

    /// Goes back to a point, the last one if none is named. It stays usable; later ones are gone.
    ///
    /// # Errors
    /// [`ErrorKind::Invalid`] when there is no such point.
    pub async fn rollback_to_savepoint(&mut self, name: Option<&str>) -> Result<(), Error> {
        let at = self.place(name)?;
        self.savepoints.truncate(at + 1);
        self.transaction.rollback_to(&self.savepoints[at]).await
    }

    /// Forgets a point and those after it.
    ///
    /// # Errors
    /// As [`TestTransaction::rollback_to_savepoint`].
    pub async fn release_savepoint(&mut self, name: Option<&str>) -> Result<(), Error> {
        let at = self.place(name)?;
        self.transaction.release(&self.savepoints[at]).await?;
        self.savepoints.truncate(at);
        Ok(())
    }

    /// All rows of a statement.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn fetch_all(&self, sql: &str, parameters: &[Value]) -> Result<Vec<Row>, Error> {
        Ok(self.transaction.run(sql, parameters).await?.rows)
    }

    /// The first row of a statement.
    ///
    /// # Errors
    /// As the database refuses.
    pub async fn fetch_one(&self, sql: &str, parameters: &[Value]) -> Result<Option<Row>, Error> {
        Ok(self.transaction.run(sql, parameters).await?.into_first())
    }

    /// Ends it: rolls back, or commits if it was told to.
    ///
    /// # Errors
    /// As [`Transaction::commit`].
    pub async fn finish(self) -> Result<(), Error> {
        if self.commits {
            return self.transaction.commit().await;
        }
        self.transaction.rollback().await
    }

    /// Rolls back, also when it was told to commit: the test has failed.
    ///
    /// # Errors
    /// As [`Transaction::rollback`].
    pub async fn abandon(self) -> Result<(), Error> {
        self.transaction.rollback().await
    }

    fn place(&self, name: Option<&str>) -> Result<usize, Error> {
        match name {
            None => self
                .savepoints
                .len()
                .checked_sub(1)
                .ok_or_else(|| Error::new(ErrorKind::Invalid, "No savepoints available")),
            Some(name) => {
                let at = self.savepoints.iter().rposition(|savepoint| savepoint == name);
                at.ok_or_else(|| Error::invalid(format!("Savepoint {name} not found")))
            }
        }
    }
}

impl Session for TestTransaction {
    async fn run_raw(
        &self,
        schema: Option<&str>,
        sql: &str,
        parameters: &[Value],
        taker: Option<&mut dyn TakeRows>,
    ) -> Result<RawAnswer, Error> {
        self.transaction.run_raw(schema, sql, parameters, taker).await
    }

    async fn load(
        &self,
        table: &Table,
        columns: &[&str],
        rows: impl Stream<Item = Result<Vec<Vec<Value>>, Error>> + Send,
    ) -> Result<u64, Error> {
        self.transaction.load(table, columns, rows).await
    }

    fn shared(&self) -> &Shared {
        self.transaction.shared()
    }

    fn sees_committed_only(&self) -> bool {
        false
    }
}
