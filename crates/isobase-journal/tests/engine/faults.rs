//! Commits that go wrong.

use isobase_engine::{Engine, ErrorKind, Idempotency, IndexState, Indexes, Rejection};
use isobase_journal::testing::Fault;

use crate::setup::*;

#[tokio::test]
async fn recovered_faults_change_no_answer() {
    for fault in [
        Fault::HeadMoved,
        Fault::DocumentChanged,
        Fault::AnswerLost,
        Fault::RequestLost,
        Fault::RequestLate,
        Fault::HalfDone,
    ] {
        let database = database();
        let engine = open(&database).await;
        assert_eq!(write(&engine, create("{\"n\":1}")).await.id, 1.into());
        database.inject(fault);
        let written = write(&engine, create("{\"n\":2}")).await;
        assert_eq!((written.id, written.revision.number()), (2.into(), Some(2)), "{fault:?}");
        database.inject(fault);
        write(&engine, put("1", "{\"n\":3}")).await;
        assert_eq!(list(&engine, "").await, ["1", "2"], "{fault:?}");
        assert_eq!(told(&engine).await, ["created 1", "created 2", "updated 1"], "{fault:?}");
    }
}

#[tokio::test]
async fn refused_commit_is_told_and_leaves_nothing() {
    let database = database();
    let engine = open(&database).await;
    for kind in [ErrorKind::Unavailable, ErrorKind::OutOfSpace, ErrorKind::Unexpected] {
        database.inject(Fault::Refused(kind));
        let refused = try_write(&engine, create("{}")).await.unwrap_err();
        assert_eq!(refused.kind, kind);
    }
    assert_eq!(write(&engine, create("{}")).await.id, 1.into());
    assert_eq!(list(&engine, "").await, ["1"]);
}

#[tokio::test]
async fn permanent_failure_meets_only_its_batch() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, create("{}")).await;
    // The first commit holds all of them, the second only the first.
    database.inject(Fault::Refused(ErrorKind::InvalidArgument));
    database.inject(Fault::Refused(ErrorKind::InvalidArgument));
    let writes = (0..8).map(|_| try_write(&engine, create("{}")));
    let outcomes = futures_util::future::join_all(writes).await;
    assert!(outcomes.iter().filter(|outcome| outcome.is_err()).count() <= 2);
    let created = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(list(&engine, "").await.len(), created + 1);
}

#[tokio::test]
async fn part_of_a_batch_before_a_failure_is_an_unknown_outcome() {
    let database = database();
    let engine = open(&database).await;
    write(&engine, create("{}")).await;
    let operations = (0..200).map(|_| create("{}")).collect();
    let (report, ()) = tokio::join!(engine.write(batch(operations)), async {
        while database.commits() < 2 {
            tokio::task::yield_now().await;
        }
        database.inject(Fault::Refused(ErrorKind::Unavailable));
    });
    assert_eq!(report.unwrap_err().kind, ErrorKind::OutcomeUnknown);
    let there = list(&engine, "").await.len();
    assert!(there > 1 && there < 201, "{there}");
    assert_eq!(told(&engine).await.len(), there);
}

#[tokio::test]
async fn pieces_that_do_not_fit_are_refused_whole() {
    let database = database();
    let engine = open(&database).await;
    for fields in ["a", "b", "c", "d", "e"] {
        engine.create_index(&name("a"), &index(fields)).await.unwrap();
    }
    // 32 operations are allowed, but not with 6 keys each.
    let operations: Vec<_> = (0..32).map(|_| create("{}")).collect();
    let refused = engine.write_atomic(batch(operations.clone())).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::LimitExceeded);
    assert!(refused.message.contains("97 items"), "{}", refused.message);
    let operations = (0..33).map(|_| create("{}")).collect();
    let refused = engine.write_atomic(batch(operations)).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::LimitExceeded);
    assert_eq!(list(&engine, "").await.len(), 0);
    let operations = (0..10).map(|_| create("{}")).collect();
    let report = engine.write_atomic(batch(operations)).await.unwrap();
    assert!(report.outcomes.iter().all(Result::is_ok));
}

#[tokio::test]
async fn answer_to_a_key_survives_a_lost_answer() {
    let database = database();
    let engine = open(&database).await;
    let idempotency = Some(Idempotency { key: [1; 32], fingerprint: [2; 32] });
    for fault in [Fault::AnswerLost, Fault::RequestLate, Fault::HalfDone] {
        database.inject(fault);
        let mut keyed = batch(vec![delete("missing")]);
        keyed.idempotency.clone_from(&idempotency);
        let report = engine.write(keyed).await.unwrap();
        assert_eq!(report.outcomes, [Err(Rejection::NotFound)]);
    }
    let mut repeated = batch(vec![delete("missing")]);
    repeated.idempotency.clone_from(&idempotency);
    assert!(engine.write(repeated).await.unwrap().replayed);
}

#[tokio::test]
async fn too_many_indexes_are_refused() {
    let database = database();
    let engine = open(&database).await;
    for n in 0.. {
        let declared = engine.create_index(&name("a"), &index(&format!("field{n}"))).await;
        if let Err(refused) = declared {
            assert_eq!(refused.kind, ErrorKind::LimitExceeded);
            assert!(n > 20, "{n}");
            break;
        }
    }
    write(&engine, put("x", "{}")).await;
    write(&engine, put("x", "{\"field1\":1}")).await;
}

#[tokio::test]
async fn closed_engine_refuses() {
    let database = database();
    let engine = open(&database).await;
    let writes = (0..50).map(|_| try_write(&engine, create("{}")));
    let (outcomes, closed) = tokio::join!(futures_util::future::join_all(writes), engine.close());
    closed.unwrap();
    let written = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    assert_eq!(list(&open(&database).await, "").await.len(), written);
    let refused = try_write(&engine, create("{}")).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Unavailable);
    assert!(engine.get(&name("a"), &id("1")).await.is_err());
}

#[tokio::test]
async fn index_keys_that_the_database_cannot_have_are_cut_and_sorted_on_reading() {
    let database = database();
    let engine = open(&database).await;
    // Keys of the database have at most 1,024 bytes; the ids at the end of these differ beyond.
    let long = "x".repeat(300);
    let (first, second) = (format!("{}a", "k".repeat(511)), format!("{}b", "k".repeat(511)));
    let body = format!(r#"{{"a":"{long}","b":"{long}","c":"{long}"}}"#);
    write(&engine, put(&second, &body)).await;
    write(&engine, put(&first, &body)).await;
    write(&engine, put("short", r#"{"a":"1"}"#)).await;
    let built = engine.create_index(&name("a"), &index("a,b,c")).await.unwrap();
    assert_eq!(built.state, IndexState::Ready);
    assert_eq!(list(&engine, "a,b,c").await, ["short", first.as_str(), second.as_str()]);
    assert!(try_write(&engine, put(&second, r#"{"a":"2"}"#)).await.unwrap().is_ok());
    assert_eq!(list(&engine, "a,b,c").await, ["short", second.as_str(), first.as_str()]);
}
