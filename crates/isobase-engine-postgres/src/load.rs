//! Loading documents as they were elsewhere.
//!
//! A part is copied straight into the tables, which is the fastest way there is. PostgreSQL has
//! no COPY that replaces rows: a part of which something is there already is stored as a batch of
//! writes is. Loads run side by side on connections of their own; each shares the lock of the
//! clock, so that no write and no change of the indexes falls between. None waits for the disk:
//! the note that is written later does, and with it everything before.

use std::{sync::Arc, time::Duration};

use futures_util::future::join;
use isobase_engine::{
    Counters, EngineError, ErrorKind, Identity, IndexDefinition, Indexed, revision_number,
};
use isobase_postgres::{Connection, Error, ErrorKind as NativeKind, Pooling, Row, ToSql, within};
use isobase_types::{CollectionName, Document, DocumentId, Timestamp};
use tokio::time::Instant;

use crate::{
    PostgresEngine,
    batch::{Entries, Keys, Upserts},
    catalogue::{IndexRow, load_indexes},
    codec::{column, id_bytes, id_of},
    copy::CopyRows,
    error::{corrupted, engine_error},
    index_jobs::duplicates,
    schema::quoted,
    sql::analyze,
};

/// Documents and bytes replaced by one statement.
const REPLACE_DOCUMENTS_MAX: usize = 4_096;
const REPLACE_BYTES_MAX: usize = 32 << 20;
/// Time for the statistics of the whole database; without them plans are a little worse.
const ANALYZE_TIMEOUT: Duration = Duration::from_secs(600);
/// Unique violation.
const THERE_ALREADY: &str = "23505";

impl PostgresEngine {
    /// Stores documents, in the order of their ids, each once.
    pub(crate) async fn load_documents(
        &self,
        name: &CollectionName,
        documents: &[Document],
    ) -> Result<(), EngineError> {
        if documents.is_empty() {
            return Ok(());
        }
        self.loading("loading documents", async |loading| {
            let collection = loading.claim(name).await?;
            let is_pooled = self.options.config.pooling() == Pooling::Transaction;
            if !is_pooled && !self.loader.replaces(collection) {
                match loading.copy(collection, documents).await {
                    Err(error) if error.code.as_deref() == Some(THERE_ALREADY) => {
                        loading.connection.batch("ROLLBACK").await?;
                        self.loader.replaced().insert(collection);
                    }
                    done => return done,
                }
            }
            for part in parts(documents) {
                loading.replace(collection, part).await?;
            }
            Ok(())
        })
        .await
    }

    /// Deletes documents.
    pub(crate) async fn unload_documents(
        &self,
        name: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        self.loading("unloading documents", async |loading| {
            let Some(collection) = loading.number(name).await? else { return Ok(()) };
            for part in ids.chunks(REPLACE_DOCUMENTS_MAX) {
                loading.take_away(collection, part).await?;
            }
            Ok(())
        })
        .await
    }

    /// Marks the database as unfinished.
    pub(crate) async fn mark_unfinished(&self, note: &str) -> Result<(), EngineError> {
        self.loading("marking a load", async |loading| {
            let is_first = !self.catalogue.loading.is_here();
            loading.mark(note, is_first).await?;
            self.catalogue.loading.begin(note);
            Ok(())
        })
        .await
    }

    /// Ends a load.
    pub(crate) async fn finish_load(&self, counters: Counters) -> Result<(), EngineError> {
        let sequence = i64::try_from(counters.sequence.0).map_err(|_| {
            let message = format!("the sequence {} is beyond 2^63", counters.sequence);
            EngineError::new(ErrorKind::InvalidArgument, message)
        })?;
        self.loading("finishing a load", async |loading| {
            let asked = std::time::Instant::now();
            let finished = loading.finish(sequence, counters.last_id.saturating_add(1)).await?;
            // Cursors of before must not pass for ours until the next look.
            let indexes = load_indexes(loading.connection, &self.statements).await?;
            self.catalogue.store(&Arc::new(indexes), asked);
            Ok(finished)
        })
        .await??;
        self.catalogue.loading.end();
        self.catalogue.channel.waiting.wake();
        self.analyze().await;
        self.loader.replaced().clear();
        // No one loads any more.
        self.loader.pool.distrust();
        Ok(())
    }

    /// Has the server look at what is there now. Plans do not depend on it much.
    async fn analyze(&self) {
        let analyzed = async {
            let deadline = Instant::now() + ANALYZE_TIMEOUT;
            let connection = Connection::open(&self.options.config, deadline).await?;
            let sql = analyze(&quoted(self.options.config.schema()));
            within(deadline, "ANALYZE", connection.batch(&sql)).await
        };
        if let Err(error) = analyzed.await {
            tracing::warn!(%error, "the statistics were not brought up to date: {error}");
        }
    }

