//! Reading documents, ranges and changes.

use std::{borrow::Cow, ops::Bound};

use isobase_engine::{
    ChangesPage, Cutoff, EngineError, ErrorKind, Identity, ListRequest, Listing,
    listing::{
        CountRun, CountStep, FETCH_BYTES_MAX, Fetch, Fetched, IdRange, Indexed, KeyRange, ListRun,
        Range, ReadyIndex, Row, Sieve, Step,
    },
};
use isobase_sqlite::rusqlite::{
    self, Connection, OptionalExtension, Rows, params, types::ValueRef,
};
use isobase_types::{
    Change, ChangeKind, CollectionName, Document, DocumentId, Filter, Kept, KeptText, Revision,
    Sequence, Timestamp,
};

use crate::location::{INTEGER_ID_MAX, IdColumn, Location, id_of_column, id_of_key, record_key};

/// Rows for which there is room from the start.
const ROWS_USUAL: usize = 128;

/// Places of the feed that one request looks at when it asks for one collection.
const CHANGES_WINDOW: u64 = 100_000;

/// An answer that may fail for a reason of SQLite's or of ours.
pub(crate) type Answer<T> = rusqlite::Result<Result<T, EngineError>>;

/// The document with this id.
pub(crate) fn document(
    connection: &Connection,
    collection: i64,
    id: &DocumentId,
) -> rusqlite::Result<Option<Document>> {
    let from_row = |row: &rusqlite::Row<'_>| {
        Ok(Document {
            id: id.clone(),
            revision: Revision::from_number(row.get(0)?),
            created_at: Timestamp { unix_us: row.get(1)? },
            updated_at: Timestamp { unix_us: row.get(2)? },
            body: row.get(3)?,
        })
    };
    match Location::of(collection, id) {
        Location::Record(key) => connection
            .prepare_cached(
                "SELECT revision, created_at, updated_at, body FROM records WHERE key = ?1",
            )?
            .query_row([key], from_row)
            .optional(),
        Location::Named(collection, id) => connection
            .prepare_cached(
                "SELECT revision, created_at, updated_at, body FROM named_records
                 WHERE collection = ?1 AND id = ?2",
            )?
            .query_row(params![collection, id], from_row)
            .optional(),
    }
}

/// One page of a collection, seen at one moment.
pub(crate) fn list(
    connection: &Connection,
    collection: i64,
    indexes: &[ReadyIndex],
    request: &ListRequest,
    cutoff: Option<Cutoff>,
) -> Answer<Listing> {
    at_one_moment(connection, || {
        let indexes = still_there(connection, collection, indexes)?;
        let mut run = ListRun::new(request, &indexes).living(cutoff).at_one_moment();
        loop {
            match run.step() {
                Ok(Step::Fetch(parts)) => {
                    let (mut sieve, mut left_out) = (run.sieve(), 0);
                    let mut answers = Vec::with_capacity(parts.len());
                    for part in &parts {
                        let filling = Filling::new(part.limit).sifted(&mut sieve);
                        let filling = fill(connection, collection, part, filling)?;
                        left_out += filling.left_out;
                        answers.push(filling.done());
                    }
                    run.leave_out(left_out);
                    run.feed(answers);
                }
                Ok(Step::Done(listing)) => return Ok(Ok(listing)),
                Err(error) => return Ok(Err(error)),
            }
        }
    })
}

/// Runs several statements on one snapshot: of the transaction that is open, or of one of their own.
/// The statements that frame it are prepared once.
fn at_one_moment<T>(
    connection: &Connection,
    read: impl FnOnce() -> rusqlite::Result<T>,
) -> rusqlite::Result<T> {
    if !connection.is_autocommit() {
        return read();
    }
    connection.prepare_cached("BEGIN")?.execute([])?;
    let answer = read();
    connection.prepare_cached("COMMIT")?.execute([])?;
    answer
}

/// Documents that have expired, and the index that leads to them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expired {
    pub(crate) cutoff: Cutoff,
    pub(crate) index: i64,
}

