//! One transaction of the writer.
//!
//! A batch of writes takes two round trips. The first begins, locks the clock and reads what the
//! batch must know; the second stores everything and commits. Within a round trip nothing waits
//! for the answer before: statements are sent in the order in which they are written here.

use std::time::Duration;

use futures_util::future::join;
use isobase_engine::{EngineError, WriteReport};
use isobase_postgres::{Connection, Error, ErrorKind as NativeKind, Row, Sql, ToSql, within};
use isobase_types::{Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    batch::{Batch, ClockRow, WriteJob},
    catalogue::{Catalogue, IndexCatalogue, load_indexes},
    codec::column,
    error::corrupted,
    sql::Statements,
};

/// Most changes forgotten by one batch, so that no batch takes long for it.
pub(crate) const TRIM_CHANGES_MAX: i64 = 5_000;
/// A larger batch commits only after its statements were answered. PostgreSQL and the driver
/// refuse messages of more than 1 and 2 GiB, the driver without telling the commit behind it.
pub(crate) const COMMIT_AT_ONCE_BYTES_MAX: usize = 32 << 20;
/// Most idempotency keys forgotten by one batch.
pub(crate) const TRIM_ANSWERS_MAX: i64 = 1_000;

/// The state of a transaction of the writer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Session<'c> {
    pub(crate) connection: &'c Connection,
    pub(crate) statements: &'c Statements,
    pub(crate) catalogue: &'c Catalogue,
    /// `BEGIN`, with what a pooled session must be told.
    pub(crate) begin: &'c str,
    /// Time for one round trip.
    pub(crate) round_trip: Duration,
}

/// What is forgotten besides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Retention {
    /// Most changes kept.
    pub(crate) changes_max: i64,
    /// Answers older than this are not known any more.
    pub(crate) answers_from: Timestamp,
    /// Look for changes older than this; `None` when it is not yet time to look again.
    pub(crate) changes_from: Option<Timestamp>,
}

/// The other rows that a batch deletes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Forgotten {
    pub(crate) changes_to: Option<i64>,
    pub(crate) answers_from: Option<Timestamp>,
}

/// The outcome of a batch.
#[derive(Debug)]
pub(crate) struct Committed {
    /// One per job.
    pub(crate) reports: Vec<Result<WriteReport, EngineError>>,
    /// There is nothing old left.
    pub(crate) is_trimmed: bool,
}

impl<'c> Session<'c> {
    /// Carries out and commits jobs.
    pub(crate) async fn write<'j>(
        &self,
        jobs: &[WriteJob<'j>],
        now: Timestamp,
        retention: Retention,
    ) -> Result<Committed, Error> {
        let mut batch = Batch::new(jobs, now, |name| self.catalogue.collection(name));
        batch.set_keeping(&self.catalogue.keeping);
        batch.set_terms(&self.catalogue.terms);
        batch.set_indexes(&self.catalogue.indexes());
        let expired = self.read_current(&mut batch, jobs, retention).await?;
        let before = batch.clock.sequence;
        let reports = self.carry_out(&mut batch, jobs).await?;
        let new = self.add_collections(&mut batch).await?;
        let trimmed = trim(batch.clock, expired, retention);
        let forgotten = Forgotten {
            changes_to: (trimmed.floor > batch.clock.changes_floor).then_some(trimmed.floor),
            answers_from: retention.changes_from.map(|_| retention.answers_from),
        };
        batch.clock.changes_floor = trimmed.floor;
        let mutations = batch.mutations();
        let is_trimmed = trimmed.is_all;
        if mutations.is_empty() && forgotten.changes_to.is_none() {
            // The answers are true whether or not the end of the transaction is heard of.
            let _ = self.rollback().await;
            return Ok(Committed { reports, is_trimmed });
        }
        self.store(&mutations, batch.clock, now, forgotten).await?;
        for (name, id) in new {
            self.catalogue.learn(name, id);
        }
        let (first, last) = (sequence_of(before + 1), sequence_of(batch.clock.sequence));
        self.catalogue.channel.waiting.committed(first, last, batch.changed_collections());
        Ok(Committed { reports, is_trimmed })
    }

    /// Carries out the jobs in memory. Which unique values they touch is known only then: who has
    /// them is asked for, and everything carried out anew, until nothing is left to ask.
    async fn carry_out<'j>(
        &self,
        batch: &mut Batch<'j>,
        jobs: &[WriteJob<'j>],
    ) -> Result<Vec<Result<WriteReport, EngineError>>, Error> {
        let clock = batch.clock;
        loop {
            let reports: Vec<_> =
                jobs.iter().enumerate().map(|(at, job)| batch.apply(at, *job)).collect();
            let (holders, others) = (batch.wanted_holders(), batch.wanted_others());
            if holders.is_empty() && others.is_empty() {
                return Ok(reports);
            }
            // Before other documents are touched: those that were created are no rows.
            batch.restart(clock);
            if !holders.is_empty() {
                self.read_holders(batch, &holders).await?;
                batch.restart(clock);
            }
            if !others.is_empty() {
                self.read_others(batch, others).await?;
            }
        }
    }

