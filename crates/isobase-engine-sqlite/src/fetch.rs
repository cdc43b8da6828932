//! Documents by their ids, and the rows that a listing or a count asks for.

use std::{borrow::Cow, ops::Bound};

use isobase_engine::listing::{
    FETCH_BYTES_MAX, Fetch, Fetched, IdRange, Indexed, KeyRange, Range, Row, Sieve,
};
use isobase_sqlite::rusqlite::{
    self, Connection, OptionalExtension, Rows, params, types::ValueRef,
};
use isobase_types::{Document, DocumentId, Revision, Timestamp};

use crate::location::{INTEGER_ID_MAX, IdColumn, Location, id_of_column, id_of_key, record_key};

/// Rows for which there is room from the start.
const ROWS_USUAL: usize = 128;

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

/// A part of a range.
pub(crate) fn fetch(
    connection: &Connection,
    collection: i64,
    part: &Fetch,
) -> rusqlite::Result<Fetched> {
    Ok(fill(connection, collection, part, Filling::new(part.limit))?.done())
}

pub(crate) fn fill<'s, 'r>(
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

/// First and last integer id of the range; `None` when it has no integers.
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
    pub(crate) lower: Cow<'a, DocumentId>,
    lower_included: bool,
    pub(crate) upper: Option<&'a DocumentId>,
    upper_included: bool,
}

/// The part of the range that is beyond the keys of records; `None` when it has none.
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
pub(crate) struct Filling<'s, 'r> {
    pub(crate) rows: Vec<Row>,
    /// Most rows that are looked at.
    pub(crate) limit: usize,
    looked_at: usize,
    bytes: usize,
    bytes_max: usize,
    /// A range ended because there was no room, not because it was read through.
    cut: bool,
    pub(crate) sieve: Option<&'s mut Sieve<'r>>,
    pub(crate) left_out: u64,
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

pub(crate) fn count_entries(connection: &Connection, ranges: &[Range]) -> rusqlite::Result<u64> {
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
pub(crate) fn upper(keys: &KeyRange) -> &[u8] {
    keys.upper.as_deref().unwrap_or(&[0xFF])
}

impl<'s, 'r> Filling<'s, 'r> {
    pub(crate) fn new(limit: u32) -> Self {
        let (limit, bytes_max) = (limit as usize, FETCH_BYTES_MAX);
        let (rows, sieve) = (Vec::with_capacity(limit.min(ROWS_USUAL)), None);
        Self { rows, limit, looked_at: 0, bytes: 0, bytes_max, cut: false, sieve, left_out: 0 }
    }

    /// Leaves out what a sieve does not admit, but for the last row.
    pub(crate) fn sifted(self, sieve: &'s mut Sieve<'r>) -> Self {
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

    pub(crate) fn push(&mut self, row: Row) {
        self.bytes += row.document.body.len();
        self.rows.push(row);
    }

    pub(crate) fn done(self) -> Fetched {
        Fetched { rows: self.rows, exhausted: !self.cut }
    }
}
