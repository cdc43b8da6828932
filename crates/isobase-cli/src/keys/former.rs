//! The file in which former versions kept keys, beside the records.

use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result};
use isobase_auth::{FormerKey, KeyStore, Scope};
use rusqlite::{Connection, OpenFlags, Row, types::Type};

use crate::settings::Config;

/// Where it was, in the data folder.
pub(crate) fn path(config: &Config) -> PathBuf {
    config.data.join("keys.db")
}

/// Takes its keys over into the database, once: then the file has another name. A database in
/// memory forgets them, and so the file stays for the next one.
pub(super) async fn take_over(config: &Config, keys: &KeyStore) -> Result<()> {
    let path = path(config);
    if !path.exists() {
        return Ok(());
    }
    let file = || format!("the keys in {}, the file of former versions", path.display());
    let former = read(&path).with_context(|| format!("cannot read {}", file()))?;
    let count = former.len();
    let renamed =
        keys.take_over(former).await.with_context(|| format!("cannot take over {}", file()))?;
    for key in renamed {
        let name = &key.name;
        tracing::warn!(
            id = key.id,
            name,
            "a key of another service has its name; it is {name:?} now"
        );
    }
    if !config.records.is_kept() {
        return Ok(());
    }
    if let Err(error) = put_away(&path, count) {
        tracing::warn!(%error, "{} are taken over, and the file cannot be renamed: {error}", file());
    } else if count > 0 {
        tracing::info!(count, "{} are in the database now; {count} were taken over", file());
    }
    Ok(())
}

fn read(path: &Path) -> rusqlite::Result<Vec<FormerKey>> {
    // It may have a log to be recovered, which is a write.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags)?;
    let mut statement = connection.prepare(
        "SELECT id, name, scope, hash, created_at, last_used_at, revoked_at FROM keys
         ORDER BY created_at, rowid",
    )?;
    statement.query_map((), read_key)?.collect()
}

fn read_key(row: &Row<'_>) -> rusqlite::Result<FormerKey> {
    let scope = row.get_ref(2)?.as_str()?.parse::<Scope>();
    let scope = scope
        .map_err(|error| rusqlite::Error::FromSqlConversionFailure(2, Type::Text, error.into()))?;
    let moment =
        |seconds: i64| -> SystemTime { UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs()) };
    Ok(FormerKey {
        id: row.get(0)?,
        name: row.get(1)?,
        scope,
        hash: row.get(3)?,
        created_at: moment(row.get(4)?),
        last_used_at: row.get::<_, Option<i64>>(5)?.map(moment),
        revoked_at: row.get::<_, Option<i64>>(6)?.map(moment),
    })
}

/// A file without keys, which every former service made, is of no use to anybody.
fn put_away(path: &Path, keys: usize) -> io::Result<()> {
    match keys {
        0 => fs::remove_file(path),
        _ => fs::rename(path, path.with_extension("db.taken-over")),
    }
}
