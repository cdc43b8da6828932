//! Cases of snapshots.

use std::sync::Arc;

use isobase_engine::{Action, Engine, SystemClock};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_types::{DocumentId, json};

use super::{
    Database,
    check::{
        changes, create, document, id, listed, load_whole, name, numbered, put, read_rest,
        snapshot, write,
    },
};
use crate::values::ACCEPTED;

pub(crate) async fn snapshot_reads_everything_in_order(database: Arc<Database>) {
    let engine = database.engine();
    let bodies: Vec<Action> =
        (0..700).map(|n| Action::Create { body: format!(r#"{{"n":{n}}}"#) }).collect();
    for part in bodies.chunks(100) {
        write(&engine, "many", part.to_vec()).await;
    }
    for key in ["z", "é", "a b", "10a", "A"] {
        put(&engine, "many", key, "{}").await;
    }
    create(&engine, "an other", r#"{"a":1}"#).await;
    let mut all = snapshot(&engine).await;
    assert_eq!(all.collections().await.unwrap(), engine.collections().await.unwrap());
    for bytes_max in [0, 1, 100, 4096, 1 << 20] {
        let documents = read_rest(&mut *all, "many", None, bytes_max).await;
        assert_eq!(documents, listed(&engine, "many", "").await, "in parts of {bytes_max} bytes");
    }
    let others = read_rest(&mut *all, "an other", None, 4096).await;
    assert_eq!(others, listed(&engine, "an other", "").await);
    assert!(read_rest(&mut *all, "unknown", None, 4096).await.is_empty());
}

pub(crate) async fn snapshot_goes_on_after_any_id(database: Arc<Database>) {
    let engine = database.engine();
    let mut documents = numbered(1..300);
    documents.extend(["a", "b", "c"].map(|key| document(key, 300, "{}")));
    load_whole(&engine, "notes", &documents, 400, 300).await;
    let mut all = snapshot(&engine).await;
    // Forwards, backwards, in the middle of a part that was begun, and after ids that never were.
    for after in ["200", "298", "299", "100", "5000", "aa", "b", "c", "d", "7"] {
        let after = id(after);
        let place = documents.partition_point(|document| document.id <= after);
        let rest = read_rest(&mut *all, "notes", Some(after.clone()), 500).await;
        assert_eq!(rest, documents[place..], "after {after}");
        all.read(&name("notes"), None, 500).await.unwrap();
    }
    // A reading that no one waits for any more does no harm.
    let notes = name("notes");
    for _ in 0..5 {
        let reading = all.read(&notes, None, 500);
        let _ = tokio::time::timeout(std::time::Duration::ZERO, reading).await;
    }
    assert_eq!(read_rest(&mut *all, "notes", None, 500).await, documents);
}

pub(crate) async fn snapshot_tells_the_counters(database: Arc<Database>) {
    let engine = database.engine();
    let counters = |engine: Arc<dyn Engine>| async move {
        let counters = snapshot(&engine).await.counters();
        (counters.sequence.0, counters.last_id)
    };
    assert_eq!(counters(engine.clone()).await, (0, 0));
    create(&engine, "notes", "{}").await;
    put(&engine, "notes", "x", "{}").await;
    write(&engine, "notes", vec![Action::Delete { id: id("1") }]).await;
    assert_eq!(counters(engine.clone()).await, (3, 1));
    load_whole(&engine, "notes", &numbered(1..11), 100, 20).await;
    assert_eq!(counters(engine.clone()).await, (100, 20));
}

pub(crate) async fn snapshot_is_of_one_moment_where_it_says_so(database: Arc<Database>) {
    let engine = database.engine();
    let puts = |round: usize| -> Vec<Action> {
        (0..50)
            .map(|n| Action::Put {
                id: id(&format!("d{n:02}")),
                body: format!(r#"{{"round":{round}}}"#),
                if_missing: isobase_engine::IfMissing::Create,
            })
            .collect()
    };
    write(&engine, "notes", puts(0)).await;
    put(&engine, "later", "x", "{}").await;
    let before = listed(&engine, "notes", "").await;
    let mut all = snapshot(&engine).await;
    let sequence = all.counters().sequence.0;
    assert_eq!(sequence, 51);
    let (mut found, mut after) = (Vec::new(), None);
    for round in 1.. {
        // Between any two parts everything changes, something comes and something goes.
        write(&engine, "notes", puts(round)).await;
        // Not for ever: a snapshot that is of no one moment would never come to the end.
        if round <= 20 {
            put(&engine, "notes", &format!("e{round:02}"), "{}").await;
        }
        write(&engine, "notes", vec![Action::Delete { id: id(&format!("d{:02}", 50 - round)) }])
            .await;
        let part = all.read(&name("notes"), after.as_ref(), 60).await.unwrap();
        let Some(last) = part.last() else { break };
        assert!(round < 50, "the parts are too small");
        after = Some(last.id.clone());
        found.extend(part);
    }
    engine.delete_collection(&name("later")).await.unwrap();
    if all.is_of_one_moment() {
        assert_eq!(found, before);
        assert_eq!(all.collections().await.unwrap().len(), 2);
        assert_eq!(read_rest(&mut *all, "later", None, 60).await.len(), 1);
        return;
    }
    // What was not as before has a place in the feed after the counters.
    let page = changes(&engine, sequence).await.unwrap();
    let is_told = |id: &DocumentId| page.changes.iter().any(|c| c.id.as_ref() == Some(id));
    for document in &found {
        assert!(before.contains(document) || is_told(&document.id), "{document:?}");
    }
    for document in &before {
        assert!(found.contains(document) || is_told(&document.id), "{document:?}");
    }
}

pub(crate) async fn snapshot_of_an_empty_database_is_empty(database: Arc<Database>) {
    let engine = database.engine();
    let mut all = snapshot(&engine).await;
    create(&engine, "notes", "{}").await;
    if all.is_of_one_moment() {
        assert!(all.collections().await.unwrap().is_empty());
        assert!(all.read(&name("notes"), None, 1000).await.unwrap().is_empty());
    }
    assert!(all.read(&name("others"), None, 1000).await.unwrap().is_empty());
}

pub(crate) async fn snapshots_and_loads_make_a_copy(database: Arc<Database>) {
    let from: Arc<dyn Engine> =
        Arc::new(MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default()));
    for (n, (sent, _)) in ACCEPTED.iter().enumerate() {
        let body = format!(r#"{{"n":{n},"v":{sent}}}"#);
        let body = json::canonicalise_document(body.as_bytes()).unwrap();
        create(&from, ["notes", "other notes"][n % 2], &body).await;
        put(&from, "by name", &format!("name {n}"), &body).await;
    }
    // There, and back again.
    let to = database.engine();
    copy(&from, &to).await;
    let back: Arc<dyn Engine> =
        Arc::new(MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default()));
    copy(&to, &back).await;
    for engine in [&to, &back] {
        assert_eq!(engine.collections().await.unwrap(), from.collections().await.unwrap());
        for collection in ["notes", "other notes", "by name"] {
            let expected = listed(&from, collection, "").await;
            assert_eq!(listed(engine, collection, "").await, expected);
        }
        assert_eq!(
            create(engine, "notes", "{}").await.id,
            DocumentId::Integer(ACCEPTED.len() as i64 + 1)
        );
    }
}

async fn copy(from: &Arc<dyn Engine>, to: &Arc<dyn Engine>) {
    let mut all = snapshot(from).await;
    to.mark("a copy").await.unwrap();
    for info in all.collections().await.unwrap() {
        let mut after = None;
        loop {
            let part = all.read(&info.name, after.as_ref(), 2000).await.unwrap();
            let Some(last) = part.last() else { break };
            after = Some(last.id.clone());
            to.load(&info.name, part).await.unwrap();
        }
    }
    to.finish(all.counters()).await.unwrap();
}
