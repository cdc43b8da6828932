//! Declaring, filling and dropping indexes.
//!
//! An index is declared, filled part by part, and then ready. From its declaration on every
//! write of every process keeps it up to date, because each looks at the version of the
//! catalogue under the lock of the clock; a part is filled under the same lock. So an index
//! lacks no document when the last part is done.
//!
//! A dropped index is kept up to date for a while: another process may have begun to read it.

use std::collections::HashSet;

use isobase_engine::{
    DUPLICATES_MAX, Duplicates, IndexDefinition, Indexed, UniqueKey, listing::FETCH_BYTES_MAX,
};
use isobase_postgres::{Connection, Error, ErrorKind as NativeKind, ToSql};
use isobase_types::{CollectionName, Timestamp};
use isobase_writer::Job;

use crate::{
    batch::Entries,
    catalogue::{RETIREMENT_SECONDS, RowState},
    codec::{column, id_of},
    error::corrupted,
    special::{Special, Transaction, first},
    sql::Statements,
};

/// Documents indexed under one lock: a few milliseconds.
const FILL_DOCUMENTS: i64 = 512;
/// Entries of dropped indexes deleted at a time.
const DELETE_ENTRIES: i64 = 5_000;

/// Adds an index to a collection, which is added too if need be.
pub(crate) struct DeclareIndex {
    pub(crate) collection: CollectionName,
    pub(crate) definition: IndexDefinition,
}

/// The index has this number in the collection with this number.
pub(crate) struct Declared {
    pub(crate) collection: i32,
    pub(crate) index: i32,
    pub(crate) is_ready: bool,
}

impl Job for DeclareIndex {
    type Reply = Declared;
}

impl Special for DeclareIndex {
    async fn carry_out(
        &self,
        transaction: Transaction<'_, '_>,
        _: Timestamp,
    ) -> Result<Declared, Error> {
        transaction.declare_index(&self.collection, &self.definition).await
    }
}

/// Puts the documents after an id into an index, a part of them.
pub(crate) struct FillIndex {
    pub(crate) collection: i32,
    pub(crate) index: i32,
    pub(crate) after: Vec<u8>,
}

/// How far an index is.
pub(crate) enum Filled {
    /// It holds the documents up to this id.
    UpTo(Vec<u8>),
    /// It is complete.
    Whole,
    /// It was to be unique, and is dropped again.
    Duplicates(Duplicates),
}

impl Job for FillIndex {
    type Reply = Filled;
}

impl Special for FillIndex {
    async fn carry_out(
        &self,
        transaction: Transaction<'_, '_>,
        _: Timestamp,
    ) -> Result<Filled, Error> {
        transaction.fill_index(self.collection, self.index, &self.after).await
    }
}

/// Removes an index; says whether there was one.
pub(crate) struct DropIndex {
    pub(crate) collection: CollectionName,
    pub(crate) definition: IndexDefinition,
}

impl Job for DropIndex {
    type Reply = bool;
}

impl Special for DropIndex {
    async fn carry_out(
        &self,
        transaction: Transaction<'_, '_>,
        _: Timestamp,
    ) -> Result<bool, Error> {
        transaction.drop_index(&self.collection, &self.definition).await
    }
}

/// Moves dropped indexes a step towards their end.
pub(crate) struct Housekeeping;

impl Job for Housekeeping {
    type Reply = ();
}

impl Special for Housekeeping {
    const BESIDE_LOADS: bool = true;

    async fn carry_out(&self, transaction: Transaction<'_, '_>, _: Timestamp) -> Result<(), Error> {
        transaction.clean_up().await
    }
}

