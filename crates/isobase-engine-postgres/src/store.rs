//! Storing what a batch came to.

use futures_util::future::{join, join3, join4};
use isobase_postgres::{Error, ToSql};
use isobase_types::{CollectionName, Timestamp};

use crate::{
    batch::{Batch, ClockRow, Mutations},
    channel::Channel,
    codec::column,
    error::corrupted,
    transaction::{
        COMMIT_AT_ONCE_BYTES_MAX, Forgotten, Session, TRIM_ANSWERS_MAX, outcome_of_commit,
    },
};

impl<'c> Session<'c> {
    /// Gives collections a row that have their first document now.
    pub(crate) async fn add_collections(
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
    pub(crate) async fn store(
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
    pub(crate) async fn set_clock(&self, clock: ClockRow) -> Result<(), Error> {
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
}