/// How many documents meet the filter, seen at one moment.
pub(crate) fn count(
    connection: &Connection,
    collection: i64,
    indexes: &[ReadyIndex],
    expired: Option<Expired>,
    (filter, scan_max): (&Filter, u64),
) -> Answer<u64> {
    at_one_moment(connection, || {
        let indexes = still_there(connection, collection, indexes)?;
        let cutoff = expired.map(|expired| expired.cutoff);
        let mut run = CountRun::new(filter, &indexes, scan_max).living(cutoff);
        loop {
            match run.step() {
                Ok(CountStep::CountCollection) => {
                    run.feed_count(count_collection(connection, collection, expired)?);
                }
                Ok(CountStep::CountEntries(ranges)) => {
                    run.feed_count(count_entries(connection, &ranges)?);
                }
                Ok(CountStep::Fetch(part)) => run.feed(&fetch(connection, collection, &part)?),
                Ok(CountStep::Done(count)) => return Ok(Ok(count)),
                Err(error) => return Ok(Err(error)),
            }
        }
    })
}

/// The documents of a collection without those that have expired.
fn count_collection(
    snapshot: &Connection,
    collection: i64,
    expired: Option<Expired>,
) -> rusqlite::Result<u64> {
    let stored: u64 = snapshot
        .prepare_cached("SELECT documents FROM collections WHERE id = ?1")?
        .query_row([collection], |row| row.get(0))?;
    let expired = expired.map_or(Ok(0), |expired| count_expired(snapshot, expired))?;
    Ok(stored.saturating_sub(expired))
}

/// How many documents have expired and are stored still.
pub(crate) fn count_expired(connection: &Connection, expired: Expired) -> rusqlite::Result<u64> {
    count_entries(connection, &[expired_range(expired)])
}

/// Documents that have expired and are stored still, the oldest first.
pub(crate) fn expired_documents(
    connection: &Connection,
    collection: i64,
    expired: Expired,
    limit: u32,
) -> rusqlite::Result<Vec<Document>> {
    let part = Fetch { range: expired_range(expired), reverse: false, limit };
    let fetched = fetch(connection, collection, &part)?;
    Ok(fetched.rows.into_iter().map(|row| row.document).collect())
}

fn expired_range(expired: Expired) -> Range {
    let keys = KeyRange { lower: Vec::new(), upper: Some(expired.cutoff.upper_key()) };
    Range::Index { index: expired.index, keys }
}

/// The indexes that the snapshot has: one that was dropped since the catalogue was read has no
/// entries any more, and would answer that there are no documents.
fn still_there(
    snapshot: &Connection,
    collection: i64,
    indexes: &[ReadyIndex],
) -> rusqlite::Result<Vec<ReadyIndex>> {
    if indexes.is_empty() {
        return Ok(Vec::new());
    }
    let mut statement =
        snapshot.prepare_cached("SELECT id FROM indexes WHERE collection = ?1 AND ready = 1")?;
    let ids = statement.query_map([collection], |row| row.get(0))?;
    let ids = ids.collect::<rusqlite::Result<Vec<i64>>>()?;
    Ok(indexes.iter().filter(|index| ids.contains(&index.id)).cloned().collect())
}

/// A part of a range.
pub(crate) fn fetch(
    connection: &Connection,
    collection: i64,
    part: &Fetch,
) -> rusqlite::Result<Fetched> {
    Ok(fill(connection, collection, part, Filling::new(part.limit))?.done())
}

fn fill<'s, 'r>(
    connection: &Connection,
    collection: i64,
    part: &Fetch,
    mut filling: Filling<'s, 'r>,
) -> rusqlite::Result<Filling<'s, 'r>> {
    let (into, reverse) = (&mut filling, part.reverse);
    match &part.range {
        Range::Ids(range) => fetch_ids(connection, collection, range, reverse, into)?,
        Range::Index { index, keys } => {
            fetch_entries(connection, collection, (*index, keys), reverse, into)?;
        }
    }
    Ok(filling)
}

// --- by id -------------------------------------------------------------------------------------

