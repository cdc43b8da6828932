//! The file of a record service that keeps all collections in one table: `records` with `id`,
//! `collection`, `data` (JSON without the id), `created_at`, `updated_at`.

use anyhow::Result;
use rusqlite::Connection;

use super::{
    filling::{Filling, Foreign},
    tables::{has_columns, microseconds},
};

pub(super) fn is_in(database: &Connection) -> rusqlite::Result<bool> {
    has_columns(database, "records", &["id", "collection", "data"])
}

pub(super) async fn read(database: &Connection, filling: &mut Filling<'_>) -> Result<()> {
    let has_times = has_columns(database, "records", &["created_at", "updated_at"])?;
    let time = |column| if has_times { microseconds(column) } else { "NULL".to_owned() };
    let sql = format!(
        "SELECT collection, id, data, {}, {} FROM records ORDER BY collection, id",
        time("created_at"),
        time("updated_at")
    );
    let mut statement = database.prepare(&sql)?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        let (collection, id): (String, i64) = (row.get(0)?, row.get(1)?);
        let record = Foreign {
            id: id.to_string(),
            text: row.get(2)?,
            without: &[],
            created_us: row.get(3)?,
            updated_us: row.get(4)?,
        };
        filling.take(&collection, record).await?;
    }
    // Ids of deleted records are not given again, here as there.
    if has_columns(database, "sqlite_sequence", &["name", "seq"])? {
        let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = 'records'";
        filling.count_to(database.query_row(sql, [], |row| row.get(0))?);
    }
    Ok(())
}
