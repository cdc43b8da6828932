//! Batches.

use crate::{Batch, Condition, Operation, RefusalKind, Shared, check::*};

pub(crate) async fn outcomes_stand_in_the_order_of_operations(s: Shared) {
    let operations = vec![
        Operation::create(r#"{"n":1}"#),
        Operation::upsert("k", r#"{"n":2}"#),
        Operation::patch("k", r#"{"m":3}"#),
        Operation::put("1", r#"{"n":4}"#),
        Operation::delete("k"),
    ];
    let report = batch(&s, "a", Batch::each(operations)).await;
    let seen: Vec<(String, String, Option<String>)> = report
        .outcomes
        .into_iter()
        .map(|outcome| outcome.unwrap())
        .map(|done| (done.id, done.kind, done.revision))
        .collect();
    let row = |id: &str, kind: &str, revision: Option<&str>| {
        (id.to_owned(), kind.to_owned(), revision.map(str::to_owned))
    };
    let expected = [
        row("1", "created", Some("1")),
        row("\"k\"", "created", Some("2")),
        row("\"k\"", "updated", Some("3")),
        row("1", "updated", Some("4")),
        row("\"k\"", "deleted", None),
    ];
    assert_eq!(seen, expected);
    assert_eq!(list(&s, "a", &[]).await.documents, [r#"{"n":4,"id":1}"#]);
}

pub(crate) async fn refused_operation_does_not_stop_the_others(s: Shared) {
    put_new(&s, "a", "there", "{}").await;
    let operations = vec![
        Operation::delete("missing"),
        Operation::create(r#"{"n":1}"#),
        Operation::create_as("there", "{}"),
        Operation::put("there", r#"{"n":2}"#).at("77"),
        Operation::put("there", r#"{"n":3}"#).at("1"),
        Operation::put("99", "{}"),
    ];
    let report = batch(&s, "a", Batch::each(operations)).await;
    let expected = [
        Some(RefusalKind::NotFound),
        None,
        Some(RefusalKind::AlreadyExists),
        Some(RefusalKind::RevisionConflict),
        None,
        Some(RefusalKind::NotFound),
    ];
    assert_eq!(kinds(&report), expected);
    assert_eq!(report.outcomes[4].as_ref().unwrap().revision.as_deref(), Some("3"));
    let documents = list(&s, "a", &[]).await.documents;
    assert_eq!(documents, [r#"{"n":1,"id":1}"#, r#"{"n":3,"id":"there"}"#]);
}

pub(crate) async fn later_operation_sees_an_earlier_one(s: Shared) {
    let operations = vec![
        Operation::create_as("k", r#"{"n":1}"#),
        Operation::put("k", r#"{"n":2}"#).at("1"),
        Operation::create_as("k", "{}"),
        Operation::delete("k").at("2"),
        Operation::patch("k", "{}"),
        Operation::create_as("k", r#"{"n":3}"#),
    ];
    for atomic in [false, true] {
        // The refused ones would take the atomic batch down with them.
        let mut operations = operations.clone();
        if atomic {
            s.delete_collection("a").await.unwrap();
            operations = vec![
                Operation::create_as("k", r#"{"n":1}"#),
                Operation::patch("k", r#"{"m":2}"#).when(Condition::Exists),
                Operation::delete("k"),
                Operation::create_as("k", r#"{"n":3}"#),
            ];
        }
        let report = batch(&s, "a", Batch { operations, atomic, idempotency_key: None }).await;
        if atomic {
            assert_eq!(kinds(&report), [None; 4]);
        } else {
            let (exists, gone) = (RefusalKind::AlreadyExists, RefusalKind::NotFound);
            assert_eq!(kinds(&report), [None, None, Some(exists), None, Some(gone), None]);
        }
        assert_eq!(list(&s, "a", &[]).await.documents, [r#"{"n":3,"id":"k"}"#]);
    }
}

pub(crate) async fn atomic_batch_is_carried_out_whole(s: Shared) {
    let count = s.abilities().atomic_operations.min(200);
    let operations = (0..count).map(|n| Operation::create(format!("{{\"n\":{n}}}"))).collect();
    let report = batch(&s, "a", Batch::atomic(operations)).await;
    assert!(report.outcomes.iter().all(Result::is_ok));
    assert_eq!(s.totals().await.unwrap().documents, count);
}

pub(crate) async fn largest_piece_is_carried_out(s: Shared) {
    let count = s.abilities().atomic_operations.min(1_000);
    let operations: Vec<_> =
        (0..count).map(|n| Operation::create(format!("{{\"n\":{n}}}"))).collect();
    let batches = [
        ("keyed", Batch::each(operations.clone()).with_key("k")),
        ("atomic", Batch::atomic(operations.clone()).with_key("l")),
    ];
    // Each in a collection that is new.
    for (collection, batch) in batches {
        let report = s.write_batch(collection, &batch).await.unwrap();
        assert!(report.outcomes.iter().all(Result::is_ok), "{collection}");
        let again = s.write_batch(collection, &batch).await.unwrap();
        assert_eq!(again.outcomes.len(), operations.len());
    }
    assert_eq!(s.totals().await.unwrap().documents, 2 * count);
}

pub(crate) async fn piece_that_is_too_large_is_refused_whole(s: Shared) {
    let max = s.abilities().atomic_operations;
    if max >= 10_000 {
        // Larger than any batch.
        return;
    }
    let operations: Vec<_> = (0..=max).map(|_| Operation::create("{}")).collect();
    let keyed = Batch::each(operations.clone()).with_key("k");
    for batch in [keyed, Batch::atomic(operations.clone())] {
        let refusal = s.write_batch("a", &batch).await.unwrap_err();
        let named = [RefusalKind::LimitExceeded, RefusalKind::TooLarge];
        assert!(named.contains(&refusal.kind), "{refusal:?}");
        assert_eq!(s.totals().await.unwrap().documents, 0);
    }
    let report = batch(&s, "a", Batch::each(operations)).await;
    assert!(report.outcomes.iter().all(Result::is_ok));
}

pub(crate) async fn atomic_batch_with_a_refused_end_writes_nothing(s: Shared) {
    let id = create(&s, "a", r#"{"n":0}"#).await;
    put_new(&s, "a", "k", r#"{"n":0}"#).await;
    let before = latest(&s).await;
    let operations = vec![
        Operation::create(r#"{"n":1}"#),
        Operation::put(&id, r#"{"n":2}"#),
        Operation::delete("k"),
        Operation::create_as("new", r#"{"n":3}"#),
        Operation::patch("missing", "{}"),
    ];
    let report = batch(&s, "a", Batch::atomic(operations)).await;
    let rejected = Some(RefusalKind::BatchRejected);
    let expected = [rejected, rejected, rejected, rejected, Some(RefusalKind::NotFound)];
    assert_eq!(kinds(&report), expected);
    let documents = list(&s, "a", &[]).await.documents;
    assert_eq!(documents, [r#"{"n":0,"id":1}"#, r#"{"n":0,"id":"k"}"#]);
    assert_eq!(latest(&s).await, before);
    assert_eq!(revision_of(&s, "a", "k").await, "2");
    // Neither an integer nor a sequence was used up.
    let done = write(&s, "a", Operation::create("{}")).await;
    assert_eq!((done.id.as_str(), done.revision.as_deref()), ("2", Some("3")));
}

pub(crate) async fn atomic_batch_names_one_culprit(s: Shared) {
    put_new(&s, "a", "k", "{}").await;
    let operations = vec![
        Operation::create("{}"),
        Operation::create_as("k", "{}"),
        Operation::delete("missing"),
        Operation::create("{}"),
    ];
    let report = batch(&s, "a", Batch::atomic(operations)).await;
    let rejected = Some(RefusalKind::BatchRejected);
    assert_eq!(kinds(&report), [rejected, Some(RefusalKind::AlreadyExists), rejected, rejected]);
}

pub(crate) async fn taken_back_writes_leave_no_index_entries(s: Shared) {
    s.create_index("a", "n").await.unwrap();
    let id = create(&s, "a", r#"{"n":1}"#).await;
    let operations = vec![
        Operation::put(&id, r#"{"n":2}"#),
        Operation::create(r#"{"n":2}"#),
        Operation::delete("missing"),
    ];
    batch(&s, "a", Batch::atomic(operations)).await;
    assert_eq!(ids(&s, "a", &[("n", "2")]).await, [""; 0]);
    assert_eq!(ids(&s, "a", &[("n", "1")]).await, ["1"]);
    assert_eq!(ids(&s, "a", &[("sort", "n")]).await, ["1"]);
}

pub(crate) async fn empty_batch_does_nothing(s: Shared) {
    match s.write_batch("a", &Batch::each(Vec::new())).await {
        Ok(report) => assert_eq!(report.outcomes, []),
        // An interface may refuse it, as long as it says so.
        Err(refusal) => assert_eq!(refusal.kind, RefusalKind::InvalidDocument, "{refusal:?}"),
    }
    assert_eq!(latest(&s).await, 0);
}

pub(crate) async fn large_batch_is_carried_out(s: Shared) {
    let operations = (0..3_000)
        .map(|n| match n % 3 {
            0 => Operation::create(format!("{{\"n\":{n}}}")),
            1 => Operation::upsert(&format!("k{}", n % 100), format!("{{\"n\":{n}}}")),
            _ => Operation::patch(&format!("k{}", (n - 1) % 100), format!("{{\"p\":{n}}}")),
        })
        .collect();
    let report = batch(&s, "a", Batch::each(operations)).await;
    assert!(report.outcomes.iter().all(Result::is_ok));
    assert_eq!(s.totals().await.unwrap().documents, 1_100);
    assert_eq!(latest(&s).await, 3_000);
    assert_eq!(text(&s, "a", "k97").await.unwrap(), r#"{"n":2797,"p":2798,"id":"k97"}"#);
}
