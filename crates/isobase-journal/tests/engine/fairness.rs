//! Writers beside one another.

use isobase_engine::{Engine, ErrorKind, Indexes, WriteOperation};
use isobase_journal::testing::Fault;
use isobase_types::DocumentId;

use crate::setup::*;

#[tokio::test]
async fn large_batch_lets_others_have_their_turn() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, put("first", "{}")).await;
    let operations = (0..5_000).map(|_| create("{}")).collect();
    let large = engine.write(batch(operations));
    let small = async {
        for n in 0..10 {
            write(&engine, put(&format!("s{n}"), "{}")).await;
        }
        told(&engine).await.len()
    };
    let (report, told_before) = tokio::join!(large, small);
    assert!(told_before < 4_000, "{told_before}");
    let outcomes = report.unwrap().outcomes;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(outcomes.len(), 5_000);
    assert_eq!(told(&engine).await.len(), 5_011);
}

#[tokio::test(start_paused = true)]
async fn document_that_always_changes_holds_nobody_up() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, put("first", "{}")).await;
    for _ in 0..14 {
        database.inject(Fault::DocumentChanged);
    }
    let (poisoned, other) =
        tokio::join!(try_write(&engine, put("x", "{}")), try_write(&engine, put("y", "{}")));
    assert_eq!(poisoned.unwrap_err().kind, ErrorKind::Unavailable);
    assert!(other.unwrap().is_ok());
}

#[tokio::test]
async fn new_collection_that_takes_its_time_holds_nobody_up() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, put("x", "{}")).await;
    database.hold_preparations(true);
    let first = WriteOperation { collection: name("new"), ..put("first", "{}") };
    let (first, ()) = tokio::join!(try_write(&engine, first), async {
        for n in 0..10 {
            write(&engine, put(&format!("k{n}"), "{}")).await;
        }
        database.hold_preparations(false);
    });
    assert_eq!(first.unwrap().unwrap().revision.number(), Some(12));
}

#[tokio::test]
async fn create_beside_many_integers_of_others_succeeds_in_the_end() {
    let database = database();
    let engine = open(&database).await;
    let first = write(&engine, create("{}")).await;
    assert_eq!(first.id, 1.into());
    for n in 2..=5_000 {
        database.put_foreign(&name("a"), &n.to_string(), "{}");
    }
    // Ids may be left out, but none is given twice.
    let written = write(&engine, create("{}")).await;
    let DocumentId::Integer(id) = written.id else { panic!("{}", written.id) };
    assert!(id > 5_000, "{id}");
    assert_eq!(write(&engine, create("{}")).await.id, (id + 1).into());
}

#[tokio::test]
async fn what_is_no_batch_does_not_wait_for_the_end_of_a_large_one() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, put("first", "{}")).await;
    let operations = (0..5_000).map(|_| create("{}")).collect();
    let large = engine.write(batch(operations));
    let index = async {
        engine.create_index(&name("b"), &index("n")).await.unwrap();
        told(&engine).await.len()
    };
    let (report, told_before) = tokio::join!(large, index);
    assert!(told_before < 4_000, "{told_before}");
    assert_eq!(report.unwrap().outcomes.len(), 5_000);
    assert_eq!(told(&engine).await.len(), 5_001);
}

#[tokio::test]
async fn deleting_many_large_documents_reads_them_in_parts() {
    let database = database();
    let engine = open(&database).await;
    let body = format!("{{\"text\":\"{}\"}}", "x".repeat(4 << 20));
    for n in 0..40 {
        write(&engine, put(&format!("k{n}"), &body)).await;
    }
    let read_before = database.most_bytes_read();
    let deletions = (0..40).map(|n| delete(&format!("k{n}"))).collect();
    let report = engine.write(batch(deletions)).await.unwrap();
    assert!(report.outcomes.iter().all(Result::is_ok));
    assert!(read_before < 8 << 20, "{read_before}");
    assert!(database.most_bytes_read() < 80 << 20, "{}", database.most_bytes_read());
    assert!(get(&engine, "k39").await.is_none());
}
