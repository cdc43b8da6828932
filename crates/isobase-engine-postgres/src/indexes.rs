//! Writes that have a transaction of their own: whole collections and indexes.
//!
//! An index is declared, filled part by part, and then ready. From its declaration on every
//! write of every process keeps it up to date, because each looks at the version of the
//! catalogue under the lock of the clock; a part is filled under the same lock. So an index
//! lacks no document when the last part is done.
//!
//! A dropped index is kept up to date for a while: another process may have begun to read it.

use std::{collections::HashSet, sync::Arc, time::Instant};

use isobase_engine::{
    DUPLICATES_MAX, Duplicates, EngineError, ErrorKind, IndexDefinition, IndexInfo, Indexed,
    Indexes, Pending, UniqueKey, listing::FETCH_BYTES_MAX,
};
use isobase_postgres::{Connection, Error, ErrorKind as NativeKind, Row, Sql, ToSql};
use isobase_types::{ChangeKind, CollectionName, Timestamp};

use crate::{
    PostgresEngine,
    batch::{ClockRow, Entries},
    catalogue::{IndexCatalogue, RETIREMENT_SECONDS, RowState},
    codec::{column, id_of},
    error::{being_loaded, corrupted, engine_error},
    sql::Statements,
    transaction::Session,
};

/// Documents indexed under one lock: a few milliseconds.
const FILL_DOCUMENTS: i64 = 512;
/// Entries of dropped indexes deleted at a time.
const DELETE_ENTRIES: i64 = 5_000;

/// What is to be done.
#[derive(Debug)]
pub(crate) enum SpecialJob {
    DeleteCollection { collection: CollectionName },
    DeclareIndex { collection: CollectionName, definition: IndexDefinition },
    FillIndex { collection: i32, index: i32, after: Vec<u8> },
    DropIndex { collection: CollectionName, definition: IndexDefinition },
    Housekeeping,
}

/// What came of it.
#[derive(Debug)]
pub(crate) enum SpecialAnswer {
    /// So many documents were deleted.
    Deleted(u64),
    /// The index has this number in the collection with this number.
    Declared {
        collection: i32,
        index: i32,
        is_ready: bool,
    },
    /// The index holds the documents up to this id; none when it is complete.
    Filled {
        to: Option<Vec<u8>>,
    },
    /// The index was to be unique, and is dropped again.
    Duplicates(Duplicates),
    /// Whether there was such an index.
    Dropped(bool),
    Nothing,
}

impl SpecialJob {
    /// Carries it out in a transaction.
    pub(crate) async fn carry_out(
        &self,
        session: &Session<'_>,
        now: Timestamp,
    ) -> Result<SpecialAnswer, Error> {
        let locked = session.in_time("locking the clock", session.begin_and_lock()).await?;
        let is_housekeeping = matches!(self, Self::Housekeeping);
        if !is_housekeeping && !session.catalogue.loading.is_here() {
            let known = session.in_time("reading indexes", session.load_indexes()).await?;
            if known.is_unfinished {
                session.rollback().await?;
                return Err(being_loaded());
            }
        }
        let transaction = Transaction { session, clock: locked };
        match self {
            Self::DeleteCollection { collection } => {
                transaction.delete_collection(collection, now).await.map(SpecialAnswer::Deleted)
            }
            Self::DeclareIndex { collection, definition } => {
                transaction.declare_index(collection, definition).await
            }
            Self::FillIndex { collection, index, after } => {
                transaction.fill_index(*collection, *index, after).await
            }
            Self::DropIndex { collection, definition } => {
                transaction.drop_index(collection, definition).await.map(SpecialAnswer::Dropped)
            }
            Self::Housekeeping => {
                transaction.clean_up().await?;
                Ok(SpecialAnswer::Nothing)
            }
        }
    }
}

/// A transaction that holds the lock of the clock.
struct Transaction<'s, 'c> {
    session: &'s Session<'c>,
    clock: ClockRow,
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

