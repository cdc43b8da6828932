//! Common traits of the databases of other programs.

use rusqlite::Connection;

/// Whether a table has these columns.
pub(super) fn has_columns(
    database: &Connection,
    table: &str,
    columns: &[&str],
) -> rusqlite::Result<bool> {
    let mut statement = database.prepare("SELECT name FROM pragma_table_info(?1)")?;
    let found: Vec<String> =
        statement.query_map([table], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    Ok(columns.iter().all(|column| found.iter().any(|it| it == column)))
}

/// The expression of microseconds since 1970 in a text of a time, which SQLite reads as UTC. To the
/// millisecond: that is what these programs write.
pub(super) fn microseconds(column: &str) -> String {
    format!("CAST(round((julianday({column}) - 2440587.5) * 86400000) AS INTEGER) * 1000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_to_the_millisecond() {
        let database = Connection::open_in_memory().unwrap();
        let sql = format!("SELECT {}", microseconds("?1"));
        for (text, expected) in [
            ("2025-01-15 08:00:00", 1_736_928_000_000_000),
            ("2025-01-15 08:00:00.123Z", 1_736_928_000_123_000),
            ("1970-01-01 00:00:00", 0),
        ] {
            let found: i64 = database.query_row(&sql, [text], |row| row.get(0)).unwrap();
            assert_eq!(found, expected, "{text}");
        }
        let none: Option<i64> = database.query_row(&sql, [""], |row| row.get(0)).unwrap();
        assert_eq!(none, None);
    }
}
