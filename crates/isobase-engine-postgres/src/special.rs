//! Jobs that have a transaction of their own, under the lock of the clock.

use std::{sync::Arc, time::Instant};

use isobase_postgres::{Error, Row, Sql, ToSql};
use isobase_types::{CollectionName, Timestamp};
use isobase_writer::Job;

use crate::{
    batch::ClockRow,
    catalogue::IndexCatalogue,
    codec::column,
    error::{being_loaded, corrupted},
    transaction::Session,
};

/// A job that cannot travel with others.
pub(crate) trait Special: Job + Sync {
    /// Whether it may go ahead while another process loads the database.
    const BESIDE_LOADS: bool = false;

    /// Carries it out, and commits or rolls back.
    fn carry_out(
        &self,
        transaction: Transaction<'_, '_>,
        now: Timestamp,
    ) -> impl Future<Output = Result<Self::Reply, Error>> + Send;
}

/// Carries a job out in a transaction.
pub(crate) async fn carry_out<J: Special>(
    job: &J,
    session: &Session<'_>,
    now: Timestamp,
) -> Result<J::Reply, Error> {
    let clock = session.in_time("locking the clock", session.begin_and_lock()).await?;
    if !J::BESIDE_LOADS && !session.catalogue.loading.is_here() {
        let known = session.in_time("reading indexes", session.load_indexes()).await?;
        if known.is_unfinished {
            session.rollback().await?;
            return Err(being_loaded());
        }
    }
    job.carry_out(Transaction { session, clock }, now).await
}

/// A transaction that holds the lock of the clock.
pub(crate) struct Transaction<'s, 'c> {
    pub(crate) session: &'s Session<'c>,
    pub(crate) clock: ClockRow,
}

impl Transaction<'_, '_> {
    /// Commits with a new version of the catalogue, and remembers it.
    pub(crate) async fn change_catalogue(&mut self) -> Result<(), Error> {
        self.clock.catalogue_version += 1;
        let mut changed = self.load_indexes().await?;
        changed.version = self.clock.catalogue_version;
        self.session.set_clock_and_commit(self.clock).await?;
        self.remember(changed);
        Ok(())
    }

    pub(crate) fn remember(&self, indexes: IndexCatalogue) {
        self.session.catalogue.store(&Arc::new(indexes), Instant::now());
    }

    pub(crate) async fn collection_id(&self, name: &CollectionName) -> Result<Option<i32>, Error> {
        let sql = &self.session.statements.collection_ids;
        let rows = self.query(sql, &[&vec![name.as_str()]]).await?;
        rows.first().map(|row| column(row, 0)).transpose()
    }

    pub(crate) async fn load_indexes(&self) -> Result<IndexCatalogue, Error> {
        self.session.in_time("reading indexes", self.session.load_indexes()).await
    }

    pub(crate) async fn query(
        &self,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let answer = self.session.connection.query(sql, parameters);
        self.session.in_time("a statement", answer).await
    }

    pub(crate) async fn execute(
        &self,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<u64, Error> {
        let answer = self.session.connection.execute(sql, parameters);
        self.session.in_time("a statement", answer).await
    }
}

pub(crate) fn first(rows: &[Row]) -> Result<&Row, Error> {
    rows.first().ok_or_else(|| corrupted("an answer"))
}
