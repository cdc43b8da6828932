//! A load that is cut off, and a snapshot beside other work.

use std::{
    env,
    io::{BufRead, BufReader, Write},
    process::{Command, Stdio},
};

use isobase_engine::{
    BulkLoad, Counters, Engine, IndexDefinition, Indexes, ListRequest, Listing, NotRead, Snapshots,
};
use isobase_engine_sqlite::SqliteEngine;
use isobase_sqlite::rusqlite;
use isobase_types::{
    CollectionName, Document, DocumentId, Filter, Order, Revision, Sequence, Timestamp,
};

use crate::file::{create, open, written};

const FILE: &str = "ISOBASE_SQLITE_LOAD_FILE";
const CHUNK: i64 = 100;
/// More than a process loads before it is killed.
const DOCUMENTS: i64 = 200_000;

fn notes() -> CollectionName {
    CollectionName::new("notes").unwrap()
}

fn document(id: i64) -> Document {
    Document {
        id: DocumentId::Integer(id),
        revision: Revision::from_number(id.unsigned_abs()),
        created_at: Timestamp { unix_us: id },
        updated_at: Timestamp { unix_us: id + 1 },
        body: format!(r#"{{"n":{}}}"#, -id),
    }
}

async fn list(engine: &SqliteEngine, order: &str) -> Vec<Document> {
    let order = if order.is_empty() { Order::default() } else { Order::parse(order).unwrap() };
    let (mut documents, mut after) = (Vec::new(), None);
    loop {
        let request = ListRequest {
            filter: Filter::all(),
            order: order.clone(),
            after,
            skip: 0,
            limit: 10_000,
            bytes_max: 64 << 20,
            scan_max: 1_000_000,
        };
        let Listing { documents: page, next } = engine.list(&notes(), &request).await.unwrap();
        documents.extend(page);
        after = next;
        if after.is_none() {
            return documents;
        }
    }
}

#[test]
fn killed_load_leaves_its_note_and_goes_on() {
    // The test starts itself as the process to be killed.
    if let Some(path) = env::var_os(FILE) {
        load_until_killed(path.as_ref());
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isobase.db");
    let mut begun_at = 0;
    for kill_after in [1, 7, 30] {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "load::killed_load_leaves_its_note_and_goes_on", "--nocapture"])
            .env(FILE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut lines = lines.map_while(Result::ok).filter_map(|line| line.parse::<i64>().ok());
        let seen = lines.by_ref().take(kill_after).last();
        child.kill().unwrap();
        let acknowledged = lines.last().or(seen).unwrap();
        child.wait().unwrap();
        begun_at = check_after_kill(&path, begun_at, acknowledged);
    }
    finish(&path, begun_at);
}

/// Loads from the place of the note on, and says after each chunk how far it is.
#[tokio::main(flavor = "current_thread")]
async fn load_until_killed(path: &std::path::Path) {
    let engine = open(path);
    let note = engine.unfinished().await.unwrap();
    let begin: i64 = note.map_or(0, |note| note.parse().unwrap());
    engine.mark(&begin.to_string()).await.unwrap();
    let index = IndexDefinition::new(Order::parse("n").unwrap()).unwrap();
    engine.create_index(&notes(), &index).await.unwrap();
    for chunk in 0.. {
        let first = begin + chunk * CHUNK + 1;
        let documents = (first..first + CHUNK).map(document).collect();
        engine.load(&notes(), documents).await.unwrap();
        let to = first + CHUNK - 1;
        if chunk % 5 == 4 {
            engine.mark(&to.to_string()).await.unwrap();
        }
        // One write per line, so that a kill cannot leave a shortened number behind.
        std::io::stdout().write_all(format!("\n{to}\n").as_bytes()).unwrap();
        assert!(to < DOCUMENTS, "nobody kills this process");
    }
}

/// What a killed process left; gives the place of its note.
#[tokio::main(flavor = "current_thread")]
async fn check_after_kill(path: &std::path::Path, begun_at: i64, acknowledged: i64) -> i64 {
    let engine = open(path);
    let note: i64 = engine.unfinished().await.unwrap().unwrap().parse().unwrap();
    assert!(note >= begun_at && note <= acknowledged + CHUNK, "{note} of {acknowledged}");
    let found = list(&engine, "").await;
    let whole = i64::try_from(found.len()).unwrap();
    assert!(whole >= note && whole >= acknowledged, "{whole}, {note}, {acknowledged}");
    assert_eq!(whole % CHUNK, 0, "a part of a chunk is there");
    assert_eq!(found, (1..=whole).map(document).collect::<Vec<_>>());
    assert_eq!(engine.collections().await.unwrap()[0].documents, found.len() as u64);
    engine.close().await.unwrap();
    note
}

#[tokio::main(flavor = "current_thread")]
async fn finish(path: &std::path::Path, begin: i64) {
    let engine = open(path);
    let there = i64::try_from(list(&engine, "").await.len()).unwrap();
    let end = there + CHUNK;
    engine.load(&notes(), (begin + 1..=end).map(document).collect()).await.unwrap();
    let counters = Counters { sequence: Sequence(end.unsigned_abs()), last_id: end };
    BulkLoad::finish(&engine, counters).await.unwrap();
    assert_eq!(engine.unfinished().await.unwrap(), None);
    let mut expected: Vec<_> = (1..=end).map(document).collect();
    assert_eq!(list(&engine, "").await, expected);
    expected.reverse();
    assert_eq!(list(&engine, "n").await, expected);
    assert_eq!(written(&engine, create("notes", "{}")).await.id, DocumentId::Integer(end + 1));
}

#[tokio::test]
async fn closed_engine_ends_its_snapshots() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isobase.db");
    let engine = open(&path);
    written(&engine, create("notes", "{}")).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    assert_eq!(snapshot.read(&notes(), None, 1000).await.unwrap().len(), 1);
    engine.close().await.unwrap();
    snapshot.read(&notes(), None, 1000).await.unwrap_err();
    assert!(engine.snapshot().await.is_err());
    // Nothing holds the file any more, and the log is gone.
    assert!(!path.with_extension("db-wal").exists());
    let again = open(&path);
    assert_eq!(again.collections().await.unwrap().len(), 1);
}

#[tokio::test]
async fn tables_of_other_programs_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isobase.db");
    let engine = open(&path);
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain.execute_batch("CREATE TABLE customers (n); CREATE INDEX by_n ON customers (n)").unwrap();
    let mut snapshot = engine.snapshot().await.unwrap();
    let not_read = snapshot.not_read().await.unwrap();
    assert_eq!(not_read, [NotRead::new("customers", "another program's table")]);
}

#[tokio::test]
async fn log_is_emptied_after_a_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let engine = open(&folder.path().join("isobase.db"));
    written(&engine, create("notes", "{}")).await;
    let mut snapshot = engine.snapshot().await.unwrap();
    for first in (1..40_000).step_by(4_000) {
        let documents = (first..first + 4_000).map(document).collect();
        engine.load(&notes(), documents).await.unwrap();
    }
    let pages = |engine: &SqliteEngine| engine.database().metrics().log_pages;
    let grown = pages(&engine);
    assert_eq!(snapshot.read(&notes(), None, 1 << 20).await.unwrap().len(), 1);
    drop(snapshot);
    // What is written now overtakes what the snapshot held.
    for first in (40_001..400_000).step_by(4_000) {
        if pages(&engine) < grown {
            return;
        }
        let documents = (first..first + 4_000).map(document).collect();
        engine.load(&notes(), documents).await.unwrap();
    }
    panic!("the log has {} pages, as many as ever", pages(&engine));
}
