//! Filling and removing indexes.

use std::ops::Bound;

use isobase_engine::{
    IndexDefinition,
    listing::{Fetch, IdRange, Range, Row, index_key},
};
use isobase_sqlite::rusqlite::{self, Connection, params};
use isobase_types::{CollectionName, DocumentId};

use crate::{catalogue::Index, location::IdColumn, read};

/// Documents that one job puts into an index: about 0.1 s, for which other writes wait.
const FILL_DOCUMENTS: u32 = 16_384;
/// About what such a job keeps in memory.
pub(crate) const FILL_BYTES: usize = 4 << 20;

/// A step of filling an index.
#[derive(Clone, Debug)]
pub(crate) struct Fill {
    pub(crate) collection: CollectionName,
    pub(crate) index: i64,
    /// Documents up to this one are in the index.
    pub(crate) after: Option<DocumentId>,
}

pub(crate) fn insert(
    connection: &Connection,
    collection: i64,
    definition: &IndexDefinition,
) -> rusqlite::Result<i64> {
    connection
        .prepare_cached("INSERT INTO indexes (collection, definition) VALUES (?1, ?2)")?
        .execute(params![collection, definition.order().to_string()])?;
    Ok(connection.last_insert_rowid())
}

pub(crate) fn set_ready(connection: &Connection, index: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("UPDATE indexes SET ready = 1 WHERE id = ?1")?.execute([index])?;
    Ok(())
}

pub(crate) fn delete(connection: &Connection, index: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM indexes WHERE id = ?1")?.execute([index])?;
    Ok(())
}

pub(crate) fn delete_entries(connection: &Connection, index: i64) -> rusqlite::Result<()> {
    connection.prepare_cached("DELETE FROM index_entries WHERE index_id = ?1")?.execute([index])?;
    Ok(())
}

pub(crate) fn insert_entry(
    connection: &Connection,
    index: i64,
    key: &[u8],
    id: &DocumentId,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO index_entries (index_id, key, id) VALUES (?1, ?2, ?3)
             ON CONFLICT DO NOTHING",
        )?
        .execute(params![index, key, IdColumn(id)])?;
    Ok(())
}

pub(crate) fn delete_entry(
    connection: &Connection,
    index: i64,
    key: &[u8],
) -> rusqlite::Result<()> {
    connection
        .prepare_cached("DELETE FROM index_entries WHERE index_id = ?1 AND key = ?2")?
        .execute(params![index, key])?;
    Ok(())
}

/// Puts the next documents into an index; none when there are no more.
///
/// Writes keep the index up to date from the moment it is declared, so only documents that were
/// there before are missing, and one that was written since is in already.
pub(crate) fn fill(
    connection: &Connection,
    collection: i64,
    index: &Index,
    fill: &Fill,
) -> rusqlite::Result<Option<Fill>> {
    let lower = fill.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
    let range = Range::Ids(IdRange { lower, upper: Bound::Unbounded });
    let part = Fetch { range, reverse: false, limit: FILL_DOCUMENTS };
    let fetched = read::fetch(connection, collection, &part)?;
    let key = |row: &Row| index_key(&row.document.body, &row.document.id, index.definition.order());
    let mut entries: Vec<(Vec<u8>, &DocumentId)> =
        fetched.rows.iter().map(|row| (key(row), &row.document.id)).collect();
    // In the order of the tree neighbouring entries meet the same pages.
    entries.sort_unstable();
    for (key, id) in entries {
        insert_entry(connection, index.id, &key, id)?;
    }
    let last = fetched.rows.last().map(|row| row.document.id.clone());
    Ok(match (last, fetched.exhausted) {
        (Some(after), false) => Some(Fill { after: Some(after), ..fill.clone() }),
        _ => None,
    })
}