    async fn declare_index(
        mut self,
        name: &CollectionName,
        definition: &IndexDefinition,
    ) -> Result<SpecialAnswer, Error> {
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
            return Ok(SpecialAnswer::Declared { collection, index, is_ready });
        }
        let text = definition.to_string();
        let rows = self.query(&s.add_index, &[&collection, &text]).await?;
        let index = column(first(&rows)?, 0)?;
        self.change_catalogue().await?;
        Ok(SpecialAnswer::Declared { collection, index, is_ready: false })
    }

    async fn fill_index(
        mut self,
        collection: i32,
        index: i32,
        after: &[u8],
    ) -> Result<SpecialAnswer, Error> {
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
            let updated_at = Timestamp { unix_us: column(row_of_document, 3)? };
            for (number, key) in row.keys_of(Indexed { body, id: &document, updated_at }) {
                entries.push(number, key, collection, id);
            }
            values.extend(UniqueKey::of(&row.definition, body, &document));
        }
        let last = entries.documents.ids.last().map(|id| id.to_vec());
        if last.is_some() {
            let new: [&(dyn ToSql + Sync); 4] = [
                &entries.indexes,
                &entries.keys,
                &entries.documents.collections,
                &entries.documents.ids,
            ];
            self.execute(&s.add_entries, &new).await?;
            // Whoever has the same values and comes into the index later finds these: by a write,
            // which is refused then, or by the next part.
            if self.are_shared(index, &values).await? {
                let duplicates = duplicates(self.session.connection, s, index);
                let duplicates = self.session.in_time("reading unique values", duplicates).await?;
                self.execute(&s.drop_index, &[&index]).await?;
                self.change_catalogue().await?;
                return Ok(SpecialAnswer::Duplicates(duplicates));
            }
            self.session.set_clock_and_commit(self.clock).await?;
            return Ok(SpecialAnswer::Filled { to: last });
        }
        self.execute(&s.set_index_ready, &[&index]).await?;
        self.change_catalogue().await?;
        Ok(SpecialAnswer::Filled { to: None })
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

    /// Commits with a new version of the catalogue, and remembers it.
    async fn change_catalogue(&mut self) -> Result<(), Error> {
        self.clock.catalogue_version += 1;
        let mut changed = self.load_indexes().await?;
        changed.version = self.clock.catalogue_version;
        self.session.set_clock_and_commit(self.clock).await?;
        self.remember(changed);
        Ok(())
    }

    fn remember(&self, indexes: IndexCatalogue) {
        self.session.catalogue.store(&Arc::new(indexes), Instant::now());
    }

    async fn collection_id(&self, name: &CollectionName) -> Result<Option<i32>, Error> {
        let sql = &self.session.statements.collection_ids;
        let rows = self.query(sql, &[&vec![name.as_str()]]).await?;
        rows.first().map(|row| column(row, 0)).transpose()
    }

    async fn load_indexes(&self) -> Result<IndexCatalogue, Error> {
        self.session.in_time("reading indexes", self.session.load_indexes()).await
    }

    async fn query(
        &self,
        sql: &Sql,
        parameters: &[&(dyn ToSql + Sync)],
    ) -> Result<Vec<Row>, Error> {
        let answer = self.session.connection.query(sql, parameters);
        self.session.in_time("a statement", answer).await
    }

    async fn execute(&self, sql: &Sql, parameters: &[&(dyn ToSql + Sync)]) -> Result<u64, Error> {
        let answer = self.session.connection.execute(sql, parameters);
        self.session.in_time("a statement", answer).await
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

fn first(rows: &[Row]) -> Result<&Row, Error> {
    rows.first().ok_or_else(|| corrupted("an answer"))
}

impl Indexes for PostgresEngine {
    fn indexes<'a>(&'a self, collection: &'a CollectionName) -> Pending<'a, Vec<IndexInfo>> {
        Box::pin(async move {
            let deadline = self.read_deadline();
            let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
            let Some(id) = self.collection_id(&lane, collection, deadline).await? else {
                return Ok(Vec::new());
            };
            let indexes = self.fresh_indexes(&lane, deadline).await?;
            let declared = indexes.declared(id).filter(|index| !index.definition.is_age());
            Ok(declared.map(|index| index.info()).collect())
        })
    }

    fn indexed_collections(&self) -> Pending<'_, Vec<CollectionName>> {
        Box::pin(self.list_indexed_collections())
    }

    fn create_index<'a>(
        &'a self,
        name: &'a CollectionName,
        definition: &'a IndexDefinition,
    ) -> Pending<'a, IndexInfo> {
        Box::pin(async move {
            let (collection, definition_wanted) = (name.clone(), definition.clone());
            let job = SpecialJob::DeclareIndex { collection, definition: definition_wanted };
            let declared = self.writer.special(job).await?;
            let SpecialAnswer::Declared { collection, index, is_ready } = declared else {
                return Err(unexpected_answer());
            };
            let mut after = (!is_ready).then(Vec::new);
            while let Some(done) = after {
                let job = SpecialJob::FillIndex { collection, index, after: done };
                match self.writer.special(job).await? {
                    SpecialAnswer::Filled { to } => after = to,
                    SpecialAnswer::Duplicates(duplicates) => {
                        duplicates.refuse(name, definition)?;
                        return Err(unexpected_answer());
                    }
                    _ => return Err(unexpected_answer()),
                }
            }
            let state = isobase_engine::IndexState::Ready;
            Ok(IndexInfo { definition: definition.clone(), state })
        })
    }

    fn drop_index<'a>(
        &'a self,
        collection: &'a CollectionName,
        definition: &'a IndexDefinition,
    ) -> Pending<'a, bool> {
        Box::pin(async move {
            let (collection, definition) = (collection.clone(), definition.clone());
            match self.writer.special(SpecialJob::DropIndex { collection, definition }).await? {
                SpecialAnswer::Dropped(there_was) => Ok(there_was),
                _ => Err(unexpected_answer()),
            }
        })
    }
}

pub(crate) fn unexpected_answer() -> EngineError {
    EngineError::new(ErrorKind::Unexpected, "the writer answered something else than was asked")
}
