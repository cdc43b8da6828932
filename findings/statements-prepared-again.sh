#!/usr/bin/env bash
# One prepared statement of SQLite, run a thousand times with other values for its range, as often as it was planned anew on
# the way (`SQLITE_STMTSTATUS_REPREPARE`). Seen, in December 2026, with rusqlite 0.41.1 and the SQLite 3.54.1 that it brings:
#
#   0      in a new file
#   1000   after ANALYZE, which the recommended `PRAGMA optimize` runs by itself: rusqlite's SQLite is built with
#          SQLITE_ENABLE_STAT4, so that a plan may depend on the values, and each new value throws the plan away
#   0      after ANALYZE, with SQLITE_DBCONFIG_ENABLE_QPSG
#
# So a program becomes slower for ever once its file was looked after. A read of ours took 1.6 times the processor time.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
mkdir src

cat > Cargo.toml <<'TOML'
[package]
name = "again"
version = "0.0.0"
edition = "2024"

[dependencies]
rusqlite = { version = "=0.41.1", features = ["bundled"] }
libsqlite3-sys = "=0.39.1"
TOML

cat > src/main.rs <<'RUST'
use rusqlite::{Connection, StatementStatus, config::DbConfig, params};

fn prepared_again(stable: bool) -> rusqlite::Result<i32> {
    let connection = Connection::open("entries.db")?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, stable)?;
    let mut statement = connection
        .prepare("SELECT count(*) FROM entries WHERE list = ?1 AND key >= ?2 AND key < ?3")?;
    for first in 0..1000 {
        statement.query_row(params![first % 7, first, first + 10], |_| Ok(()))?;
    }
    Ok(statement.get_status(StatementStatus::RePrepare))
}

fn main() -> rusqlite::Result<()> {
    println!("SQLite {}", rusqlite::version());
    Connection::open("entries.db")?.execute_batch(
        "CREATE TABLE entries (list INTEGER, key INTEGER, PRIMARY KEY (list, key)) WITHOUT ROWID;
         WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 9999)
         INSERT INTO entries SELECT i % 7, i FROM n;",
    )?;
    println!("new file: {}", prepared_again(false)?);
    Connection::open("entries.db")?.execute_batch("ANALYZE")?;
    println!("after ANALYZE: {}", prepared_again(false)?);
    println!("after ANALYZE, with QPSG: {}", prepared_again(true)?);
    Ok(())
}
RUST

cargo run --quiet | tee seen
diff - seen <<'EXPECTED' && echo "as found"
SQLite 3.54.1
new file: 0
after ANALYZE: 1000
after ANALYZE, with QPSG: 0
EXPECTED
