//! Deleting whole collections.

use isobase_postgres::{Error, ToSql};
use isobase_types::{ChangeKind, CollectionName, Timestamp};
use isobase_writer::Job;

use crate::{
    codec::column,
    special::{Special, Transaction, first},
};

/// Deletes all documents of a collection; says how many there were.
pub(crate) struct DeleteCollection(pub(crate) CollectionName);

impl Job for DeleteCollection {
    type Reply = u64;
}

impl Special for DeleteCollection {
    async fn carry_out(
        &self,
        transaction: Transaction<'_, '_>,
        now: Timestamp,
    ) -> Result<u64, Error> {
        transaction.delete_collection(&self.0, now).await
    }
}

impl Transaction<'_, '_> {
    async fn delete_collection(
        mut self,
        name: &CollectionName,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let Some(id) = self.collection_id(name).await? else {
            self.session.rollback().await?;
            return Ok(0);
        };
        let s = self.session.statements;
        let expired = self.count_expired(name, id, now).await?;
        let deleted = self.execute(&s.delete_all_records, &[&id]).await?;
        if deleted == 0 {
            self.session.rollback().await?;
            return Ok(0);
        }
        self.execute(&s.delete_all_entries, &[&id]).await?;
        self.execute(&s.empty_collection, &[&id]).await?;
        self.clock.sequence += 1;
        let kind = i16::try_from(ChangeKind::CollectionDeleted.code()).unwrap_or_default();
        // The columns of a table with one row.
        let (sequences, collections, kinds) = ([self.clock.sequence], [id], [kind]);
        let (ids, revisions): ([Option<&[u8]>; 1], [Option<i64>; 1]) = ([None], [None]);
        let nothing: [Option<&str>; 1] = [None];
        let change: [&(dyn ToSql + Sync); 8] = [
            &sequences.as_slice(),
            &collections.as_slice(),
            &ids.as_slice(),
            &kinds.as_slice(),
            &revisions.as_slice(),
            &now.unix_us,
            &nothing.as_slice(),
            &nothing.as_slice(),
        ];
        if self.session.catalogue.terms.of(name).changes {
            self.execute(&s.add_changes, &change).await?;
        }
        self.session.set_clock_and_commit(self.clock).await?;
        Ok(deleted.saturating_sub(expired))
    }

    /// Documents of a collection that have expired and are stored still.
    async fn count_expired(
        &self,
        name: &CollectionName,
        collection: i32,
        now: Timestamp,
    ) -> Result<u64, Error> {
        let cutoff = self.session.catalogue.terms.cutoff(name, || now);
        let Some(cutoff) = cutoff else { return Ok(0) };
        let Some(index) = self.load_indexes().await?.by_age(collection) else { return Ok(0) };
        let (lower, upper): (&[u8], _) = (&[], cutoff.upper_key());
        let sql = &self.session.statements.count_entries;
        let rows = self.query(sql, &[&index, &lower, &upper]).await?;
        Ok(column::<i64>(first(&rows)?, 0)?.unsigned_abs())
    }
}
