//! What is in the file.

use std::{path::Path, sync::Arc, time::Duration};

use isobase_engine::{
    Action, BulkLoad, ChangeFeed, ChangesRequest, Clock, Counters, Engine, IfMissing, Precondition,
    SystemClock, WriteBatch, WriteOperation, Written,
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

pub(crate) fn open(path: &Path) -> SqliteEngine {
    SqliteEngine::open(SqliteOptions::new(path), Arc::new(SystemClock)).unwrap()
}

pub(crate) fn create(collection: &str, body: &str) -> WriteBatch {
    batch(collection, Action::Create { body: body.to_owned() })
}

fn batch(collection: &str, action: Action) -> WriteBatch {
    let collection = CollectionName::new(collection).unwrap();
    let operation = WriteOperation { collection, action, precondition: Precondition::None };
    WriteBatch { operations: vec![operation], ..WriteBatch::default() }
}

pub(crate) async fn written(engine: &SqliteEngine, batch: WriteBatch) -> Written {
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
    let row: (String, String, String) = plain
        .query_row("SELECT collection, id, document FROM documents", [], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .unwrap();
    let expected = ["with space", "1", r#"{"a":1}"#].map(str::to_owned);
    assert_eq!(row, expected.into());
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
    let request = |since| ChangesRequest {
        since: Sequence(since),
        collection: None,
        limit: 100,
        bodies: false,
    };
    let gone = engine.read_changes(&request(0)).await.unwrap_err();
    let isobase_engine::ErrorKind::ChangesGone { oldest } = gone.kind else { panic!("{gone}") };
    let page = engine.read_changes(&request(oldest.0)).await.unwrap();
    assert_eq!(page.changes.first().unwrap().sequence.0, oldest.0 + 1);
    assert_eq!(page.next, Sequence(20));
    assert!(page.changes.len() <= 11, "{} changes are kept", page.changes.len());
}

#[tokio::test]
async fn file_of_the_first_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isobase.db");
    let engine = open(&path);
    written(&engine, create("notes", r#"{"a":1}"#)).await;
    for key in ["x", "é"] {
        let id = DocumentId::parse(key).unwrap();
        let (body, if_missing) = (r#"{"b":2}"#.to_owned(), IfMissing::Create);
        written(&engine, batch("notes", Action::Put { id, body, if_missing })).await;
    }
    let notes = CollectionName::new("notes").unwrap();
    let request = isobase_engine::ListRequest {
        filter: isobase_types::Filter::all(),
        order: isobase_types::Order::default(),
        after: None,
        skip: 0,
        limit: 100,
        bytes_max: 1 << 20,
        scan_max: 1000,
    };
    let before = engine.list(&notes, &request).await.unwrap();
    assert_eq!(before.documents.len(), 3);
    engine.close().await.unwrap();
    drop(engine);
    make_first_version(&path);

    let engine = open(&path);
    assert_eq!(engine.list(&notes, &request).await.unwrap(), before);
    let identity = engine.identity().await.unwrap();
    assert!(identity.is_first_epoch());
    assert_eq!(engine.unfinished().await.unwrap(), None);
    engine.mark("begun").await.unwrap();
    assert_eq!(engine.unfinished().await.unwrap().as_deref(), Some("begun"));
    engine.close().await.unwrap();
    drop(engine);
    let plain = rusqlite::Connection::open(&path).unwrap();
    let rows = plain.query_row("SELECT count(*) FROM documents", [], |row| row.get::<_, i64>(0));
    assert_eq!(rows.unwrap(), 3);
}

/// Leaves what the first version of this program would have written.
fn make_first_version(path: &Path) {
    let plain = rusqlite::Connection::open(path).unwrap();
    plain
        .execute_batch(
            "BEGIN;
             DROP TABLE unfinished;
             DELETE FROM counters WHERE name IN ('database', 'epoch');
             ALTER TABLE changes DROP COLUMN former;
             ALTER TABLE changes DROP COLUMN body;
             DROP TABLE change_bodies;
             DROP VIEW documents;
             ALTER TABLE named_records RENAME TO newer;
             CREATE TABLE named_records (
                 collection INTEGER NOT NULL, id TEXT NOT NULL, revision INTEGER NOT NULL,
                 created_at INTEGER NOT NULL, updated_at INTEGER NOT NULL, body TEXT NOT NULL,
                 PRIMARY KEY (collection, id)
             ) STRICT, WITHOUT ROWID;
             INSERT INTO named_records SELECT * FROM newer;
             DROP TABLE newer;
             CREATE VIEW documents (collection, id, body) AS
                 SELECT collection, id, body FROM named_records;
             PRAGMA user_version = 1;
             COMMIT;",
        )
        .unwrap();
}

#[tokio::test]
async fn a_write_that_finds_the_file_locked_takes_nothing_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut options = SqliteOptions::new(folder.path().join("isobase.db"));
    options.file.busy_timeout = Duration::from_millis(20);
    let engine = SqliteEngine::open(options, Arc::new(SystemClock)).unwrap();
    let first = written(&engine, create("notes", "{}")).await;
    engine.mark("under way").await.unwrap();
    engine.finish(Counters::default()).await.unwrap();
    let second = written(&engine, create("notes", "{}")).await;
    let other = rusqlite::Connection::open(folder.path().join("isobase.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for _ in 0..2 {
        let refused = engine.write(create("notes", "{}")).await.unwrap_err();
        assert!(refused.is_temporary(), "{refused}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    let third = written(&engine, create("notes", "{}")).await;
    let numbers = [&first, &second, &third].map(|it| it.revision.number().unwrap());
    assert!(numbers.is_sorted_by(|a, b| a < b), "{numbers:?}");
    assert_eq!([&first, &second, &third].map(|it| it.id.to_string()), ["1", "2", "3"]);
    assert_eq!(engine.collections().await.unwrap()[0].documents, 3);
}

#[tokio::test]
async fn file_of_the_second_version_is_brought_up_to_date() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("isobase.db");
    let plain = rusqlite::Connection::open(&path).unwrap();
    plain.execute_batch(include_str!("version_2.sql")).unwrap();
    drop(plain);
    let engine = open(&path);
    let notes = CollectionName::new("notes").unwrap();
    let first = engine.get(&notes, &DocumentId::Integer(2)).await.unwrap().unwrap();
    assert_eq!((first.body.as_str(), first.revision.number()), (r#"{"n":1.50,"t":"a"}"#, Some(4)));
    assert_eq!(first.updated_at.unix_us - first.created_at.unix_us, 25);
    // By the index, whose keys are as they were.
    let request = isobase_engine::ListRequest {
        filter: isobase_types::Filter::all(),
        order: isobase_types::Order::parse("n").unwrap(),
        after: None,
        skip: 0,
        limit: 100,
        bytes_max: 1 << 20,
        scan_max: 1_000,
    };
    let ids = |listing: isobase_engine::Listing| {
        listing.documents.iter().map(|document| document.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(engine.list(&notes, &request).await.unwrap()), ["x", "2", "1"]);
    let request = ChangesRequest { since: Sequence(0), collection: None, limit: 100, bodies: true };
    let told = engine.read_changes(&request).await.unwrap().changes;
    let told: Vec<_> = told.iter().map(|change| change.kind.as_str()).collect();
    assert_eq!(told, ["created", "created", "created", "updated", "collection_deleted"]);
    let new = written(&engine, create("notes", "{}")).await;
    assert_eq!((new.id, new.revision.number()), (DocumentId::Integer(3), Some(6)));
    assert!(engine.identity().await.unwrap().is_first_epoch());
    let infos = engine.collections().await.unwrap();
    assert_eq!((infos.len(), infos[0].documents), (1, 4));
}
