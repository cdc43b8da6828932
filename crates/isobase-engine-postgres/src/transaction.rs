//! One transaction of the writer.
//!
//! A batch of writes takes two round trips. The first begins, locks the clock and reads what the
//! batch must know; the second stores everything and commits. Within a round trip nothing waits
//! for the answer before: statements are sent in the order in which they are written here.

use std::{borrow::Cow, sync::Arc, time::Duration};

use futures_util::future::{join, join3, join4, join5};
use isobase_engine::{
    EngineError, UniqueKey, WriteReport, finds_referrers, referrer_keys, referrer_keys_are_whole,
    refers,
};
use isobase_postgres::{Connection, Error, ErrorKind as NativeKind, Row, Sql, ToSql, within};
use isobase_types::{CollectionName, DocumentId, Sequence, Timestamp};
use tokio::time::Instant;

use crate::{
    batch::{Batch, ClockRow, Mutations, Stored, WriteJob},
    catalogue::{Catalogue, IndexCatalogue, RowState, load_indexes},
    channel::Channel,
    codec::{column, id_of},
    error::{being_loaded, corrupted},
    others::{Reference, WantedOthers},
    sql::Statements,
};

/// Most changes forgotten by one batch, so that no batch takes long for it.
pub(crate) const TRIM_CHANGES_MAX: i64 = 5_000;
/// A larger batch commits only after its statements were answered. PostgreSQL and the driver
/// refuse messages of more than 1 and 2 GiB, the driver without telling the commit behind it.
const COMMIT_AT_ONCE_BYTES_MAX: usize = 32 << 20;
/// Most idempotency keys forgotten by one batch.
const TRIM_ANSWERS_MAX: i64 = 1_000;
/// Documents read at a time, of which some may refer to another id that begins alike.
const ALIKE_ROWS: i64 = 100;

/// What a transaction of the writer works with.
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
    /// Look for changes older than this; none when it is not yet time to look again.
    pub(crate) changes_from: Option<Timestamp>,
}

/// What a batch takes away besides.
#[derive(Clone, Copy, Debug)]
struct Forgotten {
    changes_to: Option<i64>,
    answers_from: Option<Timestamp>,
}