    /// Does something on a connection for loads, as long as a long write may take.
    async fn loading<T>(
        &self,
        what: &str,
        work: impl AsyncFnOnce(&Loading<'_>) -> Result<T, Error>,
    ) -> Result<T, EngineError> {
        let limit = self.options.long_write_timeout;
        let lease = self.loader.pool.lease(Instant::now() + limit).await.map_err(engine_error)?;
        let done = {
            let loading = Loading { engine: self, connection: &lease, limit };
            within(Instant::now() + limit, what, work(&loading)).await
        };
        match done {
            Ok(done) => {
                lease.finish();
                Ok(done)
            }
            // The end of the lease takes back what was begun.
            Err(error) => Err(engine_error(error)),
        }
    }
}

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Durable {
    Yes,
    /// With the next one that does.
    Later,
}

/// A load under way on a connection.
struct Loading<'a> {
    engine: &'a PostgresEngine,
    connection: &'a Connection,
    limit: Duration,
}

impl Loading<'_> {
    /// The number of a collection, which has a row from now on.
    async fn claim(&self, name: &CollectionName) -> Result<i32, Error> {
        if let Some(id) = self.number(name).await? {
            return Ok(id);
        }
        let sql = &self.engine.transfer.claim_collection;
        self.connection.execute(sql, &[&name.as_str()]).await?;
        let number = self.number(name).await?;
        number.ok_or_else(|| corrupted("the number of a collection"))
    }

    /// The number of a collection; `None` when there is none.
    async fn number(&self, name: &CollectionName) -> Result<Option<i32>, Error> {
        let catalogue = &self.engine.catalogue;
        if let Some(id) = catalogue.collection(name) {
            return Ok(Some(id));
        }
        let names = vec![name.as_str()];
        let rows = self.connection.query(&self.engine.statements.collection_ids, &[&names]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let id = column(row, 0)?;
        catalogue.learn(name.clone(), id);
        Ok(Some(id))
    }

    /// Copies documents none of which is there.
    async fn copy(&self, collection: i32, documents: &[Document]) -> Result<(), Error> {
        let indexes = self.begin_sharing(collection).await?;
        let s = &self.engine.transfer;
        let mut copy = self.connection.copy_in(&s.copy_records).await?;
        let mut rows = CopyRows::new();
        for document in documents {
            rows.push_record(collection, &id_bytes(&document.id), document);
            if let Some(piece) = rows.piece() {
                copy.send(piece).await?;
            }
        }
        copy.send(rows.end()).await?;
        copy.finish().await?;
        if !indexes.is_empty() {
            let mut copy = self.connection.copy_in(&s.copy_entries).await?;
            let mut rows = CopyRows::new();
            for index in &indexes {
                for document in documents {
                    for (number, key) in index.keys_of(document.into()) {
                        rows.push_entry(number, &key, collection, &id_bytes(&document.id));
                    }
                    if let Some(piece) = rows.piece() {
                        copy.send(piece).await?;
                    }
                }
            }
            copy.send(rows.end()).await?;
            copy.finish().await?;
        }
        self.count_and_commit(collection, documents.len()).await
    }

    /// Stores documents some of which may be there.
    async fn replace(&self, collection: i32, documents: &[Document]) -> Result<(), Error> {
        let indexes = self.begin_sharing(collection).await?;
        let ids: Vec<Vec<u8>> = documents.iter().map(|document| id_bytes(&document.id)).collect();
        let there = self.current(collection, &ids, &indexes).await?;
        let mut entries = Entries::default();
        for (document, id) in documents.iter().zip(&ids) {
            for index in &indexes {
                for (number, key) in index.keys_of(document.into()) {
                    entries.push(number, key, collection, id);
                }
            }
        }
        let upserts = upserts(collection, documents, &ids);
        self.delete_entries(collection, &there, &indexes).await?;
        let s = &self.engine.statements;
        let records: [&(dyn ToSql + Sync); 6] = [
            &upserts.keys.collections,
            &upserts.keys.ids,
            &upserts.revisions,
            &upserts.created_at,
            &upserts.updated_at,
            &upserts.bodies,
        ];
        self.connection.execute(&s.upsert_records, &records).await?;
        if !entries.keys.is_empty() {
            let new: [&(dyn ToSql + Sync); 4] = [
                &entries.indexes,
                &entries.keys,
                &entries.documents.collections,
                &entries.documents.ids,
            ];
            self.connection.execute(&s.add_entries, &new).await?;
        }
        self.count_and_commit(collection, documents.len() - there.len()).await
    }

    async fn take_away(&self, collection: i32, ids: &[DocumentId]) -> Result<(), Error> {
        let indexes = self.begin_sharing(collection).await?;
        let mut ids: Vec<Vec<u8>> = ids.iter().map(id_bytes).collect();
        // Each is counted once.
        ids.sort_unstable();
        ids.dedup();
        let there = self.current(collection, &ids, &indexes).await?;
        self.delete_entries(collection, &there, &indexes).await?;
        let s = &self.engine.statements;
        let collections = vec![collection; ids.len()];
        self.connection.execute(&s.delete_records, &[&collections, &ids]).await?;
        let taken = i64::try_from(there.len()).unwrap_or(i64::MAX);
        self.count_by(collection, -taken).await?;
        self.connection.commit().await
    }

    /// Begins a transaction beside other loads, of which no write or new index takes note
    /// before its end. Gives the indexes to keep true.
    async fn begin_sharing(&self, collection: i32) -> Result<Vec<IndexRow>, Error> {
        let asked = std::time::Instant::now();
        let begin = self.begin(Durable::Later);
        let share = self.connection.query(&self.engine.transfer.share_clock, &[]);
        let (begun, shared) = join(self.connection.batch(&begin), share).await;
        begun?;
        let rows = shared?;
        let version: i64 = column(rows.first().ok_or_else(|| corrupted("the clock"))?, 0)?;
        let mut known = self.engine.catalogue.indexes();
        if known.version != version {
            known = Arc::new(load_indexes(self.connection, &self.engine.statements).await?);
            self.engine.catalogue.store(&known, asked);
        }
        Ok(known.maintained(collection).cloned().collect())
    }

    fn begin(&self, durable: Durable) -> String {
        let limit = self.limit.as_millis();
        let synchronous = match durable {
            // As the server is set.
            Durable::Yes => "",
            Durable::Later => "SET LOCAL synchronous_commit = off; ",
        };
        format!(
            "BEGIN ISOLATION LEVEL read committed READ WRITE; {synchronous}\
             SET LOCAL statement_timeout = {limit}; SET LOCAL lock_timeout = {limit}; \
             SET LOCAL idle_in_transaction_session_timeout = {limit}; SET LOCAL jit = off; \
             SET LOCAL enable_seqscan = off; SET LOCAL enable_hashjoin = off; \
             SET LOCAL enable_mergejoin = off"
        )
    }

    /// The rows that are there, with their bodies where indexes need them.
    async fn current(
        &self,
        collection: i32,
        ids: &[Vec<u8>],
        indexes: &[IndexRow],
    ) -> Result<Vec<There>, Error> {
        let collections = vec![collection; ids.len()];
        let with_body = vec![!indexes.is_empty(); ids.len()];
        let sql = &self.engine.statements.current_rows;
        let wanted: [&(dyn ToSql + Sync); 3] = [&collections, &ids, &with_body];
        let rows = self.connection.query(sql, &wanted).await?;
        rows.iter().map(|row| There::of(row, ids)).collect()
    }

    async fn delete_entries(
        &self,
        collection: i32,
        there: &[There],
        indexes: &[IndexRow],
    ) -> Result<(), Error> {
        let mut old = Entries::default();
        for There { id, bytes, created_at, updated_at, body } in there {
            let (created_at, updated_at) = (*created_at, *updated_at);
            let document = Indexed { body, id, created_at, updated_at };
            for index in indexes {
                for (number, key) in index.keys_of(document) {
                    old.push(number, key, collection, bytes);
                }
            }
        }
        if !old.keys.is_empty() {
            let sql = &self.engine.statements.delete_entries;
            self.connection.execute(sql, &[&old.indexes, &old.keys]).await?;
        }
        Ok(())
    }

    async fn count_and_commit(&self, collection: i32, added: usize) -> Result<(), Error> {
        self.count_by(collection, i64::try_from(added).unwrap_or(i64::MAX)).await?;
        self.connection.commit().await
    }

    /// The last statement of a load, because loads of one collection wait for each other here.
    async fn count_by(&self, collection: i32, added: i64) -> Result<(), Error> {
        let (collections, added) = (vec![collection], vec![added]);
        let sql = &self.engine.statements.count_documents;
        self.connection.execute(sql, &[&collections, &added]).await.map(drop)
    }

    /// Writes the note. With the first one the catalogue moves on: writers of other processes
    /// read it again, and find that nothing can be written.
    async fn mark(&self, note: &str, is_first: bool) -> Result<(), Error> {
        self.connection.batch(&self.begin(Durable::Yes)).await?;
        if is_first {
            self.connection.query(&self.engine.statements.lock_clock, &[]).await?;
            self.connection.execute(&self.engine.transfer.move_catalogue, &[]).await?;
        }
        self.connection.execute(&self.engine.transfer.set_note, &[&note]).await?;
        self.connection.commit().await
    }

    /// Ends the load, unless unique values are not unique.
    async fn finish(&self, sequence: i64, next_id: i64) -> Result<Result<(), EngineError>, Error> {
        let (s, transfer) = (&self.engine.statements, &self.engine.transfer);
        let lock = self.connection.query(&s.lock_clock, &[]);
        let begin = self.begin(Durable::Yes);
        let (begun, locked) = join(self.connection.batch(&begin), lock).await;
        begun?;
        let locked = locked?;
        let clock = locked.first().ok_or_else(|| corrupted("the clock"))?;
        let sequence = column::<i64>(clock, 0)?.max(sequence);
        let next_id = column::<i64>(clock, 1)?.max(next_id).max(self.after_all_integers().await?);
        if let Err(refused) = self.check_unique().await? {
            self.connection.batch("ROLLBACK").await?;
            return Ok(Err(refused));
        }
        // Others may write again.
        let version = column::<i64>(clock, 3)? + 1;
        let clock: [&(dyn ToSql + Sync); 4] = [&sequence, &next_id, &sequence, &version];
        self.connection.execute(&s.set_clock, &clock).await?;
        let before = load_indexes(self.connection, s).await?.identity;
        let epoch = Identity::renewed(Some(before)).epoch.cast_signed();
        self.connection.execute(&transfer.begin_epoch, &[&epoch]).await?;
        self.connection.execute(&transfer.delete_all_changes, &[]).await?;
        self.connection.execute(&transfer.delete_note, &[]).await?;
        self.connection.commit().await?;
        Ok(Ok(()))
    }

    /// Whether every unique index is one.
    async fn check_unique(&self) -> Result<Result<(), EngineError>, Error> {
        let rows = self.connection.query(&self.engine.transfer.declared_indexes, &[]).await?;
        for row in &rows {
            let definition = IndexDefinition::parse(column(row, 1)?)
                .map_err(|_| corrupted("the definition of an index"))?;
            if !definition.is_unique() {
                continue;
            }
            let name =
                CollectionName::new(column(row, 2)?).map_err(|_| corrupted("a collection name"))?;
            let statements = &self.engine.statements;
            let found = duplicates(self.connection, statements, column(row, 0)?).await?;
            if let Err(refused) = found.refuse(&name, &definition) {
                return Ok(Err(refused));
            }
        }
        Ok(Ok(()))
    }

    /// The id after the largest integer id of all documents that the counter knows.
    async fn after_all_integers(&self) -> Result<i64, Error> {
        let rows = self.connection.query(&self.engine.transfer.largest_integers, &[]).await?;
        let Some(row) = rows.first() else { return Ok(1) };
        match id_of(column(row, 0)?)? {
            DocumentId::Integer(id) => Ok(id.saturating_add(1)),
            DocumentId::Text(_) => Err(Error::new(NativeKind::Unexpected, "not an integer id")),
        }
    }
}

