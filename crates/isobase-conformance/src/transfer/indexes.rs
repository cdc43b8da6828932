//! Cases of indexes in loads.

use std::sync::Arc;

use isobase_engine::{Action, BulkLoad, Counters, Engine, ErrorKind, Rejection, SystemClock};
use isobase_engine_memory::{MemoryEngine, MemoryOptions};
use isobase_types::{Document, Sequence};

use super::{
    Database,
    check::{
        create, document, finish, index, listed, load, name, numbered, read_rest, snapshot, texts,
        try_write, write,
    },
};

pub(crate) async fn declared_indexes_are_kept_true(database: Arc<Database>) {
    let engine = database.engine();
    for text in ["n", "group,-n"] {
        engine.create_index(&name("notes"), &index(text)).await.unwrap();
    }
    create(&engine, "notes", r#"{"n":-1,"group":"g0"}"#).await;
    engine.mark("under way").await.unwrap();
    load(&engine, "notes", &numbered(2..300)).await;
    // The same again, and others in their place.
    load(&engine, "notes", &numbered(100..200)).await;
    let changed: Vec<Document> = (50..150)
        .map(|n| document(&n.to_string(), n, &format!(r#"{{"n":{}}}"#, n + 1000)))
        .collect();
    load(&engine, "notes", &changed).await;
    load(&engine, "notes", &numbered(1..2)).await;
    finish(&engine, 300, 300).await;
    let by_id = listed(&engine, "notes", "").await;
    assert_eq!(by_id.len(), 299);
    let memory = MemoryEngine::new(Arc::new(SystemClock), MemoryOptions::default());
    memory.load(&name("notes"), by_id).await.unwrap();
    let memory: Arc<dyn Engine> = Arc::new(memory);
    for order in ["n", "-n", "group,-n", "-group,n"] {
        let expected = listed(&memory, "notes", order).await;
        assert_eq!(texts(&listed(&engine, "notes", order).await), texts(&expected), "{order}");
    }
}

pub(crate) async fn unfinished_load_may_not_be_unique(database: Arc<Database>) {
    let engine = database.engine();
    let unique = index("unique(n)");
    engine.create_index(&name("notes"), &unique).await.unwrap();
    create(&engine, "notes", r#"{"n":1}"#).await;
    engine.mark("under way").await.unwrap();
    load(&engine, "notes", &numbered(1..20)).await;
    // A value that moves from one document to another may be seen in both for a while.
    let again = document("again", 30, r#"{"n":7}"#);
    load(&engine, "notes", std::slice::from_ref(&again)).await;
    let counters = Counters { sequence: Sequence(100), last_id: 100 };
    let refused = engine.finish(counters).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::NotUnique, "{refused}");
    assert!(refused.message.contains("7, again"), "{refused}");
    assert!(engine.unfinished().await.unwrap().is_some());
    engine.unload(&name("notes"), &[again.id]).await.unwrap();
    finish(&engine, 100, 100).await;
    drop(engine);
    database.reopen().await;
    let engine = database.engine();
    let action = || Action::Create { body: r#"{"n":7.0}"#.to_owned() };
    let report = try_write(&engine, "notes", vec![action()]).await.unwrap();
    assert!(matches!(&report.outcomes[0], Err(Rejection::NotUnique { .. })), "{report:?}");
    let action = Action::Create { body: r#"{"n":30}"#.to_owned() };
    write(&engine, "notes", vec![action]).await;
}

pub(crate) async fn index_of_an_unfinished_load_is_whole(database: Arc<Database>) {
    let engine = database.engine();
    engine.mark("under way").await.unwrap();
    load(&engine, "notes", &numbered(1..50)).await;
    // As a copy does: it compares, brings over what is missing, and declares indexes.
    read_rest(&mut *snapshot(&engine).await, "notes", None, 1 << 20).await;
    load(&engine, "notes", &numbered(50..80)).await;
    engine.create_index(&name("notes"), &index("-n")).await.unwrap();
    finish(&engine, 100, 100).await;
    let mut expected = numbered(1..80);
    expected.reverse();
    assert_eq!(listed(&engine, "notes", "-n").await, expected);
}

pub(crate) async fn collections_with_indexes_are_told_also_without_documents(
    database: Arc<Database>,
) {
    let engine = database.engine();
    assert_eq!(engine.indexed_collections().await.unwrap(), []);
    create(&engine, "others", "{}").await;
    for text in ["notes", "empty", "é"] {
        engine.create_index(&name(text), &index("-n")).await.unwrap();
    }
    create(&engine, "notes", "{}").await;
    let told = ["empty", "notes", "é"].map(name);
    assert_eq!(engine.indexed_collections().await.unwrap(), told);
    engine.drop_index(&name("é"), &index("-n")).await.unwrap();
    engine.delete_collection(&name("notes")).await.unwrap();
    drop(engine);
    database.reopen().await;
    let engine = database.engine();
    let told = engine.indexed_collections().await.unwrap();
    assert_eq!(told, ["empty", "notes"].map(name));
}