/// What a batch came to.
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

    /// Reads other documents that checks ask for.
    async fn read_others(&self, batch: &mut Batch<'_>, wanted: WantedOthers) -> Result<(), Error> {
        let WantedOthers { documents, referrers } = wanted;
        let names = documents.iter().map(|(name, _)| name);
        for name in names.chain(referrers.iter().map(|(name, ..)| name)) {
            batch.add_collection(name, self.catalogue.collection(name));
        }
        batch.set_terms(&self.catalogue.terms);
        self.read_collections(batch).await?;
        let indexes = self.in_time("reading indexes", self.load_indexes()).await?;
        batch.set_indexes(&indexes);
        let known = batch.touched();
        for (name, id) in documents {
            let collection = batch.add_collection(&name, None);
            batch.want(collection, id);
        }
        // As many as the batch can change, and one more.
        let limit = batch.operations() + 1;
        for reference in referrers {
            let (name, field, _) = &reference;
            let collection = batch.add_collection(name, None);
            let indexes = Arc::clone(&batch.collections[collection].indexes);
            let index = indexes.iter().find(|index| {
                index.state == RowState::Ready && finds_referrers(index.definition.order(), field)
            });
            if let Some(index) = index {
                let which = (index.id, batch.cutoff_of(index.id));
                for referrer in self.read_referrers(which, &reference, limit).await? {
                    batch.want(collection, referrer);
                }
            }
            batch.set_referrers_known(reference);
        }
        let rows = self.current_rows(batch, known, "reading other documents").await?;
        set_rows(batch, rows);
        Ok(())
    }

    /// Reads the rows of documents that were touched after some.
    async fn current_rows(
        &self,
        batch: &Batch<'_>,
        from: usize,
        what: &str,
    ) -> Result<Vec<CurrentRow>, Error> {
        let wanted = batch.wanted_rows_from(from);
        let which: [&(dyn ToSql + Sync); 3] = [&wanted.collections, &wanted.ids, &wanted.with_body];
        let rows = self.connection.query(&self.statements.current_rows, &which);
        read_rows(&wanted.touched, &self.in_time(what, rows).await?)
    }

    /// The documents that refer to another and were changed last after a moment, at most so many.
    async fn read_referrers(
        &self,
        (index, cutoff): (i32, i64),
        (_, field, id): &Reference,
        limit: usize,
    ) -> Result<Vec<DocumentId>, Error> {
        let (mut lower, upper) = referrer_keys(id);
        let mut found = Vec::new();
        if referrer_keys_are_whole(id) {
            let limit = i64::try_from(limit).unwrap_or(i64::MAX);
            let range: [&(dyn ToSql + Sync); 5] = [&index, &lower, &upper, &limit, &cutoff];
            let rows = self.connection.query(&self.statements.referrers, &range);
            for row in &self.in_time("reading references", rows).await? {
                found.push(id_of(column(row, 0)?)?);
            }
            return Ok(found);
        }
        loop {
            let range: [&(dyn ToSql + Sync); 5] = [&index, &lower, &upper, &ALIKE_ROWS, &cutoff];
            let rows = self.connection.query(&self.statements.referrer_bodies, &range);
            let rows = self.in_time("reading references", rows).await?;
            for row in &rows {
                let (key, body): (&[u8], &str) = (column(row, 0)?, column(row, 2)?);
                // The least key after it.
                lower = [key, &[0]].concat();
                if refers(body, field, id) {
                    found.push(id_of(column(row, 1)?)?);
                }
            }
            if rows.is_empty() || found.len() >= limit {
                return Ok(found);
            }
        }
    }

    /// Learns the numbers of collections that have one.
    async fn read_collections(&self, batch: &mut Batch<'_>) -> Result<(), Error> {
        let rows = {
            let unknown = batch.unknown_collections();
            if unknown.is_empty() {
                return Ok(());
            }
            let names: [&(dyn ToSql + Sync); 1] = [&unknown];
            let rows = self.connection.query(&self.statements.collection_ids, &names);
            self.in_time("reading collections", rows).await?
        };
        for row in &rows {
            batch.set_collection_id(column(row, 1)?, column(row, 0)?);
        }
        Ok(())
    }

    /// Asks who has unique values.
    async fn read_holders(
        &self,
        batch: &mut Batch<'_>,
        wanted: &[(i32, UniqueKey)],
    ) -> Result<(), Error> {
        let numbers: Vec<i32> = wanted.iter().map(|(index, _)| -index).collect();
        let (lower, upper): (Vec<_>, Vec<_>) = wanted.iter().map(|(_, key)| key.rows()).unzip();
        let cutoffs: Vec<i64> = wanted.iter().map(|(index, _)| batch.cutoff_of(*index)).collect();
        let which: [&(dyn ToSql + Sync); 4] = [&numbers, &lower, &upper, &cutoffs];
        let rows = self.connection.query(&self.statements.holders, &which);
        let rows = self.in_time("reading unique values", rows).await?;
        let mut holders = vec![Vec::new(); wanted.len()];
        for row in &rows {
            // WITH ORDINALITY counts from 1.
            let place = usize::try_from(column::<i64>(row, 0)?).unwrap_or_default();
            let of_one = place.checked_sub(1).and_then(|place| holders.get_mut(place));
            let of_one = of_one.ok_or_else(|| corrupted("the place of a row"))?;
            of_one.push(id_of(column(row, 1)?)?);
        }
        for ((index, key), holders) in wanted.iter().zip(holders) {
            batch.set_holders(*index, *key, holders);
        }
        Ok(())
    }

    /// The first round trip, and more of them when another process changed what we knew. Gives
    /// the last change that is too old.
    async fn read_current<'j>(
        &self,
        batch: &mut Batch<'j>,
        jobs: &[WriteJob<'j>],
        retention: Retention,
    ) -> Result<Option<i64>, Error> {
        let asked = std::time::Instant::now();
        let keys = Batch::keys(jobs);
        let (clock, names, rows, answers, expired) = {
            let unknown = batch.unknown_collections();
            let names: [&(dyn ToSql + Sync); 1] = [&unknown];
            let wanted = batch.wanted_rows();
            let current: [&(dyn ToSql + Sync); 3] =
                [&wanted.collections, &wanted.ids, &wanted.with_body];
            let first = Box::pin(join5(
                self.begin_and_lock(),
                self.query_if(!unknown.is_empty(), &self.statements.collection_ids, &names),
                self.query_if(!wanted.touched.is_empty(), &self.statements.current_rows, &current),
                self.query_answers(&keys, retention.answers_from),
                self.query_expired(retention.changes_from),
            ));
            let (clock, names, rows, answers, expired) =
                self.in_time("reading before a write", async { Ok(first.await) }).await?;
            let clock = clock?;
            let names = names?;
            (clock, names, read_rows(&wanted.touched, &rows?)?, answers?, expired?)
        };
        batch.clock = clock;
        for row in &answers {
            batch.set_answer(column(row, 0)?, column(row, 1)?, column(row, 2)?);
        }
        let mut is_stale = false;
        for row in &names {
            let (id, name): (i32, &str) = (column(row, 0)?, column(row, 1)?);
            is_stale |= batch.set_collection_id(name, id);
            if let Ok(name) = CollectionName::new(name) {
                self.catalogue.learn(name, id);
            }
        }
        let known = self.catalogue.indexes();
        let indexes = if known.version == clock.catalogue_version {
            known
        } else {
            is_stale = true;
            Arc::new(self.in_time("reading indexes", self.load_indexes()).await?)
        };
        // Under the lock of the clock nobody changes it: it is true until the commit.
        self.catalogue.store(&indexes, asked);
        if indexes.is_unfinished && !self.catalogue.loading.is_here() {
            return Err(being_loaded());
        }
        if is_stale {
            batch.set_indexes(&indexes);
            let rows = self.current_rows(batch, 0, "reading before a write").await?;
            set_rows(batch, rows);
        } else {
            set_rows(batch, rows);
        }
        Ok(expired)
    }

    /// Gives collections a row that have their first document now.
    async fn add_collections(
        &self,
        batch: &mut Batch<'_>,
    ) -> Result<Vec<(CollectionName, i32)>, Error> {
        let new = batch.new_collections();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let names: [&(dyn ToSql + Sync); 1] = [&new];
        let add = self.connection.query(&self.statements.add_collections, &names);
        let rows = self.in_time("adding a collection", add).await?;
        let mut added = Vec::with_capacity(rows.len());
        for row in &rows {
            let (id, name): (i32, &str) = (column(row, 0)?, column(row, 1)?);
            batch.set_collection_id(name, id);
            let name = CollectionName::new(name).map_err(|_| corrupted("a collection name"))?;
            added.push((name, id));
        }
        Ok(added)
    }

    /// The last round trip.
    async fn store(
        &self,
        mutations: &Mutations<'_>,
        clock: ClockRow,
        now: Timestamp,
        forgotten: Forgotten,
    ) -> Result<(), Error> {
        let statements = async {
            let (documents, entries, answers, clock) = join4(
                Box::pin(self.store_documents(mutations, now)),
                Box::pin(self.store_entries(mutations)),
                Box::pin(self.store_answers(mutations, now, forgotten)),
                Box::pin(self.set_clock(clock)),
            )
            .await;
            documents.and(entries).and(answers).and(clock)
        };
        if mutations.bytes() > COMMIT_AT_ONCE_BYTES_MAX {
            self.in_time("writing", statements).await?;
            return self.committing(self.connection.commit()).await?;
        }
        let both = join(statements, self.connection.commit());
        let (statements, commit) = self.committing(both).await?;
        outcome_of_commit(statements, commit)
    }

    async fn store_documents(
        &self,
        mutations: &Mutations<'_>,
        now: Timestamp,
    ) -> Result<(), Error> {
        let (s, Mutations { upserts, deleted, changes, .. }) = (self.statements, mutations);
        let (upserted, deleted, changed) = join3(
            self.execute_if(
                !upserts.bodies.is_empty(),
                &s.upsert_records,
                &[
                    &upserts.keys.collections,
                    &upserts.keys.ids,
                    &upserts.revisions,
                    &upserts.created_at,
                    &upserts.updated_at,
                    &upserts.bodies,
                ],
            ),
            self.execute_if(
                !deleted.ids.is_empty(),
                &s.delete_records,
                &[&deleted.collections, &deleted.ids],
            ),
            self.execute_if(
                !changes.sequences.is_empty(),
                &s.add_changes,
                &[
                    &changes.sequences,
                    &changes.keys.collections,
                    &changes.keys.ids,
                    &changes.kinds,
                    &changes.revisions,
                    &now.unix_us,
                    &changes.former,
                    &changes.bodies,
                ],
            ),
        )
        .await;
        upserted.and(deleted).and(changed)
    }

    async fn store_entries(&self, mutations: &Mutations<'_>) -> Result<(), Error> {
        let Mutations { deleted_entries: old, new_entries: new, counted, .. } = mutations;
        let s = self.statements;
        let (deleted, added, counted) = join3(
            self.execute_if(!old.keys.is_empty(), &s.delete_entries, &[&old.indexes, &old.keys]),
            self.execute_if(
                !new.keys.is_empty(),
                &s.add_entries,
                &[&new.indexes, &new.keys, &new.documents.collections, &new.documents.ids],
            ),
            self.execute_if(!counted.0.is_empty(), &s.count_documents, &[&counted.0, &counted.1]),
        )
        .await;
        deleted.and(added).and(counted)
    }

    async fn store_answers(
        &self,
        mutations: &Mutations<'_>,
        now: Timestamp,
        forgotten: Forgotten,
    ) -> Result<(), Error> {
        let (s, answers) = (self.statements, &mutations.answers);
        let oldest_us = forgotten.answers_from.map(|from| from.unix_us);
        let (added, answers, changes) = join3(
            self.execute_if(
                !answers.keys.is_empty(),
                &s.add_answers,
                &[&answers.keys, &answers.fingerprints, &answers.outcomes, &now.unix_us],
            ),
            self.execute_if(oldest_us.is_some(), &s.trim_answers, &[&oldest_us, &TRIM_ANSWERS_MAX]),
            self.execute_if(
                forgotten.changes_to.is_some(),
                &s.trim_changes,
                &[&forgotten.changes_to],
            ),
        )
        .await;
        added.and(answers).and(changes)
    }

    /// Writes the clock, and tells other processes what it says.
    async fn set_clock(&self, clock: ClockRow) -> Result<(), Error> {
        let ClockRow { sequence, next_id, changes_floor, catalogue_version } = clock;
        let columns: [&(dyn ToSql + Sync); 4] =
            [&sequence, &next_id, &changes_floor, &catalogue_version];
        let Channel { name, lock, .. } = &self.catalogue.channel;
        let place = sequence.to_string();
        let words: [&(dyn ToSql + Sync); 3] = [lock, name, &place];
        let (set, notified) = join(
            self.execute_if(true, &self.statements.set_clock, &columns),
            self.execute_if(true, &self.statements.notify, &words),
        )
        .await;
        set.and(notified)
    }

    /// Waits for a round trip that ends with a commit.
    async fn committing<T>(&self, round_trip: impl Future<Output = T>) -> Result<T, Error> {
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

    async fn query_if(
        &self,
        is_needed: bool,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        if is_needed { self.connection.query(sql, parameters).await } else { Ok(Vec::new()) }
    }

    async fn execute_if(
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

    async fn query_answers(&self, keys: &[&[u8]], from: Timestamp) -> Result<Vec<Row>, Error> {
        let sql = &self.statements.answers;
        self.query_if(!keys.is_empty(), sql, &[&keys, &from.unix_us]).await
    }

    async fn query_expired(&self, from: Option<Timestamp>) -> Result<Option<i64>, Error> {
        let Some(from) = from else { return Ok(None) };
        let sql = &self.statements.expired_changes;
        let rows = self.connection.query(sql, &[&from.unix_us, &TRIM_CHANGES_MAX]).await?;
        rows.first().map_or(Ok(None), |row| column(row, 0))
    }
}

/// What the answers of the last round trip mean: PostgreSQL answers a commit with success also
/// when it rolled back because of an earlier failure, and only without an answer to the commit
/// and without such a failure is the outcome unknown.
fn outcome_of_commit(
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

/// A row that is there now, and where it belongs in the batch.
type CurrentRow = (usize, Stored<'static>);

fn read_rows(touched: &[usize], rows: &[Row]) -> Result<Vec<CurrentRow>, Error> {
    rows.iter()
        .map(|row| {
            // WITH ORDINALITY counts from 1.
            let place = usize::try_from(column::<i64>(row, 0)?).unwrap_or_default();
            let place = place.checked_sub(1).and_then(|place| touched.get(place).copied());
            let stored = Stored {
                revision: column(row, 1)?,
                created_at: Timestamp { unix_us: column(row, 2)? },
                updated_at: Timestamp { unix_us: column(row, 3)? },
                body: Cow::Owned(column(row, 4)?),
            };
            Ok((place.ok_or_else(|| corrupted("the place of a row"))?, stored))
        })
        .collect()
}

fn set_rows(batch: &mut Batch<'_>, rows: Vec<CurrentRow>) {
    for (place, stored) in rows {
        batch.set_current(place, stored);
    }
}

/// The failure of a batch, told to its only job.
pub(crate) fn is_fault_of_job(error: &Error) -> bool {
    matches!(error.kind, NativeKind::Unexpected | NativeKind::Corrupted | NativeKind::TimedOut)
}
