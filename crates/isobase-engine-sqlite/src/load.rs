//! The statements of a load.

use isobase_engine::{Indexed, revision_number};
use isobase_sqlite::rusqlite::{self, Connection, params};
use isobase_types::{Document, DocumentId};

use crate::{
    catalogue::Index,
    fetch,
    indexes::{insert_entries, move_entry},
    location::{IdColumn, Location},
};

/// Marks the file as unfinished.
pub(crate) fn mark(connection: &Connection, note: &str) -> rusqlite::Result<()> {
    connection.execute("REPLACE INTO unfinished (only_row, note) VALUES (1, ?1)", [note])?;
    Ok(())
}

/// Stores documents as they are, with their entries in indexes; says how many are new. They come
/// in the order of their ids, each once.
pub(crate) fn store(
    connection: &Connection,
    collection: i64,
    indexes: &[Index],
    documents: &[Document],
) -> rusqlite::Result<u64> {
    // Records come first: every integer that does not fit a key is larger than those that do.
    let is_record =
        |document: &Document| matches!(Location::of(collection, &document.id), Location::Record(_));
    let (records, named) = documents.split_at(documents.partition_point(is_record));
    let added = store_part(connection, collection, indexes, records)?;
    Ok(added + store_part(connection, collection, indexes, named)?)
}

/// Stores documents of one table.
fn store_part(
    connection: &Connection,
    collection: i64,
    indexes: &[Index],
    documents: &[Document],
) -> rusqlite::Result<u64> {
    let (Some(first), Some(last)) = (documents.first(), documents.last()) else { return Ok(0) };
    if is_empty(connection, collection, &first.id, &last.id)? {
        insert(connection, collection, documents)?;
        for index in indexes {
            insert_entries(connection, index, documents.iter())?;
        }
        return Ok(documents.len() as u64);
    }
    let mut added = 0;
    for document in documents {
        let before = fetch::document(connection, collection, &document.id)?;
        insert(connection, collection, std::slice::from_ref(document))?;
        let before = before.as_ref().map(Indexed::from);
        for index in indexes {
            move_entry(connection, index, before, Some(document.into()))?;
        }
        added += u64::from(before.is_none());
    }
    Ok(added)
}

/// Whether no document lies between two, these included. Both are of one table.
fn is_empty(
    connection: &Connection,
    collection: i64,
    first: &DocumentId,
    last: &DocumentId,
) -> rusqlite::Result<bool> {
    match (Location::of(collection, first), Location::of(collection, last)) {
        (Location::Record(first), Location::Record(last)) => connection
            .prepare_cached(
                "SELECT NOT EXISTS (SELECT 1 FROM records WHERE key BETWEEN ?1 AND ?2)",
            )?
            .query_row([first, last], |row| row.get(0)),
        _ => connection
            .prepare_cached(
                "SELECT NOT EXISTS (SELECT 1 FROM named_records
                 WHERE collection = ?1 AND id BETWEEN ?2 AND ?3)",
            )?
            .query_row(params![collection, IdColumn(first), IdColumn(last)], |row| row.get(0)),
    }
}

/// Stores documents of one table; replaces those that are there.
fn insert(
    connection: &Connection,
    collection: i64,
    documents: &[Document],
) -> rusqlite::Result<()> {
    let mut records = connection.prepare_cached(
        "REPLACE INTO records (key, revision, created_at, updated_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5)",
    )?;
    let mut named = connection.prepare_cached(
        "REPLACE INTO named_records (collection, id, revision, created_at, updated_at, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for Document { id, revision, created_at, updated_at, body } in documents {
        let revision = revision_number(revision);
        let (created_at, updated_at) = (created_at.unix_us, updated_at.unix_us);
        match Location::of(collection, id) {
            Location::Record(key) => {
                records.execute(params![key, revision, created_at, updated_at, body])?
            }
            Location::Named(collection, id) => {
                named.execute(params![collection, id, revision, created_at, updated_at, body])?
            }
        };
    }
    Ok(())
}
