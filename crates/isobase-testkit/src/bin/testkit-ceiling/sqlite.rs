//! The bare SQLite driver: prepared statements in a loop on one thread.

use std::hint::black_box;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use isobase_testkit::ProcessUsage;
use isobase_testkit::histogram::Histogram;
use rusqlite::{Connection, Statement, params};
use serde_json::{Value, json};

/// A row as the service keeps a record, without all it keeps beside.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS records (
    key INTEGER PRIMARY KEY,
    revision INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL,
    body TEXT NOT NULL
) STRICT";
const INSERT: &str =
    "INSERT INTO records (revision, created_at, updated_at, body) VALUES (?1, ?2, ?2, ?3)";

/// Inserts rows, `batch` of them in each commit.
pub(crate) fn commit(file: &Path, batch: i64, time: Duration, body: &str) -> Result<Value> {
    let connection = open(file)?;
    let mut begin = connection.prepare("BEGIN IMMEDIATE")?;
    let mut insert = connection.prepare(INSERT)?;
    let mut commit = connection.prepare("COMMIT")?;
    run(time, batch, || {
        begin.execute([])?;
        insert_rows(&mut insert, batch, body)?;
        commit.execute([])?;
        Ok(())
    })
}

/// Rows of one statement: with six values each, well below SQLite's bound of 32,766.
const BULK_ROWS: usize = 100;
/// Statements of one commit: about 2 MB of records of 200 bytes.
const BULK_STATEMENTS: usize = 100;

/// Inserts the records of a database of the service into an equal table. Only the inserts and
/// their commits are timed.
pub(crate) fn bulk(file: &Path, source: &Path) -> Result<Value> {
    let connection = open(file)?;
    let source = Connection::open(source)?;
    let schema = "SELECT sql FROM sqlite_schema WHERE name = 'records'";
    let table: String = source.query_row(schema, [], |row| row.get(0))?;
    connection.execute_batch("DROP TABLE records")?;
    connection.execute_batch(&table)?;
    let columns = source.prepare("SELECT * FROM records")?.column_count();
    let row = format!("({})", vec!["?"; columns].join(","));
    let rows = vec![row; BULK_ROWS].join(",");
    let mut insert = connection.prepare(&format!("INSERT INTO records VALUES {rows}"))?;
    let mut select = source.prepare("SELECT * FROM records")?;
    let mut source_rows = select.query([])?;
    let (mut inserted, mut time) = (0_u64, Duration::ZERO);
    loop {
        let mut statements = Vec::with_capacity(BULK_STATEMENTS);
        while statements.len() < BULK_STATEMENTS {
            let mut values: Vec<rusqlite::types::Value> = Vec::with_capacity(BULK_ROWS * columns);
            while values.len() < BULK_ROWS * columns {
                let Some(row) = source_rows.next()? else { break };
                for column in 0..columns {
                    values.push(row.get(column)?);
                }
            }
            if values.len() < BULK_ROWS * columns {
                break;
            }
            statements.push(values);
        }
        if statements.is_empty() {
            break;
        }
        let started = Instant::now();
        connection.execute_batch("BEGIN IMMEDIATE")?;
        for values in &statements {
            inserted += insert.execute(rusqlite::params_from_iter(values))? as u64;
        }
        connection.execute_batch("COMMIT")?;
        time += started.elapsed();
    }
    Ok(json!({ "rows": inserted, "rows_per_second": inserted as f64 / time.as_secs_f64() }))
}

/// Reads one row by its key, a different one each time.
pub(crate) fn read(file: &Path, rows: i64, time: Duration, body: &str) -> Result<Value> {
    let connection = open(file)?;
    let first = fill(&connection, rows, body)?;
    let mut select = connection
        .prepare("SELECT revision, created_at, updated_at, body FROM records WHERE key = ?1")?;
    let mut answer = Vec::new();
    let mut place: i64 = 0;
    run(time, 1, || {
        // A step that shares no factor with the count comes to every row, in no order.
        place = (place + 7_919) % rows;
        answer.clear();
        select.query_row([first + place], |row| {
            black_box((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?, row.get::<_, i64>(2)?));
            answer.extend_from_slice(row.get_ref(3)?.as_bytes()?);
            Ok(())
        })?;
        black_box(&answer);
        Ok(())
    })
}

/// Reads the first `limit` rows in the order of their keys, and joins them.
pub(crate) fn list(
    file: &Path,
    rows: i64,
    limit: i64,
    time: Duration,
    body: &str,
) -> Result<Value> {
    let connection = open(file)?;
    let first = fill(&connection, rows, body)?;
    let mut select = connection.prepare(
        "SELECT key, revision, created_at, updated_at, body FROM records
         WHERE key >= ?1 ORDER BY key LIMIT ?2",
    )?;
    let mut answer = Vec::new();
    run(time, 1, || {
        answer.clear();
        let mut found = select.query([first, limit])?;
        while let Some(row) = found.next()? {
            black_box((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?));
            answer.extend_from_slice(row.get_ref(4)?.as_bytes()?);
            answer.push(b',');
        }
        black_box(&answer);
        Ok(())
    })
}

/// The settings of the service, so that a commit means the same.
fn open(file: &Path) -> Result<Connection> {
    let connection = Connection::open(file)?;
    connection.execute_batch(
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;
         PRAGMA cache_size=-16000; PRAGMA mmap_size=0; PRAGMA temp_store=2;
         PRAGMA wal_autocheckpoint=4000",
    )?;
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0))?;
    let synchronous: i64 = connection.pragma_query_value(None, "synchronous", |row| row.get(0))?;
    ensure!((mode.as_str(), synchronous) == ("wal", 2), "the file has {mode}, {synchronous}");
    connection.execute_batch(TABLE)?;
    Ok(connection)
}

/// Makes sure that there are so many rows; gives the first key.
fn fill(connection: &Connection, rows: i64, body: &str) -> Result<i64> {
    let there: i64 = connection.query_row("SELECT count(*) FROM records", [], |row| row.get(0))?;
    let transaction = connection.unchecked_transaction()?;
    insert_rows(&mut transaction.prepare(INSERT)?, (rows - there).max(0), body)?;
    transaction.commit()?;
    Ok(connection.query_row("SELECT min(key) FROM records", [], |row| row.get(0))?)
}

fn insert_rows(insert: &mut Statement<'_>, rows: i64, body: &str) -> rusqlite::Result<()> {
    for row in 0..rows {
        insert.execute(params![row, 1_700_000_000_000_000_i64, body])?;
    }
    Ok(())
}

/// Repeats `step` for `time`; it handles `records` each time.
fn run(time: Duration, records: i64, mut step: impl FnMut() -> Result<()>) -> Result<Value> {
    let mut latency = Histogram::default();
    let usage = || ProcessUsage::of(std::process::id());
    let before = usage()?;
    let start = Instant::now();
    let mut last = start;
    while last - start < time {
        step()?;
        let now = Instant::now();
        latency.record(now - last);
        last = now;
    }
    Ok(json!({
        "steps": latency.count(),
        "records": latency.count() * records.unsigned_abs(),
        "seconds": (last - start).as_secs_f64(),
        "cpu_seconds": usage()?.cpu_since(&before).as_secs_f64(),
        "p50_seconds": latency.quantile(0.5).as_secs_f64(),
        "p99_seconds": latency.quantile(0.99).as_secs_f64(),
    }))
}
