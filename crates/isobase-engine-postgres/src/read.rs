//! Reads: one document, listings, counts.

use std::sync::Arc;

use futures_util::future::try_join_all;
use isobase_engine::{
    CollectionInfo, Cutoff, EngineError, ErrorKind, IndexDefinition, ListRequest, Listing,
    listing::{
        CountRun, CountStep, FETCH_BYTES_MAX, Fetch, Fetched, KeyRange, ListRun, Range,
        Row as FoundRow, SORT_BYTES_MAX, SORT_DOCUMENTS_MAX, Step,
    },
};
use isobase_postgres::{Connection, Error, ErrorKind as NativeKind, Row, ToSql, within};
use isobase_types::{CollectionName, Document, DocumentId, Filter, key};
use tokio::time::Instant;

use crate::{
    PostgresEngine,
    catalogue::IndexCatalogue,
    codec::{ENTRY_KEYS, column, document, id_bounds, id_bytes, id_of},
    error::{corrupted, engine_error},
    sql::Statements,
};

/// Entries looked at together when they are counted one by one.
const COUNT_ROWS: u32 = 1_000;

impl PostgresEngine {
    pub(crate) fn read_deadline(&self) -> Instant {
        Instant::now() + self.options.read_timeout
    }

    pub(crate) async fn get_document(
        &self,
        collection: &CollectionName,
        id: &DocumentId,
    ) -> Result<Option<Document>, EngineError> {
        let deadline = self.read_deadline();
        let lane = self.lanes.connection(deadline).await.map_err(engine_error)?;
        let Some(number) = self.collection_id(&lane, collection, deadline).await? else {
            return Ok(None);
        };
        let key = id_bytes(id);
        let read = async {
            let rows = lane.query(&self.statements.get, &[&number, &key]).await?;
            rows.first().map(|row| document(id.clone(), row, 0)).transpose()
        };
        let found = self.on_lane(deadline, "reading a document", read).await?;
        let cutoff = self.cutoff(collection);
        Ok(found.filter(|found| !Cutoff::has_passed(cutoff, found.updated_at)))
    }

    pub(crate) async fn list_documents(
        &self,
        collection: &CollectionName,
        request: &ListRequest,
    ) -> Result<Listing, EngineError> {
        let deadline = self.read_deadline();
        self.on_pool(deadline, "a listing", async |connection| {
            let Some(reading) = self.reading(connection, collection, deadline).await? else {
                return Ok(Listing::default());
            };
            let run = ListRun::new(request, &reading.indexes.ready(reading.collection));
            let mut run = run.living(reading.cutoff);
            loop {
                match run.step()? {
                    Step::Done(listing) => return Ok(listing),
                    Step::Fetch(parts) => {
                        let fetched = parts.iter().map(|part| reading.fetch(part));
                        run.feed(try_join_all(fetched).await.map_err(engine_error)?);
                    }
                }
            }
        })
        .await
    }

    pub(crate) async fn count_documents(
        &self,
        collection: &CollectionName,
        filter: &Filter,
        scan_max: u64,
    ) -> Result<u64, EngineError> {
        let deadline = self.read_deadline();
        self.on_pool(deadline, "a count", async |connection| {
            let Some(reading) = self.reading(connection, collection, deadline).await? else {
                return Ok(0);
            };
            let ready = reading.indexes.ready(reading.collection);
            let mut run = CountRun::new(filter, &ready, scan_max).living(reading.cutoff);
            loop {
                match run.step()? {
                    CountStep::Done(count) => return Ok(count),
                    CountStep::CountCollection => {
                        run.feed_count(reading.count_collection().await.map_err(engine_error)?);
                    }
                    CountStep::CountEntries(ranges) => {
                        let counts = ranges.iter().map(|range| reading.count_entries(range));
                        let counts = try_join_all(counts).await.map_err(engine_error)?;
                        run.feed_count(counts.iter().sum());
                    }
                    CountStep::Fetch(part) => {
                        run.feed(&reading.fetch(&part).await.map_err(engine_error)?);
                    }
                }
            }
        })
        .await
    }

    pub(crate) async fn list_collections(&self) -> Result<Vec<CollectionInfo>, EngineError> {
        let deadline = self.read_deadline();
        self.on_pool(deadline, "listing collections", async |connection| {
            let rows = connection.query(&self.statements.collections, &[]).await;
            let infos: Result<Vec<CollectionInfo>, Error> =
                rows.map_err(engine_error)?.iter().map(collection_info).collect();
            let mut infos = infos.map_err(engine_error)?;
            for info in infos.iter_mut().filter(|info| self.cutoff(&info.name).is_some()) {
                let reading = self.reading(connection, &info.name, deadline).await?;
                if let Some(reading) = reading {
                    info.documents = reading.count_collection().await.map_err(engine_error)?;
                }
            }
            infos.retain(|info| info.documents > 0);
            Ok(infos)
        })
        .await
    }

