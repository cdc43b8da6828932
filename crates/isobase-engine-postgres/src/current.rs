//! The rows that a batch needs: documents, collections, referrers and holders of unique values.

use std::{borrow::Cow, sync::Arc};

use futures_util::future::join5;
use isobase_engine::{UniqueKey, finds_referrers, referrer_keys, referrer_keys_are_whole, refers};
use isobase_postgres::{Error, Row, ToSql};
use isobase_types::{CollectionName, DocumentId, Timestamp};

use crate::{
    batch::{Batch, Stored, WriteJob},
    catalogue::RowState,
    codec::{column, id_of},
    error::{being_loaded, corrupted},
    others::{Reference, WantedOthers},
    transaction::{Retention, Session},
};

/// Documents read at a time, of which some may refer to another id that begins alike.
const ALIKE_ROWS: i64 = 100;

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

impl<'c> Session<'c> {
    /// Reads other documents that checks ask for.
    pub(crate) async fn read_others(
        &self,
        batch: &mut Batch<'_>,
        wanted: WantedOthers,
    ) -> Result<(), Error> {
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
    pub(crate) async fn read_holders(
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
    pub(crate) async fn read_current<'j>(
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
        // Under the lock of the clock no one changes it: it is true until the commit.
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
}