/// Integers come before strings: a range of ids is a range of records and then one of named
/// records, and backwards the other way round.
fn fetch_ids(
    connection: &Connection,
    collection: i64,
    range: &IdRange,
    reverse: bool,
    filling: &mut Filling<'_, '_>,
) -> rusqlite::Result<()> {
    if reverse {
        fetch_named(connection, collection, range, true, filling)?;
        fetch_records(connection, collection, range, true, filling)
    } else {
        fetch_records(connection, collection, range, false, filling)?;
        fetch_named(connection, collection, range, false, filling)
    }
}

/// Documents in the order of their ids, after one of them, of about so many bytes together.
pub(crate) fn part(
    connection: &Connection,
    collection: i64,
    after: Option<DocumentId>,
    bytes_max: usize,
) -> rusqlite::Result<Vec<Document>> {
    let lower = after.map_or(Bound::Unbounded, Bound::Excluded);
    let range = IdRange { lower, upper: Bound::Unbounded };
    let mut filling = Filling { bytes_max: bytes_max.max(1), ..Filling::new(u32::MAX) };
    fetch_records(connection, collection, &range, false, &mut filling)?;
    fetch_named(connection, collection, &range, false, &mut filling)?;
    Ok(filling.rows.into_iter().map(|row| row.document).collect())
}

fn fetch_records(
    connection: &Connection,
    collection: i64,
    range: &IdRange,
    reverse: bool,
    filling: &mut Filling<'_, '_>,
) -> rusqlite::Result<()> {
    let Some((first, last)) = integer_bounds(range) else { return Ok(()) };
    if filling.is_full() {
        return Ok(());
    }
    let sql = if reverse {
        "SELECT key, revision, created_at, updated_at, body FROM records
         WHERE key BETWEEN ?1 AND ?2 ORDER BY key DESC"
    } else {
        "SELECT key, revision, created_at, updated_at, body FROM records
         WHERE key BETWEEN ?1 AND ?2 ORDER BY key"
    };
    let mut statement = connection.prepare_cached(sql)?;
    let rows = statement.query([record_key(collection, first), record_key(collection, last)])?;
    filling.fill(rows, |row| Ok(id_of_key(row.get(0)?)))
}

fn fetch_named(
    connection: &Connection,
    collection: i64,
    range: &IdRange,
    reverse: bool,
    filling: &mut Filling<'_, '_>,
) -> rusqlite::Result<()> {
    let Some(bounds) = named_bounds(range) else { return Ok(()) };
    if filling.is_full() {
        return Ok(());
    }
    let NamedBounds { lower, lower_included, upper, upper_included } = bounds;
    let (lower, upper) = (IdColumn(&lower), upper.map(IdColumn));
    let sql = match (upper.is_some(), reverse) {
        (false, false) => {
            "SELECT id, revision, created_at, updated_at, body FROM named_records
             WHERE collection = ?1 AND id >= ?2 AND (?3 OR id > ?2)
             ORDER BY id"
        }
        (false, true) => {
            "SELECT id, revision, created_at, updated_at, body FROM named_records
             WHERE collection = ?1 AND id >= ?2 AND (?3 OR id > ?2)
             ORDER BY id DESC"
        }
        (true, false) => {
            "SELECT id, revision, created_at, updated_at, body FROM named_records
             WHERE collection = ?1 AND id >= ?2 AND (?3 OR id > ?2)
               AND id <= ?4 AND (?5 OR id < ?4)
             ORDER BY id"
        }
        (true, true) => {
            "SELECT id, revision, created_at, updated_at, body FROM named_records
             WHERE collection = ?1 AND id >= ?2 AND (?3 OR id > ?2)
               AND id <= ?4 AND (?5 OR id < ?4)
             ORDER BY id DESC"
        }
    };
    let mut statement = connection.prepare_cached(sql)?;
    let rows = match upper {
        Some(upper) => {
            statement.query(params![collection, lower, lower_included, upper, upper_included])?
        }
        None => statement.query(params![collection, lower, lower_included])?,
    };
    filling.fill(rows, |row| Ok(id_of_column(row.get_ref(0)?)?))
}

