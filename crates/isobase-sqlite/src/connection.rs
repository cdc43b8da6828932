//! Opening connections and setting each of them up alike.

use std::path::Path;

use rusqlite::config::DbConfig;
use rusqlite::types::ValueRef;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};

use crate::error::{OpenError, SqliteFailure, classify};
use crate::file;
use crate::file::with_suffix;
use crate::options::{APPLICATION_ID, Options, Synchronous};

/// 3.51.3 fixed a bug that damages files when two connections write and checkpoint at once.
/// Source: <https://sqlite.org/wal.html#walresetbug>.
const SQLITE_MIN: i32 = 3_051_003;
/// Prepared statements kept by each connection.
const STATEMENTS: usize = 256;
/// Size the log file keeps after it was emptied, in bytes.
const LOG_KEPT_BYTES: u64 = 64 * 1024 * 1024;

/// Checks the file, opens it for writing, brings the schema up to date and turns the log on.
pub(crate) fn open_writer(
    path: &Path,
    options: &Options,
    prepare: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
) -> Result<Connection, OpenError> {
    check_sqlite(path)?;
    file::check_or_create(path)?;
    let had_log = with_suffix(path, "-wal").exists();
    let failed = |action| move |source| sqlite_error(action, path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(failed("open"))?;
    // Closing after a refusal must not fold a log that was left behind into the file.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, had_log)
        .map_err(failed("open"))?;
    configure(&connection, path, options)?;
    bring_up_to_date(&mut connection, path, options, prepare)?;
    // Only now: a file that was refused keeps its journal mode.
    connection
        .pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))
        .map_err(failed("open"))?;
    verify(&connection, path, "journal_mode", "wal")?;
    set(&connection, path, "query_only", "0", "0")?;
    // From here on the writer itself decides, after it has seen no I/O error.
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(failed("open"))?;
    Ok(connection)
}

/// Opens a connection that cannot write.
pub(crate) fn open_reader(path: &Path, options: &Options) -> Result<Connection, OpenError> {
    let failed = |source| sqlite_error("open", path, source);
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(failed)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(failed)?;
    configure(&connection, path, options)?;
    verify(&connection, path, "journal_mode", "wal")?;
    set(&connection, path, "query_only", "1", "1")?;
    Ok(connection)
}

/// Refuses a file whose schema is not the one the caller knows.
pub(crate) fn check_version(path: &Path, options: &Options) -> Result<(), OpenError> {
    let connection = open_reader(path, options)?;
    let failed = |source| sqlite_error("read", path, source);
    let pragma = |name| {
        connection.pragma_query_value(None, name, |row| row.get::<_, i32>(0)).map_err(failed)
    };
    let application_id = pragma("application_id")?.cast_unsigned();
    if application_id != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned(), application_id });
    }
    let (found, supported) = (pragma("user_version")?, options.schema_version);
    if found > supported {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, supported });
    }
    if found < supported {
        // An older program has it open: it would be brought up to date by opening it alone.
        return Err(OpenError::Setting {
            path: path.to_owned(),
            pragma: "user_version",
            found: found.to_string(),
            expected: supported.to_string(),
        });
    }
    Ok(())
}

fn check_sqlite(path: &Path) -> Result<(), OpenError> {
    let found = rusqlite::version_number();
    if found >= SQLITE_MIN {
        return Ok(());
    }
    Err(OpenError::OldSqlite { path: path.to_owned(), found, required: SQLITE_MIN })
}