    /// Waits for a round trip that ends with a commit.
    pub(crate) async fn committing<T>(
        &self,
        round_trip: impl Future<Output = T>,
    ) -> Result<T, Error> {
        let deadline = Instant::now() + self.round_trip;
        within(deadline, "committing", async { Ok(round_trip.await) }).await.map_err(|error| {
            self.connection.close();
            Error { kind: NativeKind::OutcomeUnknown, ..error }
        })
    }

    /// Begins and locks the clock.
    pub(crate) async fn begin_and_lock(&self) -> Result<ClockRow, Error> {
        let lock = self.connection.query(&self.statements.lock_clock, &[]);
        let (begun, locked) = join(self.connection.batch(self.begin), lock).await;
        begun?;
        let rows = locked?;
        let row = rows.first().ok_or_else(|| corrupted("the clock"))?;
        Ok(ClockRow {
            sequence: column(row, 0)?,
            next_id: column(row, 1)?,
            changes_floor: column(row, 2)?,
            catalogue_version: column(row, 3)?,
        })
    }

    /// Writes the clock and commits.
    pub(crate) async fn set_clock_and_commit(&self, clock: ClockRow) -> Result<(), Error> {
        let set = self.set_clock(clock);
        let (set, commit) = self.committing(join(set, self.connection.commit())).await?;
        outcome_of_commit(set, commit)?;
        self.catalogue.channel.waiting.seen(sequence_of(clock.sequence));
        Ok(())
    }

    /// Takes back what was done so far. When that fails the connection is useless.
    pub(crate) async fn rollback(&self) -> Result<(), Error> {
        let rolled_back = self.in_time("rolling back", self.connection.batch("ROLLBACK")).await;
        if rolled_back.is_err() {
            self.connection.close();
        }
        rolled_back
    }

    pub(crate) async fn load_indexes(&self) -> Result<IndexCatalogue, Error> {
        load_indexes(self.connection, self.statements).await
    }

    /// Waits for an answer as long as a round trip may take.
    pub(crate) async fn in_time<T>(
        &self,
        what: &str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let mut is_late = true;
        let answer = within(Instant::now() + self.round_trip, what, async {
            let answer = answer.await;
            is_late = false;
            answer
        })
        .await;
        if is_late {
            self.connection.close();
        }
        answer
    }

    pub(crate) async fn query_if(
        &self,
        is_needed: bool,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        if is_needed { self.connection.query(sql, parameters).await } else { Ok(Vec::new()) }
    }

    pub(crate) async fn execute_if(
        &self,
        is_needed: bool,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<(), Error> {
        if is_needed {
            self.connection.execute(sql, parameters).await?;
        }
        Ok(())
    }

    pub(crate) async fn query_answers(
        &self,
        keys: &[&[u8]],
        from: Timestamp,
    ) -> Result<Vec<Row>, Error> {
        let sql = &self.statements.answers;
        self.query_if(!keys.is_empty(), sql, &[&keys, &from.unix_us]).await
    }

    pub(crate) async fn query_expired(
        &self,
        from: Option<Timestamp>,
    ) -> Result<Option<i64>, Error> {
        let Some(from) = from else { return Ok(None) };
        let sql = &self.statements.expired_changes;
        let rows = self.connection.query(sql, &[&from.unix_us, &TRIM_CHANGES_MAX]).await?;
        rows.first().map_or(Ok(None), |row| column(row, 0))
    }
}

/// What the answers of the last round trip mean: PostgreSQL answers a commit with success also
/// when it rolled back because of an earlier failure, and only without an answer to the commit
/// and without such a failure is the outcome unknown.
pub(crate) fn outcome_of_commit(
    statements: Result<(), Error>,
    commit: Result<(), Error>,
) -> Result<(), Error> {
    match (statements, commit) {
        (Ok(()), commit) => commit,
        // Nothing came back: neither for the statement nor for the commit.
        (Err(lost), Err(unknown)) if lost.code.is_none() => Err(unknown),
        (Err(failed), _) => Err(failed),
    }
}

fn sequence_of(number: i64) -> Sequence {
    Sequence(number.cast_unsigned())
}

/// Moves the end of the change feed, by a bounded step.
fn trim(clock: ClockRow, expired: Option<i64>, retention: Retention) -> Trimmed {
    let too_many = clock.sequence.saturating_sub(retention.changes_max);
    let wanted = expired.unwrap_or_default().max(too_many).max(clock.changes_floor);
    let floor = wanted.min(clock.changes_floor.saturating_add(TRIM_CHANGES_MAX));
    Trimmed { floor, is_all: floor == wanted && expired.is_none() }
}

struct Trimmed {
    floor: i64,
    /// There is nothing old left.
    is_all: bool,
}

/// The failure of a batch, told to its only job.
pub(crate) fn is_fault_of_job(error: &Error) -> bool {
    matches!(error.kind, NativeKind::Unexpected | NativeKind::Corrupted | NativeKind::TimedOut)
}
