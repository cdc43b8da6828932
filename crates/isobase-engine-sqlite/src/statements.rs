//! The statements that change documents, changes and counters.

use isobase_engine::KEPT_BYTES_MAX;
use isobase_sqlite::rusqlite::{self, Connection, params};
use isobase_types::{ChangeKind, DocumentId, Kept};

use crate::location::{IdColumn, Location};

pub(crate) fn insert(
    connection: &Connection,
    location: &Location<'_>,
    sequence: u64,
    now: i64,
    body: &str,
) -> rusqlite::Result<()> {
    match location {
        Location::Record(key) => connection
            .prepare_cached(
                "INSERT INTO records (key, revision, created_at, updated_at, body)
                 VALUES (?1, ?2, ?3, ?3, ?4)",
            )?
            .execute(params![key, sequence, now, body])?,
        Location::Named(collection, id) => connection
            .prepare_cached(
                "INSERT INTO named_records (collection, id, revision, created_at, updated_at, body)
                 VALUES (?1, ?2, ?3, ?4, ?4, ?5)",
            )?
            .execute(params![collection, id, sequence, now, body])?,
    };
    Ok(())
}

pub(crate) fn update(
    connection: &Connection,
    location: &Location<'_>,
    sequence: u64,
    now: i64,
    body: &str,
) -> rusqlite::Result<()> {
    match location {
        Location::Record(key) => connection
            .prepare_cached(
                "UPDATE records SET revision = ?2, updated_at = ?3, body = ?4 WHERE key = ?1",
            )?
            .execute(params![key, sequence, now, body])?,
        Location::Named(collection, id) => connection
            .prepare_cached(
                "UPDATE named_records SET revision = ?3, updated_at = ?4, body = ?5
                 WHERE collection = ?1 AND id = ?2",
            )?
            .execute(params![collection, id, sequence, now, body])?,
    };
    Ok(())
}

pub(crate) fn delete(connection: &Connection, location: &Location<'_>) -> rusqlite::Result<()> {
    match location {
        Location::Record(key) => {
            connection.prepare_cached("DELETE FROM records WHERE key = ?1")?.execute([key])?
        }
        Location::Named(collection, id) => connection
            .prepare_cached("DELETE FROM named_records WHERE collection = ?1 AND id = ?2")?
            .execute(params![collection, id])?,
    };
    Ok(())
}

/// A row of the change feed.
pub(crate) struct Entry<'a> {
    pub(crate) sequence: u64,
    pub(crate) collection: i64,
    pub(crate) id: Option<&'a DocumentId>,
    pub(crate) kind: ChangeKind,
    pub(crate) at: i64,
}

pub(crate) fn insert_change(
    connection: &Connection,
    entry: &Entry<'_>,
    kept: &Kept,
) -> rusqlite::Result<()> {
    let Entry { sequence, collection, id, kind, at } = entry;
    let id = id.map(IdColumn);
    if *kept == Kept::default() {
        connection
            .prepare_cached(
                "INSERT INTO changes (sequence, collection, id, kind, at)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?
            .execute(params![sequence, collection, id, kind.code(), at])?;
        return Ok(());
    }
    let apart = kept.body.text().filter(|body| body.len() > KEPT_BYTES_MAX);
    let body = if apart.is_some() { Some("") } else { kept.body.stored() };
    connection
        .prepare_cached(
            "INSERT INTO changes (sequence, collection, id, kind, at, former, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![sequence, collection, id, kind.code(), at, kept.former.stored(), body])?;
    if let Some(body) = apart {
        connection
            .prepare_cached("INSERT INTO change_bodies (sequence, body) VALUES (?1, ?2)")?
            .execute(params![sequence, body])?;
    }
    Ok(())
}

pub(crate) fn set_counter(connection: &Connection, name: &str, value: u64) -> rusqlite::Result<()> {
    connection
        .prepare_cached("UPDATE counters SET value = ?2 WHERE name = ?1 AND value <> ?2")?
        .execute(params![name, value])?;
    Ok(())
}
