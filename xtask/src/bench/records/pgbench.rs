//! PostgreSQL's own load client, on the rows of the service.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use isobase_testkit::TestPostgres;

use super::subject::Loaded;

/// Reads of one row by a prepared statement.
pub(super) struct PointReads<'a> {
    pub(super) postgres: &'a TestPostgres,
    pub(super) items: &'a Loaded,
    pub(super) clients: usize,
}

impl PointReads<'_> {
    /// Rows per second.
    pub(super) fn run(&self, folder: &Path, time: Duration) -> Result<f64> {
        let name = self.items.collection;
        let sql = format!("SELECT id FROM isobase.collections WHERE name = '{name}'");
        let collection: i32 = self.postgres.psql(&sql)?.parse().context("the collection's id")?;
        let script = folder.join("point.sql");
        fs::write(&script, script_text(collection, self.items))?;
        let mut command = Command::new(self.postgres.binaries().program("pgbench"));
        command.args(["-n", "-M", "prepared", "-h", "127.0.0.1", "-U", "postgres", "-j", "2"]);
        command.args(["-p", &self.postgres.port().to_string()]);
        command.args(["-c", &self.clients.to_string()]);
        // Whole seconds only.
        command.args(["-T", &time.as_secs().max(1).to_string()]);
        command.arg("-f").arg(&script).arg("postgres").stdin(Stdio::null());
        eprintln!("pgbench: {} clients, {} s", self.clients, time.as_secs().max(1));
        let output = command.output().context("start pgbench")?;
        let errors = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "pgbench failed: {}", errors.trim());
        let text = String::from_utf8_lossy(&output.stdout);
        per_second(&text).with_context(|| format!("pgbench says no rate:\n{text}"))
    }
}

/// An integer id is kept as the byte 1 and its eight bytes with the sign turned,
/// so that ids sort by their bytes.
fn script_text(collection: i32, items: &Loaded) -> String {
    let (first, last) = (items.first_id, items.first_id + items.count - 1);
    format!(
        "\\set id random({first}, {last})\n\
         SELECT revision, created_at, updated_at, body FROM isobase.records \
         WHERE collection = {collection} \
         AND id = '\\x01'::bytea || int8send(:id::int8 # (-9223372036854775807 - 1)::int8);\n"
    )
}

/// The last rate: where there are two, it is the one without the time to connect.
fn per_second(output: &str) -> Option<f64> {
    let rate = output.lines().rev().find_map(|line| line.strip_prefix("tps = "))?;
    rate.split(' ').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_rate_of_every_version() {
        let old = "latency average = 1 ms\ntps = 10.5 (including connections establishing)\n\
                   tps = 11.25 (excluding connections establishing)\n";
        let new = "latency average = 1 ms\ntps = 12.5 (without initial connection time)\n";
        assert_eq!(per_second(old), Some(11.25));
        assert_eq!(per_second(new), Some(12.5));
        assert_eq!(per_second("pgbench: error"), None);
    }

    #[test]
    fn the_script_asks_for_the_rows_of_the_service() {
        let items = Loaded { collection: "items", first_id: 3, count: 10, took: Duration::ZERO };
        let text = script_text(7, &items);
        assert!(text.starts_with("\\set id random(3, 12)\nSELECT "), "{text}");
        assert!(text.contains("collection = 7 AND id = '\\x01'::bytea || int8send("), "{text}");
    }
}
