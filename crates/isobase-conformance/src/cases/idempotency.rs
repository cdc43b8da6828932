//! Idempotency keys.

use futures_util::future::join_all;

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

pub(crate) async fn repeat_gives_the_first_answer(s: Shared) {
    let operation = Operation::create(r#"{"n":1}"#);
    let first = s.write("a", &operation, Some("key-1")).await.unwrap();
    assert!(!first.replayed);
    for _ in 0..3 {
        let again = s.write("a", &operation, Some("key-1")).await.unwrap();
        assert!(again.replayed);
        assert_eq!(again.done.id, first.done.id);
        assert_eq!(again.done.kind, first.done.kind);
        assert_eq!(again.done.revision, first.done.revision);
    }
    assert_eq!(s.totals().await.unwrap().documents, 1);
    assert_eq!(latest(&s).await, 1);
}

pub(crate) async fn each_kind_of_write_happens_once(s: Shared) {
    put_new(&s, "a", "k", r#"{"n":1}"#).await;
    let writes = [
        Operation::put("k", r#"{"n":2}"#),
        Operation::patch("k", r#"{"m":3}"#),
        Operation::delete("k"),
    ];
    for (place, operation) in writes.into_iter().enumerate() {
        let key = format!("key-{place}");
        let first = s.write("a", &operation, Some(&key)).await.unwrap();
        let told = latest(&s).await;
        let again = s.write("a", &operation, Some(&key)).await.unwrap();
        assert_eq!((first.replayed, again.replayed), (false, true), "{operation:?}");
        assert_eq!(again.done.id, first.done.id);
        assert_eq!(again.done.kind, first.done.kind);
        assert_eq!(again.done.revision, first.done.revision);
        assert_eq!(latest(&s).await, told, "{operation:?}");
    }
    let other = s.write("a", &Operation::delete("l"), Some("key-2")).await;
    assert_eq!(other.unwrap_err().kind, RefusalKind::IdempotencyMismatch);
}

pub(crate) async fn without_a_key_each_request_counts(s: Shared) {
    let operation = Operation::create("{}");
    s.write("a", &operation, None).await.unwrap();
    s.write("a", &operation, None).await.unwrap();
    s.write("a", &operation, Some("x")).await.unwrap();
    s.write("a", &operation, Some("y")).await.unwrap();
    assert_eq!(s.totals().await.unwrap().documents, 4);
}

pub(crate) async fn key_with_another_request_is_refused(s: Shared) {
    s.write("a", &Operation::create(r#"{"n":1}"#), Some("key")).await.unwrap();
    let other = s.write("a", &Operation::create(r#"{"n":2}"#), Some("key")).await;
    assert_eq!(other.unwrap_err().kind, RefusalKind::IdempotencyMismatch);
    assert_eq!(s.totals().await.unwrap().documents, 1);
    let first = s.write("a", &Operation::create(r#"{"n":1}"#), Some("key")).await.unwrap();
    assert!(first.replayed);
}

pub(crate) async fn first_answer_outlives_its_document(s: Shared) {
    let operation = Operation::create("{}");
    let first = s.write("a", &operation, Some("key")).await.unwrap();
    write(&s, "a", Operation::delete("1")).await;
    s.delete_collection("a").await.unwrap();
    let again = s.write("a", &operation, Some("key")).await.unwrap();
    assert_eq!((again.replayed, again.done.id), (true, first.done.id));
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn batch_is_repeated_whole(s: Shared) {
    put_new(&s, "a", "there", "{}").await;
    let operations = vec![
        Operation::create(r#"{"n":1}"#),
        Operation::create_as("there", "{}"),
        Operation::upsert("k", r#"{"n":2}"#),
        Operation::delete("missing"),
    ];
    let keyed = Batch::each(operations).with_key("batch-key");
    let first = batch(&s, "a", keyed.clone()).await;
    assert!(!first.replayed);
    // What happens in between changes nothing about the first answer.
    write(&s, "a", Operation::delete("there")).await;
    let before = latest(&s).await;
    let again = batch(&s, "a", keyed).await;
    assert!(again.replayed);
    assert_eq!(again.outcomes, first.outcomes);
    assert_eq!(latest(&s).await, before);
}

pub(crate) async fn rejected_atomic_batch_is_remembered(s: Shared) {
    let operations = vec![Operation::create("{}"), Operation::delete("missing")];
    let keyed = Batch::atomic(operations).with_key("k");
    let first = batch(&s, "a", keyed.clone()).await;
    put_new(&s, "a", "missing", "{}").await;
    let again = batch(&s, "a", keyed).await;
    assert!(again.replayed);
    assert_eq!(kinds(&again), kinds(&first));
    assert_eq!(s.totals().await.unwrap().documents, 1);
}

pub(crate) async fn racing_repeats_make_one_document(s: Shared) {
    let racers = (0..24).map(|_| {
        let s = s.clone();
        tokio::spawn(async move { s.write("a", &Operation::create("{}"), Some("race")).await })
    });
    let mut first = 0;
    for outcome in join_all(racers).await {
        let report = outcome.unwrap().unwrap();
        assert_eq!(report.done.id, "1");
        first += usize::from(!report.replayed);
    }
    assert_eq!(first, 1);
    assert_eq!(s.totals().await.unwrap().documents, 1);
    assert_eq!(latest(&s).await, 1);
}

pub(crate) async fn old_keys_are_forgotten(s: Shared) {
    let Some(clock) = s.clock().cloned() else { return };
    let operation = Operation::create("{}");
    s.write("a", &operation, Some("key")).await.unwrap();
    // Kept for 24 hours unless set otherwise.
    clock.advance_us(23 * 3_600_000_000);
    assert!(s.write("a", &operation, Some("key")).await.unwrap().replayed);
    // A clock that is wrong for a moment makes no key old.
    for days in [40, -40] {
        clock.jump_us(days * 86_400_000_000);
        assert!(s.write("a", &operation, Some("key")).await.unwrap().replayed);
    }
    clock.advance_us(2 * 3_600_000_000);
    let fresh = s.write("a", &operation, Some("key")).await.unwrap();
    assert_eq!((fresh.replayed, fresh.done.id.as_str()), (false, "2"));
}
