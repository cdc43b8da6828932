//! Promises that were once broken.

use isobase_engine::{BulkLoad, Counters, Engine, Idempotency, Indexes, Reconcile};
use isobase_journal::testing::{FakeDatabase, FakeSettings, Fault};
use isobase_types::{Document, Revision, Sequence, Timestamp};

use crate::setup::*;

#[tokio::test]
async fn key_of_a_half_done_commit_is_not_carried_out_again() {
    for settings in [FakeSettings::small_commits(), FakeSettings::large_commits()] {
        let database = FakeDatabase::new(settings);
        let engine = open(&database).await;
        let keyed = || {
            let idempotency = Some(Idempotency { key: [1; 32], fingerprint: [2; 32] });
            isobase_engine::WriteBatch { idempotency, ..batch(vec![create("{}")]) }
        };
        database.inject(Fault::HalfDone);
        database.break_heads(true);
        // The log is written, no one could say so, and the documents are not there yet.
        let (first, ()) = tokio::join!(engine.write(keyed()), async {
            while database.commits() == 0 {
                tokio::task::yield_now().await;
            }
            tokio::task::yield_now().await;
            database.break_heads(false);
        });
        drop(first);
        let other = open(&database).await;
        let again = other.write(keyed()).await.unwrap();
        assert!(again.replayed);
        assert_eq!(list(&other, "").await, ["1"]);
    }
}

#[tokio::test]
async fn listing_leaves_the_content_of_others_as_it_is() {
    let database = database();
    // 2.0 would be written as 2 by us.
    database.put_foreign(&name("a"), "x", "{\"b\":2.0,\"a\":1e300}");
    let engine = open(&database).await;
    assert_eq!(list(&engine, "").await, ["x"]);
    let native = database.native(&name("a"), "x").unwrap();
    assert!(native.starts_with("{\"a\":1e300,\"b\":2.0,\"isobase_meta\":{"), "{native}");
    let found = get(&engine, "x").await.unwrap();
    assert_eq!((found.body.as_str(), found.revision.number()), ("{\"a\":1e300,\"b\":2}", Some(1)));
}

#[tokio::test]
async fn copied_document_is_another_programs() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, put("x", "{\"n\":1}")).await;
    let native = database.native(&name("a"), "x").unwrap();
    database.put_foreign(&name("a"), "y", &native);
    assert!(get(&engine, "y").await.unwrap().revision.to_string().starts_with("foreign-"));
    Reconcile::reconcile(&engine, &name("a")).await.unwrap();
    assert_eq!(list(&engine, "").await, ["x", "y"]);
    assert_eq!(told(&engine).await, ["created x", "created y"]);
}

#[tokio::test]
async fn documents_of_a_lost_journal_are_taken_in() {
    let (old, new) = (database(), database());
    let engine = open(&old).await;
    for n in 0..3 {
        write(&engine, put(&format!("k{n}"), "{\"n\":1}")).await;
        let native = old.native(&name("a"), &format!("k{n}")).unwrap();
        new.put_foreign(&name("a"), &format!("k{n}"), &native);
    }
    let engine = open(&new).await;
    assert_eq!(list(&engine, "").await, ["k0", "k1", "k2"]);
    assert_eq!(engine.delete_collection(&name("a")).await.unwrap(), 3);
    engine.close().await.unwrap();
    assert_eq!(list(&open(&new).await, "").await, Vec::<String>::new());
}

#[tokio::test]
async fn load_after_a_deletion_keeps_what_it_loads() {
    let database = database();
    let engine = open(&database).await;
    for n in 0..5 {
        write(&engine, put(&format!("old{n}"), "{}")).await;
    }
    database.hold_purges(true);
    assert_eq!(engine.delete_collection(&name("a")).await.unwrap(), 5);
    let document = |key: &str, revision: &str| Document {
        id: id(key),
        revision: Revision::parse(revision).unwrap(),
        created_at: Timestamp { unix_us: 1 },
        updated_at: Timestamp { unix_us: 2 },
        body: "{}".to_owned(),
    };
    engine.mark("a load").await.unwrap();
    let collection = name("a");
    let load = engine.load(&collection, vec![document("new", "3"), document("text", "foreign-1")]);
    let (loaded, ()) = tokio::join!(load, async {
        tokio::task::yield_now().await;
        database.hold_purges(false);
    });
    loaded.unwrap();
    engine.finish(Counters { sequence: Sequence(100), last_id: 7 }).await.unwrap();
    assert_eq!(list(&engine, "").await, ["new", "text"]);
    engine.close().await.unwrap();
    assert_eq!(list(&open(&database).await, "").await, ["new", "text"]);
    assert_eq!(database.entries(&name("a")), 2);
}

#[tokio::test]
async fn deletion_of_a_dead_process_is_finished_by_another() {
    let database = database();
    let (engine, other) = (open(&database).await, open(&database).await);
    write(&engine, put("x", "{}")).await;
    database.hold_purges(true);
    assert_eq!(engine.delete_collection(&name("a")).await.unwrap(), 1);
    engine.close().await.unwrap();
    drop(engine);
    database.hold_purges(false);
    assert!(database.native(&name("a"), "x").is_some());
    other.indexes(&name("a")).await.unwrap();
    assert_eq!(list(&other, "").await, Vec::<String>::new());
    other.close().await.unwrap();
    assert!(database.native(&name("a"), "x").is_none());
}
