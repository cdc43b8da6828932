//! The SQLite file of another service.

use std::path::Path;

use anyhow::{Context, Result};
use isobase_licences::{ImportedInstallation, ImportedLicence};
use rusqlite::{Connection, OpenFlags, Row, types::ValueRef};

use super::found::Source;
use crate::failure::Failure;

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Source> {
    if !path.is_file() {
        let message = format!("there is no file {}", path.display());
        let hint = "name the SQLite file of the license service, usually data/licenses.db";
        return Err(Failure::new(message).hint(hint).into());
    }
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let name = path.display().to_string();
    let database = Connection::open_with_flags(path, flags);
    of(&database.with_context(|| format!("cannot read {name}"))?, &name)
}

/// Reads a whole file that was sent.
pub(super) fn read_sent(bytes: &[u8]) -> Result<Source> {
    // Bytes 18 and 19 say that writes are in a log beside the file (the format of SQLite, 1.3.3). There
    // is none here, and without it such a file is not opened.
    const VERSIONS: [usize; 2] = [18, 19];
    let mut sent = bytes.to_vec();
    for version in VERSIONS {
        if let Some(version) = sent.get_mut(version).filter(|version| **version == 2) {
            *version = 1;
        }
    }
    let mut database = Connection::open_in_memory()?;
    let length = sent.len();
    let context = "the file cannot be read";
    database.deserialize_read_exact("main", &*sent, length, true).context(context)?;
    of(&database, "the file")
}

fn of(database: &Connection, name: &str) -> Result<Source> {
    let context = || format!("cannot read {name}");
    let tables = tables(database).with_context(context)?;
    if !tables.iter().any(|table| table == "licenses") {
        let message = format!("{name} is no database of a license service");
        let hint = format!("expected a table licenses; its tables are: {}", tables.join(", "));
        return Err(Failure::usage(message).hint(hint).into());
    }
    let licences =
        "SELECT id, email, license_key, expiry_date, created_at, status FROM licenses ORDER BY id";
    let mut source = Source {
        licences: rows(database, licences, licence).with_context(context)?,
        ..Source::default()
    };
    if tables.iter().any(|table| table == "installations") {
        let installations =
            "SELECT email, installation_id, activated_at, last_seen FROM installations ORDER BY id";
        source.installations = rows(database, installations, installation).with_context(context)?;
    }
    Ok(source)
}

fn tables(database: &Connection) -> rusqlite::Result<Vec<String>> {
    let sql = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name LIMIT 20";
    database.prepare(sql)?.query_map([], |row| row.get(0))?.collect()
}

fn rows<T>(
    database: &Connection,
    sql: &str,
    read: fn(&Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    database.prepare(sql)?.query_map([], read)?.collect()
}

fn licence(row: &Row<'_>) -> rusqlite::Result<ImportedLicence> {
    Ok(ImportedLicence {
        id: row.get(0)?,
        email: text(row, 1)?.unwrap_or_default(),
        license_key: text(row, 2)?.unwrap_or_default(),
        expiry_date: text(row, 3)?,
        created_at: text(row, 4)?,
        status: text(row, 5)?,
    })
}

fn installation(row: &Row<'_>) -> rusqlite::Result<ImportedInstallation> {
    Ok(ImportedInstallation {
        email: text(row, 0)?.unwrap_or_default(),
        installation_id: text(row, 1)?.unwrap_or_default(),
        activated_at: text(row, 2)?,
        last_seen: text(row, 3)?,
    })
}

/// A column as text, whatever SQLite keeps there: its columns have no types.
fn text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<String>> {
    Ok(match row.get_ref(column)? {
        ValueRef::Null => None,
        ValueRef::Integer(number) => Some(number.to_string()),
        ValueRef::Real(number) => Some(number.to_string()),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            Some(String::from_utf8_lossy(bytes).into_owned())
        }
    })
}