impl Transaction<'_, '_> {
    async fn declare_index(
        mut self,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<Declared, Error> {
        let s = self.session.statements;
        let collection = match self.collection_id(name).await? {
            Some(id) => id,
            None => {
                let rows = self.query(&s.add_collections, &[&vec![name.as_str()]]).await?;
                column(first(&rows)?, 0)?
            }
        };
        let known = self.load_indexes().await?;
        if let Some(index) = known.find(collection, definition) {
            let (index, is_ready) = (index.id, index.state == RowState::Ready);
            self.session.rollback().await?;
            self.remember(known);
            return Ok(Declared { collection, index, is_ready });
        }
        let text = definition.to_string();
        let rows = self.query(&s.add_index, &[&collection, &text]).await?;
        let index = column(first(&rows)?, 0)?;
        self.change_catalogue().await?;
        Ok(Declared { collection, index, is_ready: false })
    }

    async fn fill_index(
        mut self,
        collection: i32,
        index: i32,
        after: &[u8],
    ) -> Result<Filled, Error> {
        let known = self.load_indexes().await?;
        let row = known.declared(collection).find(|row| row.id == index);
        let Some(row) = row else {
            self.session.rollback().await?;
            let message = "the index was dropped while it was built";
            return Err(Error::new(NativeKind::Unavailable, message));
        };
        let s = self.session.statements;
        let bytes_max = i64::try_from(FETCH_BYTES_MAX).unwrap_or(i64::MAX);
        let (lower, upper) = ([after, &[0]].concat(), vec![0xff_u8]);
        let part: [&(dyn ToSql + Sync); 5] =
            [&collection, &lower, &upper, &FILL_DOCUMENTS, &bytes_max];
        let rows = self.query(&s.ids_forward, &part).await?;
        let mut entries = Entries::default();
        let mut values = HashSet::new();
        for row_of_document in &rows {
            let id: &[u8] = column(row_of_document, 0)?;
            let body: &str = column(row_of_document, 4)?;
            let document = id_of(id)?;
            let time = |at| column(row_of_document, at).map(|unix_us| Timestamp { unix_us });
            let (created_at, updated_at) = (time(2)?, time(3)?);
            let indexed = Indexed { body, id: &document, created_at, updated_at };
            for (number, key) in row.keys_of(indexed) {
                entries.push(number, key, collection, id);
            }
            values.extend(UniqueKey::of(&row.definition, body, &document));
        }
        let last = entries.documents.ids.last().map(|id| id.to_vec());
        if let Some(last) = last {
            let new: [&(dyn ToSql + Sync); 4] = [
                &entries.indexes,
                &entries.keys,
                &entries.documents.collections,
                &entries.documents.ids,
            ];
            self.execute(&s.add_entries, &new).await?;
            // A caller that has the same values and comes into the index later finds these: by a write,
            // which is refused then, or by the next part.
            if self.are_shared(index, &values).await? {
                let duplicates = duplicates(self.session.connection, s, index);
                let duplicates = self.session.in_time("reading unique values", duplicates).await?;
                self.execute(&s.drop_index, &[&index]).await?;
                self.change_catalogue().await?;
                return Ok(Filled::Duplicates(duplicates));
            }
            self.session.set_clock_and_commit(self.clock).await?;
            return Ok(Filled::UpTo(last));
        }
        self.execute(&s.set_index_ready, &[&index]).await?;
        self.change_catalogue().await?;
        Ok(Filled::Whole)
    }

    /// Whether several documents have one of some unique values.
    async fn are_shared(&self, index: i32, values: &HashSet<UniqueKey>) -> Result<bool, Error> {
        if values.is_empty() {
            return Ok(false);
        }
        let numbers = vec![-index; values.len()];
        let (lower, upper): (Vec<_>, Vec<_>) = values.iter().map(UniqueKey::rows).unzip();
        let sql = &self.session.statements.holders;
        // Those that have expired hold their values here, too: until they are deleted.
        let cutoffs = vec![i64::MIN; values.len()];
        let rows = self.query(sql, &[&numbers, &lower, &upper, &cutoffs]).await?;
        Ok(rows.len() > values.len())
    }

    async fn drop_index(
        mut self,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<bool, Error> {
        let known = self.load_indexes().await?;
        let found = match self.collection_id(name).await? {
            Some(collection) => known.find(collection, definition).map(|index| index.id),
            None => None,
        };
        let Some(index) = found else {
            self.session.rollback().await?;
            return Ok(false);
        };
        let s = self.session.statements;
        self.execute(&s.drop_index, &[&index]).await?;
        self.change_catalogue().await?;
        Ok(true)
    }

    /// Moves dropped indexes a step towards their end.
    async fn clean_up(mut self) -> Result<(), Error> {
        let s = self.session.statements;
        let deleted = self.execute(&s.delete_retired_entries, &[&DELETE_ENTRIES]).await?;
        let mut changed = 0;
        if deleted == 0 {
            changed = self.execute(&s.delete_retired_indexes, &[]).await?;
        }
        changed += self.execute(&s.retire_indexes, &[&RETIREMENT_SECONDS]).await?;
        if changed == 0 {
            self.session.set_clock_and_commit(self.clock).await
        } else {
            self.change_catalogue().await
        }
    }
}

/// The documents that have equal values of a unique index, some of them when there are many.
pub(crate) async fn duplicates(
    connection: &Connection,
    statements: &Statements,
    index: i32,
) -> Result<Duplicates, Error> {
    let key_bytes = i32::try_from(UniqueKey::BYTES).unwrap_or(i32::MAX);
    let rows_max = i64::try_from(DUPLICATES_MAX * DUPLICATES_MAX).unwrap_or(i64::MAX);
    let which: [&(dyn ToSql + Sync); 3] = [&-index, &key_bytes, &rows_max];
    let rows = connection.query(&statements.duplicates, &which).await?;
    let mut duplicates = Duplicates::default();
    for row in &rows {
        let key = UniqueKey::of_row(column(row, 0)?);
        let key = key.ok_or_else(|| corrupted("the row of a unique value"))?;
        duplicates.see(key, id_of(column(row, 1)?)?);
    }
    Ok(duplicates)
}
