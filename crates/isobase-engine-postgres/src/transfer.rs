//! Reading and loading everything.

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use isobase_engine::{
    BulkLoad, CollectionInfo, Counters, EngineError, NotRead, Snapshot, Snapshots, check_note,
    prepare_load,
};
use isobase_postgres::{Connection, Error, ErrorKind as NativeKind, Row, Rows, ToSql, within};
use isobase_types::{CollectionName, Document, DocumentId, Sequence};
use tokio::time::Instant;

use crate::{
    PostgresEngine,
    codec::{column, document, id_bytes, id_of},
    error::{corrupted, engine_error},
    schema::NAMES,
    sql::TransferStatements,
};

/// Parts that one question brings: the server works on while somebody looks at a part.
const PARTS_AHEAD: usize = 8;
/// Rows of a question, whatever their size: few first, because it is not known.
const ROWS_FIRST: i64 = 256;
const ROWS_MIN: usize = 8;
const ROWS_MAX: usize = 65_536;

/// The server holds the moment while we are there, however slow the reading, and notices within
/// two minutes when we are gone. Every read walks an index, whatever the planner believes.
const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL statement_timeout = 0; SET LOCAL idle_in_transaction_session_timeout = 0; \
     SET LOCAL tcp_keepalives_idle = 60; SET LOCAL tcp_keepalives_interval = 15; \
     SET LOCAL tcp_keepalives_count = 4; SET LOCAL jit = off; \
     SET LOCAL plan_cache_mode = force_generic_plan; SET LOCAL enable_seqscan = off; \
     SET LOCAL enable_bitmapscan = off";

/// A snapshot is one transaction on a connection of its own. While it is held the server keeps
/// the old versions of all rows that are written.
#[async_trait]
impl Snapshots for PostgresEngine {
    async fn snapshot(&self) -> Result<Box<dyn Snapshot>, EngineError> {
        let patience = self.options.long_write_timeout;
        let deadline = Instant::now() + patience;
        let opened = async {
            let connection = Connection::open(&self.options.config, deadline).await?;
            let transfer = Arc::clone(&self.transfer);
            let begun = PostgresSnapshot::begin(connection, transfer, patience);
            within(deadline, "beginning a snapshot", begun).await
        };
        let snapshot = opened.await.map_err(engine_error)?;
        Ok(Box::new(snapshot) as Box<dyn Snapshot>)
    }
}

struct PostgresSnapshot {
    /// The rest of the last question. Dropped before the connection.
    question: Option<Question>,
    connection: Connection,
    transfer: Arc<TransferStatements>,
    counters: Counters,
    infos: Vec<CollectionInfo>,
    ids: HashMap<CollectionName, i32>,
    /// Rows of the next question.
    rows_next: i64,
    /// For one part.
    patience: Duration,
}

/// A question for documents, and where its answer stands.
struct Question {
    collection: i32,
    rows: Rows,
    /// The id of the last row that came.
    last: Vec<u8>,
    asked_for: i64,
    came: i64,
}

impl PostgresSnapshot {
    async fn begin(
        connection: Connection,
        transfer: Arc<TransferStatements>,
        patience: Duration,
    ) -> Result<Self, Error> {
        connection.batch(BEGIN).await?;
        let rows = connection.query(&transfer.clock, &[]).await?;
        let clock = rows.first().ok_or_else(|| corrupted("the clock"))?;
        let counters = Counters {
            sequence: Sequence(column::<i64>(clock, 0)?.cast_unsigned()),
            last_id: column::<i64>(clock, 1)?.saturating_sub(1),
        };
        let rows = connection.query(&transfer.collections, &[]).await?;
        let (mut infos, mut ids) = (Vec::with_capacity(rows.len()), HashMap::new());
        for row in &rows {
            let name =
                CollectionName::new(column(row, 1)?).map_err(|_| corrupted("a collection name"))?;
            let documents = column::<i64>(row, 2)?.unsigned_abs();
            ids.insert(name.clone(), column(row, 0)?);
            infos.push(CollectionInfo { name, documents });
        }
        let (question, rows_next) = (None, ROWS_FIRST);
        Ok(Self { question, connection, transfer, counters, infos, ids, rows_next, patience })
    }

