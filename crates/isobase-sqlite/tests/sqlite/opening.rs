//! What is refused, what is set, and that nothing refused is changed.

use std::fs;
use std::path::Path;

use isobase_sqlite::rusqlite::{self, Connection};
use isobase_sqlite::{Database, LockHolder, OpenError, Options, lock_holder, schema_version};

use crate::fixture::{Fixture, Job, create_table};

/// The names and contents of all files in a folder but the lock and the index of a log, which hold
/// nothing.
fn contents(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap())
        .map(|entry| (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap()))
        .filter(|(name, _)| !name.ends_with(".lock") && !name.ends_with("-shm"))
        .collect();
    files.sort();
    files
}

/// Opens a file that must be refused, and checks that it was left alone.
fn refuse(make: impl FnOnce(&Path)) -> OpenError {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    make(&path);
    let before = contents(folder.path());
    let error = Database::open(Options::new(&path), create_table).unwrap_err();
    assert!(error.to_string().contains("data.db"), "{error}");
    assert!(!error.to_string().contains('\n'), "{error}");
    assert!(before == contents(folder.path()), "the refused file was changed: {error}");
    assert_eq!(lock_holder(&path), None);
    error
}

#[test]
fn file_that_is_no_database_is_refused() {
    let error = refuse(|path| fs::write(path, "a,b,c\n1,2,3\n").unwrap());
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
    let error = refuse(|path| fs::write(path, [b'x'; 5000]).unwrap());
    assert!(matches!(error, OpenError::NotADatabase { .. }), "{error}");
}

#[test]
fn file_of_another_program_is_refused() {
    let error = refuse(|path| {
        let other = Connection::open(path).unwrap();
        other.execute_batch("PRAGMA application_id=7; CREATE TABLE t (x);").unwrap();
    });
    assert!(matches!(error, OpenError::Foreign { application_id: 7, .. }), "{error}");
}

#[test]
fn file_with_tables_of_another_program_is_refused() {
    let tables = |sql: &'static str| {
        move |path: &Path| {
            let other = Connection::open(path).unwrap();
            other.execute_batch(sql).unwrap();
            if sql.contains("WAL") {
                // As a program that was killed: its tables are in the log alone.
                fs::copy(path, path.with_extension("copy")).unwrap();
                fs::copy(path.with_extension("db-wal"), path.with_extension("log")).unwrap();
                drop(other);
                fs::rename(path.with_extension("copy"), path).unwrap();
                fs::rename(path.with_extension("log"), path.with_extension("db-wal")).unwrap();
            }
        }
    };
    for sql in [
        "CREATE TABLE records (id INTEGER PRIMARY KEY, data TEXT)",
        "CREATE TABLE meta (version); PRAGMA user_version = 1",
        "CREATE VIEW v AS SELECT 1",
    ] {
        let error = refuse(tables(sql));
        assert!(matches!(error, OpenError::ForeignTables { .. }), "{error}");
    }
    let many: String = (0..200).map(|n| format!("CREATE TABLE t{n} (x);")).collect();
    let many = format!("BEGIN; {many} COMMIT");
    let error = refuse(|path| Connection::open(path).unwrap().execute_batch(&many).unwrap());
    assert!(matches!(error, OpenError::ForeignTables { .. }), "{error}");
    let error = refuse(tables(
        "PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (x)",
    ));
    assert!(matches!(error, OpenError::ForeignTables { .. }), "{error}");
}

#[test]
fn empty_database_is_taken() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    Connection::open(&path).unwrap().execute_batch("PRAGMA user_version = 0; VACUUM").unwrap();
    Database::open(Options::new(&path), create_table).unwrap();
}

#[test]
fn nothing_is_left_beside_a_file_that_is_not_ours() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    Connection::open(&path).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    Database::open(Options::new(&path), create_table).unwrap_err();
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn file_of_newer_version_is_refused() {
    let error = refuse(|path| {
        let mut options = Options::new(path);
        options.schema_version = 9;
        Database::open(options, create_table).unwrap();
    });
    assert!(matches!(error, OpenError::NewerSchema { found: 9, supported: 1, .. }), "{error}");
}

#[test]
fn truncated_file_is_refused() {
    let error = refuse(|path| {
        Database::open(Options::new(path), create_table).unwrap();
        let whole = fs::read(path).unwrap();
        fs::write(path, &whole[..4096]).unwrap();
    });
    assert!(matches!(error, OpenError::Damaged { .. }), "{error}");
}

