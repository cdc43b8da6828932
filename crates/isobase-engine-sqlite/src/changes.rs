//! Reading the change feed.

use isobase_engine::{ChangesPage, EngineError, ErrorKind};
use isobase_sqlite::{
    rusqlite::types::ValueRef,
    rusqlite::{self, Connection, params},
};
use isobase_types::{
    Change, ChangeKind, CollectionName, Kept, KeptText, Revision, Sequence, Timestamp,
};

use crate::{
    location::id_of_column,
    read::{Answer, at_one_moment, counter, identity},
};

/// Places of the feed that one request looks at when it asks for one collection.
const CHANGES_WINDOW: u64 = 100_000;

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