    /// Which documents of a collection have expired by now.
    fn cutoff(&self, collection: &CollectionName) -> Option<Cutoff> {
        self.catalogue.terms.cutoff(collection, || self.time.now())
    }

    /// Documents that have expired and are stored still, the oldest first.
    pub(crate) async fn expired_documents(
        &self,
        name: &CollectionName,
        cutoff: Cutoff,
        limit: u32,
    ) -> Result<Vec<Document>, EngineError> {
        let deadline = self.read_deadline();
        self.on_pool(deadline, "looking for expired documents", async |connection| {
            let Some(reading) = self.reading(connection, name, deadline).await? else {
                return Ok(Vec::new());
            };
            let Some(index) = reading.indexes.by_age(reading.collection) else {
                return Ok(Vec::new());
            };
            let keys = KeyRange { lower: Vec::new(), upper: Some(cutoff.upper_key()) };
            let range = Range::Index { index: i64::from(index), keys };
            let part = Fetch { range, reverse: false, limit };
            let fetched = reading.fetch(&part).await.map_err(engine_error)?;
            Ok(fetched.rows.into_iter().map(|row| row.document).collect())
        })
        .await
    }

    pub(crate) async fn list_indexed_collections(
        &self,
    ) -> Result<Vec<CollectionName>, EngineError> {
        let deadline = self.read_deadline();
        self.on_pool(deadline, "listing indexed collections", async |connection| {
            let rows = connection.query(&self.statements.indexed_collections, &[]).await;
            let names: Result<_, Error> =
                rows.map_err(engine_error)?.iter().map(collection_name).collect();
            names.map_err(engine_error)
        })
        .await
    }

    /// The number of a collection; `None` if there is none.
    pub(crate) async fn collection_id(
        &self,
        connection: &Connection,
        name: &CollectionName,
        deadline: Instant,
    ) -> Result<Option<i32>, EngineError> {
        if let Some(id) = self.catalogue.collection(name) {
            return Ok(Some(id));
        }
        let look_up = async {
            let names = vec![name.as_str()];
            let rows = connection.query(&self.statements.collection_ids, &[&names]).await?;
            let id = rows.first().map(|row| column::<i32>(row, 0)).transpose()?;
            if let Some(id) = id {
                self.catalogue.learn(name.clone(), id);
            }
            Ok(id)
        };
        self.on_lane(deadline, "looking a collection up", look_up).await
    }

    pub(crate) async fn fresh_indexes(
        &self,
        connection: &Connection,
        deadline: Instant,
    ) -> Result<Arc<IndexCatalogue>, EngineError> {
        let fresh = self.catalogue.fresh_indexes(connection, &self.statements);
        self.on_lane(deadline, "reading indexes", fresh).await
    }

    async fn reading<'a>(
        &'a self,
        connection: &'a Connection,
        name: &CollectionName,
        deadline: Instant,
    ) -> Result<Option<Reading<'a>>, EngineError> {
        let Some(collection) = self.collection_id(connection, name, deadline).await? else {
            return Ok(None);
        };
        let indexes = self.fresh_indexes(connection, deadline).await?;
        let cutoff = self.cutoff(name);
        Ok(Some(Reading { connection, statements: &self.statements, collection, indexes, cutoff }))
    }

    /// Waits for an answer on a shared connection. One that does not come costs everybody's
    /// connection: what else was asked on it would not be answered either.
    pub(crate) async fn on_lane<T>(
        &self,
        deadline: Instant,
        what: &str,
        answer: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, EngineError> {
        let answer = within(deadline, what, answer).await;
        if answer.as_ref().is_err_and(is_overdue) {
            self.distrust_connections();
        }
        answer.map_err(engine_error)
    }

    /// Asks on a connection of the pool. It is given back only when all was answered.
    async fn on_pool<T>(
        &self,
        deadline: Instant,
        what: &str,
        ask: impl AsyncFnOnce(&Connection) -> Result<T, EngineError>,
    ) -> Result<T, EngineError> {
        let lease = self.pool.lease(deadline).await.map_err(engine_error)?;
        match tokio::time::timeout_at(deadline, ask(&lease)).await {
            Ok(Ok(answer)) => {
                lease.finish();
                Ok(answer)
            }
            // It comes from between two steps, when nothing is under way.
            Ok(Err(error)) if error.kind == ErrorKind::LimitExceeded => {
                lease.finish();
                Err(error)
            }
            // Other questions of the same step may still be under way: the lease ends here.
            Ok(Err(error)) => Err(error),
            Err(_) => {
                self.distrust_connections();
                let message = format!("{what} took longer than its deadline");
                Err(engine_error(Error::new(NativeKind::TimedOut, message)))
            }
        }
    }

    /// Gives up all connections for reading.
    fn distrust_connections(&self) {
        self.lanes.distrust();
        self.pool.distrust();
    }
}