/// First and last integer id of the range; none when it has no integers.
fn integer_bounds(range: &IdRange) -> Option<(i64, i64)> {
    let first = match &range.lower {
        Bound::Unbounded => 0,
        Bound::Included(DocumentId::Integer(id)) => *id,
        Bound::Excluded(DocumentId::Integer(id)) => id.checked_add(1)?,
        Bound::Included(DocumentId::Text(_)) | Bound::Excluded(DocumentId::Text(_)) => return None,
    };
    let last = match &range.upper {
        Bound::Included(DocumentId::Integer(id)) => *id,
        Bound::Excluded(DocumentId::Integer(id)) => id.checked_sub(1)?,
        _ => INTEGER_ID_MAX,
    };
    let (first, last) = (first.max(0), last.min(INTEGER_ID_MAX));
    (first <= last).then_some((first, last))
}

struct NamedBounds<'a> {
    lower: Cow<'a, DocumentId>,
    lower_included: bool,
    upper: Option<&'a DocumentId>,
    upper_included: bool,
}

/// The part of the range that is beyond the keys of records; none when it has none.
fn named_bounds(range: &IdRange) -> Option<NamedBounds<'_>> {
    let beyond_keys = DocumentId::Integer(INTEGER_ID_MAX);
    let (lower, lower_included) = match &range.lower {
        Bound::Included(id) if *id > beyond_keys => (Cow::Borrowed(id), true),
        Bound::Excluded(id) if *id > beyond_keys => (Cow::Borrowed(id), false),
        _ => (Cow::Owned(beyond_keys.clone()), false),
    };
    let (upper, upper_included) = match &range.upper {
        Bound::Unbounded => (None, true),
        Bound::Included(id) | Bound::Excluded(id) if *id <= beyond_keys => return None,
        Bound::Included(id) => (Some(id), true),
        Bound::Excluded(id) => (Some(id), false),
    };
    Some(NamedBounds { lower, lower_included, upper, upper_included })
}

/// Rows collected until there are enough of them.
struct Filling<'s, 'r> {
    rows: Vec<Row>,
    /// Most rows that are looked at.
    limit: usize,
    looked_at: usize,
    bytes: usize,
    bytes_max: usize,
    /// A range ended because there was no room, not because it was read through.
    cut: bool,
    sieve: Option<&'s mut Sieve<'r>>,
    left_out: u64,
}

impl<'s, 'r> Filling<'s, 'r> {
    fn new(limit: u32) -> Self {
        let (limit, bytes_max) = (limit as usize, FETCH_BYTES_MAX);
        let (rows, sieve) = (Vec::with_capacity(limit.min(ROWS_USUAL)), None);
        Self { rows, limit, looked_at: 0, bytes: 0, bytes_max, cut: false, sieve, left_out: 0 }
    }

    /// Leaves out what a sieve does not admit, but for the last row.
    fn sifted(self, sieve: &'s mut Sieve<'r>) -> Self {
        Self { sieve: Some(sieve), ..self }
    }

    fn is_full(&mut self) -> bool {
        let full = self.looked_at >= self.limit || self.bytes >= self.bytes_max;
        self.cut |= full;
        full
    }