/// Sets what every connection has in common, and reads it back: SQLite ignores a setting that it
/// does not know or cannot apply without a word.
fn configure(connection: &Connection, path: &Path, options: &Options) -> Result<(), OpenError> {
    let busy_ms = i32::try_from(options.busy_timeout.as_millis()).unwrap_or(i32::MAX).to_string();
    let cache = format!("-{}", options.cache_kib);
    let log_kept = LOG_KEPT_BYTES.to_string();
    let synchronous = match options.synchronous {
        Synchronous::Full => "2",
        Synchronous::Normal => "1",
    };
    let settings = [
        ("busy_timeout", busy_ms.as_str()),
        ("synchronous", synchronous),
        ("foreign_keys", "1"),
        // A mapped file turns a stray pointer into a damaged file, and an I/O error into a signal.
        ("mmap_size", "0"),
        // The schema of a file we did not write must not call functions with side effects.
        ("trusted_schema", "0"),
        ("temp_store", "2"),
        ("cache_size", cache.as_str()),
        ("cell_size_check", "1"),
        ("journal_size_limit", log_kept.as_str()),
        // The automatic checkpoint swallows I/O errors. The writer does its own.
        ("wal_autocheckpoint", "0"),
    ];
    for (pragma, value) in settings {
        set(connection, path, pragma, value, value)?;
    }
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    for (config, value) in [
        // Else, once the file has statistics, each new value of a parameter prepares its statement
        // again. Source: <https://sqlite.org/c3ref/c_dbconfig_defensive.html>.
        (DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true),
        (DbConfig::SQLITE_DBCONFIG_DEFENSIVE, true),
        (DbConfig::SQLITE_DBCONFIG_DQS_DML, false),
        (DbConfig::SQLITE_DBCONFIG_DQS_DDL, false),
    ] {
        connection
            .set_db_config(config, value)
            .map_err(|source| sqlite_error("open", path, source))?;
    }
    Ok(())
}

fn set(
    connection: &Connection,
    path: &Path,
    pragma: &'static str,
    value: &str,
    expected: &str,
) -> Result<(), OpenError> {
    connection
        .execute_batch(&format!("PRAGMA {pragma}={value}"))
        .map_err(|source| sqlite_error("open", path, source))?;
    verify(connection, path, pragma, expected)
}

fn verify(
    connection: &Connection,
    path: &Path,
    pragma: &'static str,
    expected: &str,
) -> Result<(), OpenError> {
    let found = connection
        .pragma_query_value(None, pragma, |row| {
            Ok(match row.get_ref(0)? {
                ValueRef::Integer(value) => value.to_string(),
                other => other.as_str()?.to_owned(),
            })
        })
        .map_err(|source| sqlite_error("open", path, source))?;
    if found == expected {
        return Ok(());
    }
    let expected = expected.to_owned();
    Err(OpenError::Setting { path: path.to_owned(), pragma, found, expected })
}

/// Refuses a file of another program or a newer version, else runs `prepare` and marks the file,
/// all in one transaction.
fn bring_up_to_date(
    connection: &mut Connection,
    path: &Path,
    options: &Options,
    prepare: impl FnOnce(&rusqlite::Transaction<'_>) -> rusqlite::Result<()>,
) -> Result<(), OpenError> {
    let failed = |action| move |source| sqlite_error(action, path, source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(failed("open"))?;
    let pragma = |name: &str| {
        transaction
            .pragma_query_value(None, name, |row| row.get::<_, i32>(0))
            .map_err(failed("open"))
    };
    let application_id = pragma("application_id")?.cast_unsigned();
    if application_id != 0 && application_id != APPLICATION_ID {
        return Err(OpenError::Foreign { path: path.to_owned(), application_id });
    }
    let is_empty = || {
        let first = "SELECT NOT EXISTS (SELECT 1 FROM sqlite_schema)";
        transaction.query_row(first, [], |row| row.get::<_, bool>(0)).map_err(failed("open"))
    };
    if application_id == 0 && !is_empty()? {
        return Err(OpenError::ForeignTables { path: path.to_owned() });
    }
    let found = pragma("user_version")?;
    let supported = options.schema_version;
    if found > supported {
        return Err(OpenError::NewerSchema { path: path.to_owned(), found, supported });
    }
    prepare(&transaction).map_err(failed("prepare"))?;
    if application_id == 0 {
        transaction
            .pragma_update(None, "application_id", APPLICATION_ID)
            .map_err(failed("prepare"))?;
    }
    if pragma("user_version")? != supported {
        transaction.pragma_update(None, "user_version", supported).map_err(failed("prepare"))?;
    }
    transaction.commit().map_err(failed("prepare"))
}

fn sqlite_error(action: &'static str, path: &Path, source: rusqlite::Error) -> OpenError {
    let path = path.to_owned();
    match classify(&source) {
        // The header looked right, but SQLite knows better.
        SqliteFailure::Corrupted
            if source.sqlite_error_code() == Some(rusqlite::ErrorCode::NotADatabase) =>
        {
            OpenError::NotADatabase { path }
        }
        SqliteFailure::Corrupted => OpenError::Damaged { path, reason: source.to_string() },
        _ => OpenError::Sqlite { action, path, source },
    }
}