/// Whether nothing came back at all; a statement that the server itself stopped has a code.
fn is_overdue(error: &Error) -> bool {
    error.kind == NativeKind::TimedOut && error.code.is_none()
}

fn collection_name(row: &Row) -> Result<CollectionName, Error> {
    CollectionName::new(column(row, 0)?).map_err(|_| corrupted("a collection name"))
}

fn collection_info(row: &Row) -> Result<CollectionInfo, Error> {
    let name = collection_name(row)?;
    Ok(CollectionInfo { name, documents: column::<i64>(row, 1)?.unsigned_abs() })
}

/// The means by which a listing or count reads.
struct Reading<'a> {
    connection: &'a Connection,
    statements: &'a Statements,
    collection: i32,
    indexes: Arc<IndexCatalogue>,
    cutoff: Option<Cutoff>,
}

impl Reading<'_> {
    async fn fetch(&self, part: &Fetch) -> Result<Fetched, Error> {
        let limit = i64::from(part.limit);
        let bytes_max = i64::try_from(FETCH_BYTES_MAX).unwrap_or(i64::MAX);
        let s = self.statements;
        let rows: Vec<FoundRow> = match &part.range {
            Range::Ids(range) => {
                let (lower, upper) = id_bounds(range);
                let sql = if part.reverse { &s.ids_backward } else { &s.ids_forward };
                let parameters: [&(dyn ToSql + Sync); 5] =
                    [&self.collection, &lower, &upper, &limit, &bytes_max];
                let rows = self.connection.query(sql, &parameters).await?;
                rows.iter().map(|row| found(row, None)).collect::<Result<_, _>>()?
            }
            Range::Index { index, keys } => return self.fetch_entries(*index, keys, part).await,
        };
        let exhausted = is_end(&rows, part);
        Ok(Fetched { rows, exhausted })
    }

    async fn fetch_entries(
        &self,
        index: i64,
        keys: &KeyRange,
        part: &Fetch,
    ) -> Result<Fetched, Error> {
        let (lower, upper) = ENTRY_KEYS.range(&keys.lower, keys.upper.as_deref());
        let mut rows = self.entries(index, &lower, upper.as_deref(), part).await?;
        let exhausted = is_end(&rows, part);
        let last = rows.last().map(|row| row.key.clone());
        let has_group = rows.iter().any(|row| ENTRY_KEYS.group(&row.key).is_some());
        if let Some(last) = last.filter(|_| !exhausted)
            && let Some(group) = ENTRY_KEYS.group(&last)
        {
            rows.extend(self.rest_of_group(index, group, &last, part).await?);
        }
        if has_group {
            let definition = self.definition_of(index)?;
            for row in &mut rows {
                row.key = definition.key((&row.document).into());
            }
            rows.retain(|row| {
                row.key >= keys.lower && keys.upper.as_ref().is_none_or(|upper| row.key < *upper)
            });
            rows.sort_unstable_by(|a, b| match part.reverse {
                false => a.key.cmp(&b.key),
                true => b.key.cmp(&a.key),
            });
        }
        Ok(Fetched { rows, exhausted })
    }

    /// What a group of keys in no order has beyond one of them. An engine that cannot sort all of
    /// it cannot give a part of it.
    async fn rest_of_group(
        &self,
        index: i64,
        group: &[u8],
        last: &[u8],
        part: &Fetch,
    ) -> Result<Vec<FoundRow>, Error> {
        let (mut lower, mut upper) = match part.reverse {
            false => ([last, &[0]].concat(), key::successor(group.to_vec())),
            true => (group.to_vec(), Some(last.to_vec())),
        };
        let mut rest: Vec<FoundRow> = Vec::new();
        let mut bytes = 0;
        loop {
            let rows = self.entries(index, &lower, upper.as_deref(), part).await?;
            let exhausted = is_end(&rows, part);
            if let Some(last) = rows.last() {
                match part.reverse {
                    false => lower = [last.key.as_slice(), &[0]].concat(),
                    true => upper = Some(last.key.clone()),
                }
            }
            bytes += rows.iter().map(|row| row.document.body.len()).sum::<usize>();
            rest.extend(rows);
            if exhausted {
                return Ok(rest);
            }
            if bytes > SORT_BYTES_MAX || rest.len() as u64 > SORT_DOCUMENTS_MAX {
                let message = "too many documents have values or ids in an index that begin with \
                               the same 2,500 bytes: they cannot be put in order";
                return Err(Error::new(NativeKind::Unexpected, message));
            }
        }
    }

    async fn entries(
        &self,
        index: i64,
        lower: &[u8],
        upper: Option<&[u8]>,
        part: &Fetch,
    ) -> Result<Vec<FoundRow>, Error> {
        let limit = i64::from(part.limit);
        let bytes_max = i64::try_from(FETCH_BYTES_MAX).unwrap_or(i64::MAX);
        let (s, index) = (self.statements, index_number(index)?);
        let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&index, &lower, &limit, &bytes_max];
        let sql = match (&upper, part.reverse) {
            (Some(_), false) => &s.entries_forward,
            (Some(_), true) => &s.entries_backward,
            (None, false) => &s.entries_forward_to_end,
            (None, true) => &s.entries_backward_from_end,
        };
        if let Some(upper) = &upper {
            parameters.push(upper);
        }
        let rows = self.connection.query(sql, &parameters).await?;
        rows.iter().map(|row| found(row, Some(0))).collect()
    }

    /// The order of an index.
    fn definition_of(&self, index: i64) -> Result<&IndexDefinition, Error> {
        let mut declared = self.indexes.maintained(self.collection);
        let found = declared.find(|row| i64::from(row.id) == index);
        let unknown = || Error::new(NativeKind::Unexpected, "no index has this number");
        found.map(|row| &row.definition).ok_or_else(unknown)
    }

    /// Where stored keys do not tell whether they are in a range.
    async fn count_one_by_one(&self, index: i64, keys: &KeyRange) -> Result<u64, Error> {
        let mut range = Range::Index { index, keys: keys.clone() };
        let mut count = 0;
        loop {
            let part = Fetch { range: range.clone(), reverse: false, limit: COUNT_ROWS };
            let fetched = self.fetch(&part).await?;
            count += fetched.rows.len() as u64;
            let Some(last) = fetched.rows.last().filter(|_| !fetched.exhausted) else {
                return Ok(count);
            };
            if let Range::Index { keys, .. } = &mut range {
                keys.lower = [last.key.as_slice(), &[0]].concat();
            }
        }
    }

    async fn count_collection(&self) -> Result<u64, Error> {
        let s = self.statements;
        let rows = match self.cutoff.zip(self.indexes.by_age(self.collection)) {
            None => self.connection.query(&s.count_collection, &[&self.collection]).await?,
            Some((cutoff, index)) => {
                let upper = cutoff.upper_key();
                let parameters: [&(dyn ToSql + Sync); 3] = [&self.collection, &index, &upper];
                self.connection.query(&s.count_living, &parameters).await?
            }
        };
        rows.first().map_or(Ok(0), |row| Ok(column::<i64>(row, 0)?.unsigned_abs()))
    }

    async fn count_entries(&self, range: &Range) -> Result<u64, Error> {
        let Range::Index { index, keys } = range else {
            return Err(Error::new(NativeKind::Unexpected, "only index entries are counted"));
        };
        if !ENTRY_KEYS.is_exact(&keys.lower, keys.upper.as_deref()) {
            return self.count_one_by_one(*index, keys).await;
        }
        let (s, index) = (self.statements, index_number(*index)?);
        let rows = match &keys.upper {
            Some(upper) => {
                let parameters: [&(dyn ToSql + Sync); 3] = [&index, &keys.lower, upper];
                self.connection.query(&s.count_entries, &parameters).await?
            }
            None => self.connection.query(&s.count_entries_to_end, &[&index, &keys.lower]).await?,
        };
        rows.first().map_or(Ok(0), |row| Ok(column::<i64>(row, 0)?.unsigned_abs()))
    }
}

/// Whether a range has no more than these rows of it.
fn is_end(rows: &[FoundRow], part: &Fetch) -> bool {
    let bytes: usize = rows.iter().map(|row| row.document.body.len()).sum();
    rows.len() < part.limit as usize && bytes < FETCH_BYTES_MAX
}

/// A row with or without the key of an index entry before the columns of the document.
fn found(row: &Row, key_at: Option<usize>) -> Result<FoundRow, Error> {
    let (key, at) = match key_at {
        Some(at) => (column::<&[u8]>(row, at)?.to_vec(), at + 1),
        None => (Vec::new(), 0),
    };
    let id = id_of(column(row, at)?)?;
    Ok(FoundRow { key, document: document(id, row, at + 1)? })
}

fn index_number(index: i64) -> Result<i32, Error> {
    i32::try_from(index).map_err(|_| Error::new(NativeKind::Unexpected, "no such index number"))
}
