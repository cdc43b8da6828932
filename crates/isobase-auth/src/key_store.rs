//! The file of the keys.
//!
//! It is its own small SQLite file, so that the command line can change keys while the service
//! runs, and so that no query over documents can ever reach it. Rows are never deleted: a file
//! that once held a key never falls back to open mode.

use std::{
    fs::OpenOptions,
    path::Path,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use rusqlite::{Connection, OptionalExtension, Row, params};

use crate::{
    CreatedKey, KeyInfo, Scope,
    key::{self, SecretHash},
};

/// How long a change waits for another process.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest name of a key, in bytes.
const NAME_BYTES_MAX: usize = 100;

const SCHEMA: &str = "
CREATE TABLE IF NOT EXISTS keys (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    scope TEXT NOT NULL CHECK (scope IN ('read', 'write', 'admin')),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS keys_name ON keys (name) WHERE revoked_at IS NULL;";

const COLUMNS: &str = "id, name, scope, created_at, last_used_at, revoked_at";

/// The keys of a service, in a file of their own.
#[derive(Debug)]
pub struct KeyStore {
    connection: Mutex<Connection>,
}

/// Why keys cannot be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be used.
    #[error("the key file cannot be used: {0}")]
    File(#[from] rusqlite::Error),
    /// The file cannot be made.
    #[error("the key file cannot be made: {0}")]
    Make(#[from] std::io::Error),
    /// The name is empty, too long or holds control characters.
    #[error("a key's name has 1 to {NAME_BYTES_MAX} bytes and no control characters")]
    InvalidName,
    /// A valid key has the name already.
    #[error("there is a valid key named {0:?} already; revoke it first or use another name")]
    NameTaken(String),
    /// No valid key has this id or name.
    #[error("there is no valid key with the id or name {0:?}")]
    NotFound(String),
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}

/// A valid key as the authorizer holds it.
#[derive(Clone, Debug)]
pub(crate) struct ValidKey {
    pub(crate) id: String,
    pub(crate) scope: Scope,
    pub(crate) hash: SecretHash,
    /// Hours since 1970; 0 when never.
    pub(crate) last_used_hour: i64,
}

/// What the file holds, for the authorizer.
#[derive(Debug)]
pub(crate) struct Snapshot {
    pub(crate) keys: Vec<ValidKey>,
    /// There is or was a key.
    pub(crate) ever: bool,
}

impl KeyStore {
    /// Opens the file, and makes it if it is missing, readable for its owner only.
    ///
    /// # Errors
    /// [`KeyError::File`] or [`KeyError::Make`].
    pub fn open(path: &Path) -> Result<Self, KeyError> {
        make_private(path)?;
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "synchronous", "FULL")?;
        connection.execute_batch(SCHEMA)?;
        Ok(Self { connection: Mutex::new(connection) })
    }

    /// Makes a key.
    ///
    /// # Errors
    /// [`KeyError::InvalidName`], [`KeyError::NameTaken`], or the file or the system fails.
    pub fn create(&self, name: &str, scope: Scope) -> Result<CreatedKey, KeyError> {
        let proper = (1..=NAME_BYTES_MAX).contains(&name.len()) && !name.contains(char::is_control);
        if !proper {
            return Err(KeyError::InvalidName);
        }
        let (id, secret, hash) = key::make()?;
        let created_at = now();
        let inserted = self.lock().execute(
            "INSERT INTO keys (id, name, scope, hash, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![id, name, scope.as_str(), hash, created_at],
        );
        match inserted {
            Ok(_) => {}
            Err(error) if is_unique_violation(&error) => {
                return Err(KeyError::NameTaken(name.to_owned()));
            }
            Err(error) => return Err(error.into()),
        }
        let info = KeyInfo {
            id,
            name: name.to_owned(),
            scope,
            created_at: from_unix(created_at),
            last_used_at: None,
            revoked_at: None,
        };
        Ok(CreatedKey { info, secret })
    }

    /// All keys, also revoked ones, in the order they were made.
    ///
    /// # Errors
    /// [`KeyError::File`].
    pub fn list(&self) -> Result<Vec<KeyInfo>, KeyError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare(&format!("SELECT {COLUMNS} FROM keys ORDER BY created_at, rowid"))?;
        let keys = statement.query_map((), read_info)?.collect::<Result<_, _>>()?;
        Ok(keys)
    }

    /// Revokes a valid key by its id or name. Running services refuse it within 5 s.
    ///
    /// # Errors
    /// [`KeyError::NotFound`] or [`KeyError::File`].
    pub fn revoke(&self, id_or_name: &str) -> Result<KeyInfo, KeyError> {
        let sql = format!(
            "UPDATE keys SET revoked_at = ?2
             WHERE rowid = (SELECT rowid FROM keys
                            WHERE revoked_at IS NULL AND (id = ?1 OR name = ?1)
                            ORDER BY id = ?1 DESC LIMIT 1)
             RETURNING {COLUMNS}"
        );
        self.lock()
            .query_row(&sql, params![id_or_name, now()], read_info)
            .optional()?
            .ok_or_else(|| KeyError::NotFound(id_or_name.to_owned()))
    }

    /// A number that changes when another connection changes the file.
    pub(crate) fn version(&self) -> Result<i64, KeyError> {
        Ok(self.lock().query_row("PRAGMA data_version", (), |row| row.get(0))?)
    }

    /// What the authorizer needs.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, KeyError> {
        let connection = self.lock();
        let mut statement = connection
            .prepare("SELECT id, scope, hash, last_used_at FROM keys WHERE revoked_at IS NULL")?;
        let keys = statement.query_map((), read_valid)?.collect::<Result<_, _>>()?;
        let ever =
            connection.query_row("SELECT EXISTS (SELECT 1 FROM keys)", (), |row| row.get(0))?;
        Ok(Snapshot { keys, ever })
    }

    /// Notes when keys were used: pairs of id and hours since 1970.
    pub(crate) fn note_used(&self, used: &[(String, i64)]) -> Result<(), KeyError> {
        let mut connection = self.lock();
        let tx = connection.transaction()?;
        for (id, hour) in used {
            tx.execute(
                "UPDATE keys SET last_used_at = ?2 WHERE id = ?1",
                params![id, hour * 3_600],
            )?;
        }
        tx.commit()?;
        Ok(())
    }

    /// A panic while the lock was held leaves the connection usable: SQLite rolls back.
    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// SQLite gives its side files the permissions of the main file.
fn make_private(path: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map(drop)
}

fn is_unique_violation(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|e| e.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE)
}

fn read_info(row: &Row<'_>) -> rusqlite::Result<KeyInfo> {
    Ok(KeyInfo {
        id: row.get(0)?,
        name: row.get(1)?,
        scope: read_scope(row, 2)?,
        created_at: from_unix(row.get(3)?),
        last_used_at: row.get::<_, Option<i64>>(4)?.map(from_unix),
        revoked_at: row.get::<_, Option<i64>>(5)?.map(from_unix),
    })
}

fn read_valid(row: &Row<'_>) -> rusqlite::Result<ValidKey> {
    Ok(ValidKey {
        id: row.get(0)?,
        scope: read_scope(row, 1)?,
        hash: row.get(2)?,
        last_used_hour: row.get::<_, Option<i64>>(3)?.unwrap_or(0) / 3_600,
    })
}

fn read_scope(row: &Row<'_>, column: usize) -> rusqlite::Result<Scope> {
    row.get_ref(column)?.as_str()?.parse().map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(
            column,
            rusqlite::types::Type::Text,
            Box::<crate::InvalidScope>::new(error),
        )
    })
}

/// Seconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn from_unix(seconds: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(seconds.unsigned_abs())
}