    /// The next documents of a collection. When it is dropped in the middle, the question is
    /// asked again.
    async fn part(
        &mut self,
        collection: i32,
        after: Vec<u8>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, Error> {
        let continued = self.question.take();
        let mut question = continued
            .filter(|question| question.collection == collection && question.last == after);
        let (mut after, mut documents, mut bytes) = (after, Vec::new(), 0);
        loop {
            let mut asked = match question.take() {
                Some(question) => question,
                None => self.ask(collection, after).await?,
            };
            while let Some(row) = asked.rows.next().await? {
                let document = asked.take(&row)?;
                bytes += document.body.len();
                documents.push(document);
                if bytes >= bytes_max {
                    self.rows_next = rows_for(bytes_max, documents.len(), bytes);
                    self.question = Some(asked);
                    return Ok(documents);
                }
            }
            if asked.came < asked.asked_for {
                return Ok(documents);
            }
            self.rows_next = rows_for(bytes_max, documents.len(), bytes);
            after = asked.last;
        }
    }

    async fn ask(&self, collection: i32, after: Vec<u8>) -> Result<Question, Error> {
        let asked_for = self.rows_next;
        let which: [&(dyn ToSql + Sync); 3] = [&collection, &after, &asked_for];
        let rows = self.connection.rows(&self.transfer.part, &which).await?;
        Ok(Question { collection, rows, last: after, asked_for, came: 0 })
    }
}

impl Question {
    fn take(&mut self, row: &Row) -> Result<Document, Error> {
        let id: &[u8] = column(row, 0)?;
        self.came += 1;
        self.last.clear();
        self.last.extend_from_slice(id);
        document(id_of(id)?, row, 1)
    }
}

/// Rows that make up the parts of one question, when so many rows had so many bytes.
fn rows_for(bytes_max: usize, rows: usize, bytes: usize) -> i64 {
    let bytes_wanted = bytes_max.saturating_mul(PARTS_AHEAD);
    let rows = bytes_wanted / (bytes / rows.max(1)).max(1);
    i64::try_from(rows.clamp(ROWS_MIN, ROWS_MAX)).unwrap_or(ROWS_FIRST)
}

#[async_trait]
impl Snapshot for PostgresSnapshot {
    fn is_of_one_moment(&self) -> bool {
        true
    }

    fn counters(&self) -> Counters {
        self.counters
    }

    async fn collections(&mut self) -> Result<Vec<CollectionInfo>, EngineError> {
        Ok(self.infos.clone())
    }

    async fn not_read(&mut self) -> Result<Vec<NotRead>, EngineError> {
        let deadline = Instant::now() + self.patience;
        let asked = self.connection.query(&self.transfer.relations, &[]);
        let found = within(deadline, "looking for other tables", asked).await;
        let found = found.and_then(|rows| rows.iter().map(|row| column(row, 0)).collect());
        let mut names: Vec<String> = found.map_err(engine_error)?;
        names.retain(|name| !NAMES.contains(&name.as_str()));
        Ok(names.into_iter().map(|name| NotRead::new(name, "another program's table")).collect())
    }

    async fn read(
        &mut self,
        collection: &CollectionName,
        after: Option<&DocumentId>,
        bytes_max: usize,
    ) -> Result<Vec<Document>, EngineError> {
        let Some(&collection) = self.ids.get(collection) else { return Ok(Vec::new()) };
        if self.connection.is_closed() {
            let message = "the snapshot has ended: its connection broke";
            return Err(engine_error(Error::new(NativeKind::Unavailable, message)));
        }
        let after = after.map(id_bytes).unwrap_or_default();
        let deadline = Instant::now() + self.patience;
        let part = within(deadline, "reading a snapshot", self.part(collection, after, bytes_max));
        let part = part.await;
        if part.is_err() {
            // The transaction is over, and with it the moment.
            self.connection.close();
        }
        part.map_err(engine_error)
    }
}

/// Loads run side by side, each in a transaction of its own.
#[async_trait]
impl BulkLoad for PostgresEngine {
    async fn unfinished(&self) -> Result<Option<String>, EngineError> {
        let deadline = self.read_deadline();
        let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
        let note = async {
            let rows = lane.query(&self.transfer.note, &[]).await?;
            rows.first().map(|row| column(row, 0)).transpose()
        };
        self.on_lane(deadline, "reading the note of a load", note).await
    }

    async fn mark(&self, note: &str) -> Result<(), EngineError> {
        check_note(note)?;
        self.mark_unfinished(note).await
    }

    async fn load(
        &self,
        collection: &CollectionName,
        documents: Vec<Document>,
    ) -> Result<(), EngineError> {
        let documents = prepare_load(self, collection, documents)?;
        self.load_documents(collection, &documents).await
    }

    async fn unload(
        &self,
        collection: &CollectionName,
        ids: &[DocumentId],
    ) -> Result<(), EngineError> {
        self.unload_documents(collection, ids).await
    }

    async fn finish(&self, counters: Counters) -> Result<(), EngineError> {
        self.finish_load(counters).await
    }

    fn leave(&self, note: &str) {
        self.catalogue.loading.leave(note);
    }
}
