//! What only this engine promises: its file. The contract itself is tested by the conformance
//! suite.

#![expect(clippy::unwrap_used, reason = "a failing helper fails its test")]

use std::{path::Path, sync::Arc};

use isobase_engine::{
    Action, ChangesRequest, Clock, Engine, IfMissing, Precondition, SystemClock, WriteBatch,
    WriteOperation, Written,
};
use isobase_engine_sqlite::{SqliteEngine, SqliteOptions};
use isobase_sqlite::rusqlite;
use isobase_types::{CollectionName, DocumentId, Sequence, Timestamp};

struct FixedClock(i64);

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp { unix_us: self.0 }
    }
}

fn open(path: &Path) -> SqliteEngine {
    SqliteEngine::open(SqliteOptions::new(path), Arc::new(SystemClock)).unwrap()
}

fn create(collection: &str, body: &str) -> WriteBatch {
    batch(collection, Action::Create { body: body.to_owned() })
}

fn batch(collection: &str, action: Action) -> WriteBatch {
    let collection = CollectionName::new(collection).unwrap();
    let operation = WriteOperation { collection, action, precondition: Precondition::None };
    WriteBatch { operations: vec![operation], ..WriteBatch::default() }
}

async fn written(engine: &SqliteEngine, batch: WriteBatch) -> Written {
    engine.write(batch).await.unwrap().outcomes.remove(0).unwrap()
}

#[tokio::test]
async fn everything_is_there_after_reopening() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isobase.db");
    let engine = open(&path);
    let first = written(&engine, create("notes", r#"{"a":1}"#)).await;
    let named = Action::Put {
        id: DocumentId::parse("x").unwrap(),
        body: r#"{"b":2}"#.to_owned(),
        if_missing: IfMissing::Create,
    };
    let second = written(&engine, batch("notes", named)).await;
    engine.close().await.unwrap();
    drop(engine);

    let engine = open(&path);
    let notes = CollectionName::new("notes").unwrap();
    let read = engine.get(&notes, &first.id).await.unwrap().unwrap();
    assert_eq!((read.body.as_str(), read.revision), (r#"{"a":1}"#, first.revision));
    let read = engine.get(&notes, &second.id).await.unwrap().unwrap();
    assert_eq!((read.body.as_str(), read.revision), (r#"{"b":2}"#, second.revision));
    assert_eq!(engine.collections().await.unwrap()[0].documents, 2);
    let third = written(&engine, create("notes", "{}")).await;
    assert_eq!(third.id, DocumentId::Integer(2));
}

#[tokio::test]
async fn other_programs_can_read_the_documents() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isobase.db");
    let engine = open(&path);
    written(&engine, create("with space", r#"{"a":1}"#)).await;
    engine.close().await.unwrap();
    drop(engine);

    let plain = rusqlite::Connection::open(&path).unwrap();
    let row: (String, i64, String) = plain
        .query_row("SELECT collection, id, body FROM documents", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    assert_eq!(row, ("with space".to_owned(), 1, r#"{"a":1}"#.to_owned()));
    let check: String = plain.query_row("PRAGMA integrity_check", [], |row| row.get(0)).unwrap();
    assert_eq!(check, "ok");
}

#[tokio::test]
async fn old_changes_are_removed_and_said_to_be_gone() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SqliteOptions::new(folder.path().join("isobase.db"));
    options.changes_max = 10;
    let engine = SqliteEngine::open(options, Arc::new(FixedClock(1))).unwrap();
    for _ in 0..20 {
        written(&engine, create("notes", "{}")).await;
    }
    let feed = engine.change_feed().unwrap();
    let request = |since| ChangesRequest { since: Sequence(since), collection: None, limit: 100 };
    let gone = feed.read_changes(&request(0)).await.unwrap_err();
    let isobase_engine::ErrorKind::ChangesGone { oldest } = gone.kind else { panic!("{gone}") };
    let page = feed.read_changes(&request(oldest.0)).await.unwrap();
    assert_eq!(page.changes.first().unwrap().sequence.0, oldest.0 + 1);
    assert_eq!(page.next, Sequence(20));
    assert!(page.changes.len() <= 11, "{} changes are kept", page.changes.len());
}