#[test]
fn log_without_its_database_is_refused() {
    let error = refuse(|path| {
        fs::write(path.with_extension("db-wal"), "all that is left").unwrap();
    });
    assert!(matches!(error, OpenError::StrayLog { .. }), "{error}");
}

#[test]
fn failed_preparation_leaves_file_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    Database::open(Options::new(&path), create_table).unwrap();
    let before = contents(folder.path());
    let error = Database::open(Options::new(&path), |transaction| {
        transaction.execute_batch("CREATE TABLE more (x)")?;
        Err(rusqlite::Error::InvalidQuery)
    });
    assert!(matches!(error, Err(OpenError::Sqlite { action: "prepare", .. })), "{error:?}");
    assert!(before == contents(folder.path()));
}

#[test]
fn preparation_sees_the_version_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let mut found = Vec::new();
    for version in [1, 1, 3] {
        let mut options = Options::new(folder.path().join("data.db"));
        options.schema_version = version;
        Database::open(options, |transaction| {
            found.push(schema_version(transaction)?);
            Ok(())
        })
        .unwrap();
    }
    assert_eq!(found, [0, 1, 1]);
}

#[tokio::test]
async fn second_open_names_the_holder() {
    let fixture = Fixture::new();
    let open = || Database::open(Options::new(fixture.path()), create_table).unwrap_err();
    let me = Some(std::process::id());
    let error = open();
    assert!(
        matches!(&error, OpenError::Locked { pid, address: None, .. } if *pid == me),
        "{error}"
    );
    fixture.database.set_address("http://127.0.0.1:8002").unwrap();
    let address = Some("http://127.0.0.1:8002".to_owned());
    let holder = LockHolder { pid: me, address };
    assert_eq!(lock_holder(&fixture.path()), Some(holder));
    assert!(open().to_string().contains("http://127.0.0.1:8002"));
    fixture.database.close().unwrap();
    assert_eq!(lock_holder(&fixture.path()), None);
    Database::open(Options::new(fixture.path()), create_table).unwrap();
}

#[test]
#[cfg(unix)]
fn other_name_of_the_file_is_locked_too() {
    let fixture = Fixture::new();
    let link = fixture.folder.path().join("link.db");
    std::os::unix::fs::symlink(fixture.path(), &link).unwrap();
    let error = Database::open(Options::new(link), create_table).unwrap_err();
    assert!(matches!(error, OpenError::Locked { .. }), "{error}");
}

#[tokio::test]
async fn settings_hold_on_every_connection() {
    let expected = [
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("mmap_size", 0),
        ("trusted_schema", 0),
        ("temp_store", 2),
        ("cache_size", -16_000),
        ("busy_timeout", 5000),
        ("journal_size_limit", 64 * 1024 * 1024),
        ("wal_autocheckpoint", 0),
        ("application_id", 0x4973_6F62),
        ("user_version", 1),
    ];
    let fixture = Fixture::with(|options| options.readers = 1);
    let read = |name: &'static str| {
        move |connection: &Connection| {
            connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0))
        }
    };
    for (name, value) in expected {
        assert_eq!(fixture.submit(Job::Setting(name)).await.unwrap(), Ok(value), "writer {name}");
        assert_eq!(fixture.database.read_inline(read(name)).unwrap(), value, "inline {name}");
        let scan = fixture.database.read(crate::fixture::LONG, read(name)).await;
        // A scan meets a page once and has a smaller cache.
        let of_scan = if name == "cache_size" { -4_096 } else { value };
        assert_eq!(scan.unwrap(), of_scan, "scan {name}");
    }
    let journal = fixture.database.read_inline(|connection| {
        connection.pragma_query_value(None, "journal_mode", |row| row.get::<_, String>(0))
    });
    assert_eq!(journal.unwrap(), "wal");
}

#[test]
fn missing_folders_are_created() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a").join("b").join("data.db");
    Database::open(Options::new(&path), create_table).unwrap();
    assert!(path.exists());
}

#[test]
#[cfg(unix)]
fn only_the_owner_may_read_new_files() {
    use std::os::unix::fs::PermissionsExt;
    let fixture = Fixture::new();
    for entry in fs::read_dir(fixture.folder.path()).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", entry.path().display());
    }
}