    fn fill(
        &mut self,
        mut rows: Rows<'_>,
        id: impl Fn(&rusqlite::Row<'_>) -> rusqlite::Result<DocumentId>,
    ) -> rusqlite::Result<()> {
        while !self.is_full() {
            let Some(row) = rows.next()? else { return Ok(()) };
            let id = id(row)?;
            if self.wants(&id, row, 1)? {
                let document = document_of_row(id, row, 1)?;
                self.push(Row { key: Vec::new(), document });
            }
        }
        Ok(())
    }

    /// Looks at a row whose columns from `first` on are those of a document: whether it goes in.
    fn wants(
        &mut self,
        id: &DocumentId,
        row: &rusqlite::Row<'_>,
        first: usize,
    ) -> rusqlite::Result<bool> {
        self.looked_at += 1;
        let Some(sieve) = self.sieve.as_mut().filter(|_| self.looked_at < self.limit) else {
            return Ok(true);
        };
        let body = row.get_ref(first + 3)?.as_str()?;
        let created_at = Timestamp { unix_us: row.get(first + 1)? };
        let updated_at = Timestamp { unix_us: row.get(first + 2)? };
        let admitted = sieve.admits(Indexed { body, id, created_at, updated_at });
        self.left_out += u64::from(!admitted);
        Ok(admitted)
    }

    fn push(&mut self, row: Row) {
        self.bytes += row.document.body.len();
        self.rows.push(row);
    }

    fn done(self) -> Fetched {
        Fetched { rows: self.rows, exhausted: !self.cut }
    }
}

/// A document from four columns: revision, both times, body.
fn document_of_row(
    id: DocumentId,
    row: &rusqlite::Row<'_>,
    first: usize,
) -> rusqlite::Result<Document> {
    Ok(Document {
        id,
        revision: Revision::from_number(row.get(first)?),
        created_at: Timestamp { unix_us: row.get(first + 1)? },
        updated_at: Timestamp { unix_us: row.get(first + 2)? },
        body: row.get(first + 3)?,
    })
}

// --- by index ----------------------------------------------------------------------------------

fn fetch_entries(
    connection: &Connection,
    collection: i64,
    (index, keys): (i64, &KeyRange),
    reverse: bool,
    filling: &mut Filling<'_, '_>,
) -> rusqlite::Result<()> {
    let sql = if reverse {
        "SELECT e.key, e.id, r.revision, r.created_at, r.updated_at, r.body
         FROM index_entries e LEFT JOIN records r
           ON r.key = CASE WHEN typeof(e.id) = 'integer' AND e.id < 1 << 40 THEN ?4 + e.id END
         WHERE e.index_id = ?1 AND e.key >= ?2 AND e.key < ?3 ORDER BY e.key DESC"
    } else {
        "SELECT e.key, e.id, r.revision, r.created_at, r.updated_at, r.body
         FROM index_entries e LEFT JOIN records r
           ON r.key = CASE WHEN typeof(e.id) = 'integer' AND e.id < 1 << 40 THEN ?4 + e.id END
         WHERE e.index_id = ?1 AND e.key >= ?2 AND e.key < ?3 ORDER BY e.key"
    };
    let mut statement = connection.prepare_cached(sql)?;
    let base = record_key(collection, 0);
    let mut rows = statement.query(params![index, keys.lower, upper(keys), base])?;
    while !filling.is_full() {
        let Some(row) = rows.next()? else { break };
        let id = id_of_column(row.get_ref(1)?)?;
        let found = match row.get_ref(5)? {
            ValueRef::Null => {
                filling.looked_at += 1;
                document(connection, collection, &id)?
            }
            _ if !filling.wants(&id, row, 2)? => continue,
            _ => Some(document_of_row(id, row, 2)?),
        };
        // An entry without its document cannot be: both are written in one transaction.
        let document = found.ok_or(rusqlite::Error::QueryReturnedNoRows)?;
        filling.push(Row { key: row.get(0)?, document });
    }
    Ok(())
}

fn count_entries(connection: &Connection, ranges: &[Range]) -> rusqlite::Result<u64> {
    let mut statement = connection.prepare_cached(
        "SELECT count(*) FROM index_entries WHERE index_id = ?1 AND key >= ?2 AND key < ?3",
    )?;
    let mut total = 0;
    for range in ranges {
        if let Range::Index { index, keys } = range {
            let count: u64 =
                statement.query_row(params![index, keys.lower, upper(keys)], |row| row.get(0))?;
            total += count;
        }
    }
    Ok(total)
}

/// No key begins with FF: the first byte of a key is a small number or its complement.
fn upper(keys: &KeyRange) -> &[u8] {
    keys.upper.as_deref().unwrap_or(&[0xFF])
}

// --- the change feed ---------------------------------------------------------------------------

/// Changes after a place, of all collections or of one.
pub(crate) fn changes(
    connection: &Connection,
    since: Sequence,
    collection: Option<i64>,
    limit: u32,
    bodies: bool,
) -> Answer<ChangesPage> {
    at_one_moment(connection, || changes_of_snapshot(connection, since, collection, limit, bodies))
}

fn changes_of_snapshot(
    connection: &Connection,
    since: Sequence,
    collection: Option<i64>,
    limit: u32,
    bodies: bool,
) -> Answer<ChangesPage> {
    let identity = identity(connection)?;
    let floor = counter(connection, "changes_floor")?;
    let last = counter(connection, "sequence")?;
    if since.0 < floor {
        return Ok(Err(EngineError::new(
            ErrorKind::ChangesGone { oldest: Sequence(floor) },
            format!("changes after {since} are no longer kept"),
        )));
    }
    // SQLite's integers have a sign; nothing lies beyond the last write anyway.
    let start = since.0.min(last);
    let end = match collection {
        Some(_) => last.min(start.saturating_add(CHANGES_WINDOW)),
        None => last,
    };
    let mut statement = connection.prepare_cached(
        "SELECT h.sequence, c.name, h.id, h.kind, h.at, h.former,
                CASE WHEN NOT ?5 OR h.body <> '' THEN h.body
                ELSE (SELECT b.body FROM change_bodies b WHERE b.sequence = h.sequence) END
         FROM changes h JOIN collections c ON c.id = h.collection
         WHERE h.sequence > ?1 AND h.sequence <= ?2 AND (?3 IS NULL OR h.collection = ?3)
         ORDER BY h.sequence LIMIT ?4",
    )?;
    let mut rows =
        statement.query(params![start, end, collection, u64::from(limit) + 1, bodies])?;
    let mut changes = Vec::new();
    while let Some(row) = rows.next()? {
        if changes.len() as u64 == u64::from(limit) {
            let next = changes.last().map_or(since, |change: &Change| change.sequence);
            return Ok(Ok(ChangesPage { changes, next, more: true, identity }));
        }
        match change_of_row(row, bodies)? {
            Some(change) => changes.push(change),
            None => return Ok(Err(unreadable_change())),
        }
    }
    let next = Sequence(end.max(since.0));
    Ok(Ok(ChangesPage { changes, next, more: end < last, identity }))
}

fn change_of_row(row: &rusqlite::Row<'_>, bodies: bool) -> rusqlite::Result<Option<Change>> {
    let number: u64 = row.get(0)?;
    let id = match row.get_ref(2)? {
        ValueRef::Null => None,
        value => Some(id_of_column(value)?),
    };
    let collection = CollectionName::new(row.get_ref(1)?.as_str()?);
    let (Some(kind), Ok(collection)) = (ChangeKind::from_code(row.get(3)?), collection) else {
        return Ok(None);
    };
    let keeps_document = matches!(kind, ChangeKind::Created | ChangeKind::Updated);
    Ok(Some(Change {
        sequence: Sequence(number),
        collection,
        id,
        kind,
        revision: keeps_document.then(|| Revision::from_number(number)),
        at: Timestamp { unix_us: row.get(4)? },
        kept: Kept {
            former: KeptText::of_stored(row.get::<_, Option<Box<str>>>(5)?),
            body: match row.get_ref(6)? {
                ValueRef::Null => KeptText::None,
                _ if !bodies => KeptText::Omitted,
                _ => KeptText::of_stored(row.get::<_, Option<Box<str>>>(6)?),
            },
        },
    }))
}

fn unreadable_change() -> EngineError {
    EngineError::new(ErrorKind::Corrupted, "the change feed holds an entry that cannot be read")
}

/// The value of a counter.
pub(crate) fn counter(connection: &Connection, name: &str) -> rusqlite::Result<u64> {
    connection
        .prepare_cached("SELECT value FROM counters WHERE name = ?1")?
        .query_row([name], |row| row.get(0))
}

/// Which database and which epoch it is.
pub(crate) fn identity(connection: &Connection) -> rusqlite::Result<Identity> {
    connection
        .prepare_cached(
            "SELECT d.value, e.value FROM counters AS d, counters AS e
             WHERE d.name = 'database' AND e.name = 'epoch'",
        )?
        .query_row([], |row| Ok(Identity { database: row.get(0)?, epoch: row.get(1)? }))
}

/// The note of a load that was begun and not finished.
pub(crate) fn unfinished(connection: &Connection) -> rusqlite::Result<Option<String>> {
    connection.query_row("SELECT note FROM unfinished", [], |row| row.get(0)).optional()
}
