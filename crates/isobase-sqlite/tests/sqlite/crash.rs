//! A process that is killed loses nothing it has acknowledged.

use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use isobase_sqlite::{Database, Options};

use crate::fixture::{Job, LONG, Rows, create_table, ids};

const FILE: &str = "ISOBASE_SQLITE_CRASH_FILE";
const ROUNDS: usize = 5;
/// Acknowledged rows after which a round is cut off.
const ACKNOWLEDGED: usize = 200;
const TASKS: i64 = 16;

#[test]
fn kill_loses_no_acknowledged_row() {
    // The test starts itself as the process to be killed.
    if let Some(path) = env::var_os(FILE) {
        write_until_killed(path.into());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data.db");
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "crash::kill_loses_no_acknowledged_row", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok).filter_map(|line| line.parse::<i64>().ok());
        acknowledged.extend(lines.by_ref().take(ACKNOWLEDGED));
        child.kill().unwrap();
        // What was still in the pipe was acknowledged, too.
        acknowledged.extend(lines);
        child.wait().unwrap();
        assert!(acknowledged.len() >= (round + 1) * ACKNOWLEDGED);
        let database = Database::open(Options::new(&path), create_table).unwrap();
        let stored = database.read_inline(ids).unwrap();
        let lost: Vec<_> =
            acknowledged.iter().filter(|id| stored.binary_search(id).is_err()).collect();
        assert!(lost.is_empty(), "round {round} lost {lost:?}");
    }
}

#[tokio::main(flavor = "current_thread")]
async fn write_until_killed(path: std::path::PathBuf) {
    let database = Database::open(Options::new(path), create_table).unwrap();
    let first = database.read_inline(ids).unwrap().last().map_or(1, |last| last + 1);
    let writer = database.start_writer(Rows::load).unwrap();
    let tasks = (0..TASKS).map(|task| {
        let writer = writer.clone();
        tokio::spawn(async move {
            for id in (first + task..).step_by(TASKS as usize) {
                writer.submit(Job::Insert(id), LONG).await.unwrap().unwrap();
                // One write per line, so that a kill cannot leave a shortened number behind.
                std::io::stdout().write_all(format!("\n{id}\n").as_bytes()).unwrap();
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.unwrap();
    }
}
