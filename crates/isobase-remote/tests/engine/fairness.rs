//! Writers beside one another.

use isobase_engine::{Engine, ErrorKind};
use isobase_remote::testing::Fault;

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
