//! A SQLite file as another program sees it.

use std::{fs, path::Path};

use rusqlite::Connection;

/// Asserts that a copy of the file is sound: by SQLite's own check, and by the sums that the
/// service keeps. The file itself, which may have been left by a killed process, is not touched.
pub(super) fn assert_sound(data: &Path) {
    let copy = tempfile::tempdir().unwrap();
    for name in ["isobase.db", "isobase.db-wal"] {
        if data.join(name).exists() {
            fs::copy(data.join(name), copy.path().join(name)).unwrap();
        }
    }
    let file = Connection::open(copy.path().join("isobase.db")).unwrap();
    let text = |sql: &str| file.query_row(sql, [], |row| row.get::<_, String>(0)).unwrap();
    let number = |sql: &str| file.query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap();
    assert_eq!(text("PRAGMA integrity_check"), "ok");
    assert_eq!(
        number("SELECT count(*) FROM documents"),
        number("SELECT coalesce(sum(documents), 0) FROM collections")
    );
    assert_eq!(
        number("SELECT coalesce(max(sequence), 0) FROM changes"),
        number("SELECT value FROM counters WHERE name = 'sequence'")
    );
    assert_eq!(number("SELECT count(*) FROM changes"), number("SELECT max(sequence) FROM changes"));
}
