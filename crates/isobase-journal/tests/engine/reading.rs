//! Reading a database whole, without writing to it.

use std::sync::Arc;

use isobase_conformance::TestClock;
use isobase_engine::{
    BulkLoad, ChangeFeed, ChangesRequest, Engine, ErrorKind, ReadOnly, Snapshot, Snapshots,
    Unreadable,
};
use isobase_journal::{JournalOptions, JournalReader, testing::FakeDatabase};
use isobase_types::{Document, Sequence};

use crate::setup::*;

async fn reader(database: &FakeDatabase) -> ReadOnly<JournalReader<FakeDatabase>> {
    let (options, clock) = (JournalOptions::default(), TestClock::default().shared());
    JournalReader::open(database.clone(), options, clock).await.unwrap()
}

/// All documents of collection `a`, in parts of a few bytes.
async fn read_all(snapshot: &mut Box<dyn Snapshot>) -> Vec<Document> {
    let mut all: Vec<Document> = Vec::new();
    loop {
        let after = all.last().map(|last| last.id.clone());
        let part = snapshot.read(&name("a"), after.as_ref(), 20).await.unwrap();
        if part.is_empty() {
            return all;
        }
        all.extend(part);
    }
}

#[tokio::test]
async fn shows_what_others_wrote_and_leaves_it_alone() {
    let database = database();
    let engine = open(&database).await;
    for n in 0..5 {
        write(&engine, create(&format!("{{\"n\":{n}}}"))).await;
    }
    write(&engine, put("own", "{}")).await;
    database.put_foreign(&name("a"), "1", "{\"n\":9}");
    database.put_foreign(&name("a"), "new", "{\"id\":\"ext-77\",\"n\":-1}");
    let natives = || ["1", "2", "own", "new"].map(|id| database.native(&name("a"), id));
    let (before, entries, commits) = (natives(), database.entries(&name("a")), database.commits());
    let reader = reader(&database).await;
    let mut snapshot = reader.snapshot().await.unwrap();
    let infos = snapshot.collections().await.unwrap();
    assert_eq!(infos.iter().map(|info| info.name.as_str()).collect::<Vec<_>>(), ["a"]);
    let found = read_all(&mut snapshot).await;
    let ids: Vec<String> = found.iter().map(|document| document.id.to_string()).collect();
    assert_eq!(ids, ["1", "2", "3", "4", "5", "new", "own"]);
    assert_eq!(found[0].body, "{\"n\":9}");
    assert!(found[5].body.starts_with("{\"id\":\"ext-77\""), "{}", found[5].body);
    assert_eq!(snapshot.unreadable(&name("a")).await.unwrap(), Unreadable::default());
    assert_eq!(snapshot.counters().sequence, Sequence(6));
    let request = ChangesRequest { since: Sequence(4), collection: None, limit: 10, bodies: false };
    let page = reader.read_changes(&request).await.unwrap();
    assert_eq!((page.changes.len(), page.next), (2, Sequence(6)));
    assert_eq!(page.identity, engine.identity().await.unwrap());
    assert_eq!(reader.get(&name("a"), &id("1")).await.unwrap().unwrap().body, "{\"n\":9}");
    let refused = reader.write(batch(vec![create("{}")])).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unsupported);
    reader.close().await.unwrap();
    assert_eq!(natives(), before);
    assert_eq!((database.entries(&name("a")), database.commits()), (entries, commits));
}

#[tokio::test]
async fn needs_no_journal() {
    let database = database();
    database.put_foreign(&name("a"), "x", "{\"b\":1}");
    let before = database.native(&name("a"), "x");
    let reader = Arc::new(reader(&database).await);
    assert_eq!(reader.unfinished().await.unwrap(), None);
    assert_eq!(reader.latest().await.unwrap(), Sequence(0));
    let mut snapshot = reader.snapshot().await.unwrap();
    assert_eq!(snapshot.collections().await.unwrap().len(), 1);
    assert_eq!(read_all(&mut snapshot).await.len(), 1);
    assert_eq!(database.native(&name("a"), "x"), before);
    assert_eq!(database.heads_read(), 0);
}