/// A document that is there.
struct There {
    id: DocumentId,
    bytes: Vec<u8>,
    created_at: Timestamp,
    updated_at: Timestamp,
    body: String,
}

impl There {
    /// Of a row whose first column says which id it is, counted from 1.
    fn of(row: &Row, ids: &[Vec<u8>]) -> Result<Self, Error> {
        let at = usize::try_from(column::<i64>(row, 0)?).unwrap_or_default();
        let bytes = at.checked_sub(1).and_then(|at| ids.get(at));
        let bytes = bytes.ok_or_else(|| corrupted("the place of a row"))?.clone();
        let time = |at| column(row, at).map(|unix_us| Timestamp { unix_us });
        let (created_at, updated_at) = (time(2)?, time(3)?);
        Ok(Self { id: id_of(&bytes)?, bytes, created_at, updated_at, body: column(row, 4)? })
    }
}

fn upserts<'a>(collection: i32, documents: &'a [Document], ids: &'a [Vec<u8>]) -> Upserts<'a> {
    let ids = ids.iter().map(Vec::as_slice).collect::<Vec<_>>();
    Upserts {
        keys: Keys { collections: vec![collection; ids.len()], ids },
        revisions: documents
            .iter()
            .map(|document| revision_number(&document.revision).cast_signed())
            .collect(),
        created_at: documents.iter().map(|document| document.created_at.unix_us).collect(),
        updated_at: documents.iter().map(|document| document.updated_at.unix_us).collect(),
        bodies: documents.iter().map(|document| document.body.as_str()).collect(),
    }
}

/// Documents in parts that fit one statement.
fn parts(documents: &[Document]) -> impl Iterator<Item = &[Document]> {
    let mut rest = documents;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fits = rest.iter().take(REPLACE_DOCUMENTS_MAX).take_while(|document| {
            bytes += document.body.len();
            bytes <= REPLACE_BYTES_MAX
        });
        // A document that is too large for its company goes alone.
        let count = fits.count().max(1).min(rest.len());
        let (part, others) = rest.split_at(count);
        rest = others;
        (!part.is_empty()).then_some(part)
    })
}
