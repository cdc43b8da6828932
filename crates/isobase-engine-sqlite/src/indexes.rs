//! Filling and removing indexes.
//!
//! A unique index has rows of a second kind, which say who has which values. They lie in the same
//! table under the negative number of the index.

use std::ops::Bound;

use isobase_engine::{
    Cutoff, Duplicates, IndexDefinition, Indexed, UniqueKey,
    listing::{Fetch, IdRange, Range},
};
use isobase_sqlite::rusqlite::{self, Connection, params};
use isobase_types::{CollectionName, Document, DocumentId};

use crate::{
    catalogue::Index,
    fetch,
    location::{IdColumn, id_of_column},
};

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
        .execute(params![collection, definition.to_string()])?;
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
    let mut delete =
        connection.prepare_cached("DELETE FROM index_entries WHERE index_id IN (?1, -?1)")?;
    delete.execute([index])?;
    Ok(())
}

/// The rows of a document in an index: the number they lie under, and their keys.
pub(crate) fn keys_of(index: &Index, document: Indexed<'_>) -> Vec<(i64, Vec<u8>)> {
    let mut keys = vec![(index.id, index.definition.key(document))];
    let Indexed { body, id, .. } = document;
    if let Some(unique) = UniqueKey::of(&index.definition, body, id) {
        keys.push((-index.id, unique.row(id)));
    }
    keys
}

/// Whether another document has the values of a unique index that a body has.
pub(crate) fn is_taken(
    connection: &Connection,
    index: &Index,
    body: &str,
    id: &DocumentId,
) -> rusqlite::Result<bool> {
    let Some(key) = UniqueKey::of(&index.definition, body, id) else { return Ok(false) };
    let (lower, upper) = key.rows();
    connection
        .prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM index_entries
             WHERE index_id = ?1 AND key >= ?2 AND key < ?3 AND key <> ?4)",
        )?
        .query_row(params![-index.id, lower, upper, key.row(id)], |row| row.get(0))
}

/// The same where documents expire: one that has expired has no values.
pub(crate) fn is_taken_by_living(
    connection: &Connection,
    collection: i64,
    index: &Index,
    (body, id): (&str, &DocumentId),
    cutoff: Cutoff,
) -> rusqlite::Result<bool> {
    let Some(key) = UniqueKey::of(&index.definition, body, id) else { return Ok(false) };
    let (lower, upper) = key.rows();
    let mut statement = connection.prepare_cached(
        "SELECT id FROM index_entries
         WHERE index_id = ?1 AND key >= ?2 AND key < ?3 AND key <> ?4",
    )?;
    let mut rows = statement.query(params![-index.id, lower, upper, key.row(id)])?;
    while let Some(row) = rows.next()? {
        let holder = id_of_column(row.get_ref(0)?)?;
        let found = fetch::document(connection, collection, &holder)?;
        if found.is_some_and(|document| !cutoff.is_past(document.updated_at)) {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The documents that have equal values of a unique index.
pub(crate) fn duplicates(connection: &Connection, index: &Index) -> rusqlite::Result<Duplicates> {
    let mut duplicates = Duplicates::default();
    let mut statement = connection
        .prepare_cached("SELECT key, id FROM index_entries WHERE index_id = ?1 ORDER BY key")?;
    let mut rows = statement.query([-index.id])?;
    while let Some(row) = rows.next()?.filter(|_| !duplicates.is_full()) {
        let key = row.get_ref(0)?.as_blob().ok().and_then(UniqueKey::of_row);
        let key = key.ok_or(rusqlite::Error::InvalidQuery)?;
        duplicates.see(key, id_of_column(row.get_ref(1)?)?);
    }
    Ok(duplicates)
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

/// Brings the entries of a document in an index from what it was to what it is.
pub(crate) fn move_entry(
    connection: &Connection,
    index: &Index,
    before: Option<Indexed<'_>>,
    after: Option<Indexed<'_>>,
) -> rusqlite::Result<()> {
    let keys = |document: Option<Indexed<'_>>| {
        document.map(|document| keys_of(index, document)).unwrap_or_default()
    };
    let (old, new) = (keys(before), keys(after));
    let Some(id) = before.or(after).map(|document| document.id) else { return Ok(()) };
    for (number, key) in old.iter().filter(|key| !new.contains(key)) {
        delete_entry(connection, *number, key)?;
    }
    for (number, key) in new.iter().filter(|key| !old.contains(key)) {
        insert_entry(connection, *number, key, id)?;
    }
    Ok(())
}

/// How far an index is.
pub(crate) enum Filled {
    Whole,
    /// Here it goes on.
    Part(Fill),
    /// Documents have equal values, and the index is to be unique.
    Duplicates(Duplicates),
}

/// Puts the next documents into an index.
///
/// Writes keep the index up to date from the moment it is declared, so only documents that were
/// there before are missing, and one that was written since is in already.
pub(crate) fn fill(
    connection: &Connection,
    collection: i64,
    index: &Index,
    fill: &Fill,
) -> rusqlite::Result<Filled> {
    let lower = fill.after.clone().map_or(Bound::Unbounded, Bound::Excluded);
    let range = Range::Ids(IdRange { lower, upper: Bound::Unbounded });
    let part = Fetch { range, reverse: false, limit: FILL_DOCUMENTS };
    let fetched = fetch::fetch(connection, collection, &part)?;
    let documents = || fetched.rows.iter().map(|row| &row.document);
    insert_entries(connection, index, documents())?;
    // A caller that has the same values and comes into the index later finds these: by a write, which is
    // refused then, or by the next part.
    for document in documents() {
        if is_taken(connection, index, &document.body, &document.id)? {
            return Ok(Filled::Duplicates(duplicates(connection, index)?));
        }
    }
    let last = fetched.rows.last().map(|row| row.document.id.clone());
    Ok(match (last, fetched.exhausted) {
        (Some(after), false) => Filled::Part(Fill { after: Some(after), ..fill.clone() }),
        _ => Filled::Whole,
    })
}

/// Puts documents into an index.
pub(crate) fn insert_entries<'d>(
    connection: &Connection,
    index: &Index,
    documents: impl Iterator<Item = &'d Document>,
) -> rusqlite::Result<()> {
    let keys = |document: &'d Document| {
        let keys = keys_of(index, document.into()).into_iter();
        keys.map(move |(number, key)| (number, key, &document.id))
    };
    let mut entries: Vec<_> = documents.flat_map(keys).collect();
    // In the order of the tree neighbouring entries meet the same pages.
    entries.sort_unstable();
    entries.iter().try_for_each(|(number, key, id)| insert_entry(connection, *number, key, id))
}
