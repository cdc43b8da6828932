//! Conditions of a write.

use crate::{Condition, Operation, RefusalKind, Shared, check::*};

fn one(revision: &str) -> Condition {
    Condition::RevisionIn(vec![revision.to_owned()])
}

pub(crate) async fn revision_is_the_sequence_of_the_write(s: Shared) {
    for (n, expected) in ["1", "2", "3"].iter().enumerate() {
        let done = write(&s, "a", Operation::create(format!("{{\"n\":{n}}}"))).await;
        assert_eq!(revision(&done), *expected);
    }
    let put = write(&s, "a", Operation::put("1", "{}")).await;
    assert_eq!(revision(&put), "4");
    write(&s, "a", Operation::delete("2")).await;
    let patch = write(&s, "a", Operation::patch("1", r#"{"x":1}"#)).await;
    assert_eq!(revision(&patch), "6");
    assert_eq!(revision_of(&s, "a", "1").await, "6");
    assert_eq!(revision_of(&s, "a", "3").await, "3");
}

pub(crate) async fn refused_writes_take_no_sequence(s: Shared) {
    create(&s, "a", "{}").await;
    refused(&s, "a", Operation::put("1", "{}").at("77")).await;
    refused(&s, "a", Operation::delete("5")).await;
    refused(&s, "a", Operation::create_as("1", "{}")).await;
    refused(&s, "a", Operation::create("nonsense")).await;
    assert_eq!(revision(&write(&s, "a", Operation::put("1", "{}")).await), "2");
}

pub(crate) async fn stale_revision_is_refused(s: Shared) {
    let id = create(&s, "a", r#"{"n":0}"#).await;
    let first = revision_of(&s, "a", &id).await;
    write(&s, "a", Operation::put(&id, r#"{"n":1}"#).at(&first)).await;
    for operation in [
        Operation::put(&id, r#"{"n":9}"#),
        Operation::patch(&id, r#"{"n":9}"#),
        Operation::delete(&id),
        Operation::upsert(&id, r#"{"n":9}"#),
    ] {
        let kind = refused(&s, "a", operation.at(&first)).await;
        assert_eq!(kind, RefusalKind::RevisionConflict);
    }
    assert_eq!(text(&s, "a", &id).await.unwrap(), r#"{"n":1,"id":1}"#);
}

pub(crate) async fn any_of_several_revisions_is_enough(s: Shared) {
    let id = create(&s, "a", "{}").await;
    let revisions = vec!["55".to_owned(), "1".to_owned(), "w-x".to_owned()];
    let operation = Operation::put(&id, r#"{"n":1}"#);
    write(&s, "a", operation.clone().when(Condition::RevisionIn(revisions.clone()))).await;
    let kind = refused(&s, "a", operation.when(Condition::RevisionIn(revisions))).await;
    assert_eq!(kind, RefusalKind::RevisionConflict);
}

pub(crate) async fn invented_revision_never_matches(s: Shared) {
    let id = create(&s, "a", "{}").await;
    for invented in
        ["0", "2", "01", "+1", "18446744073709551615", "1-abc", "x", "99999999999999999999"]
    {
        let kind = refused(&s, "a", Operation::put(&id, "{}").at(invented)).await;
        assert_eq!(kind, RefusalKind::RevisionConflict, "{invented}");
        // Neither does it for an id that never was.
        let kind = refused(&s, "a", Operation::upsert("never", "{}").at(invented)).await;
        assert_eq!(kind, RefusalKind::RevisionConflict, "{invented}");
    }
    assert_eq!(text(&s, "a", "never").await, None);
}

pub(crate) async fn missing_document_meets_no_revision(s: Shared) {
    for operation in [
        Operation::put("k", "{}"),
        Operation::upsert("k", "{}"),
        Operation::patch("k", "{}"),
        Operation::delete("k"),
        Operation::delete("12"),
    ] {
        let kind = refused(&s, "a", operation.clone().when(one("1"))).await;
        assert_eq!(kind, RefusalKind::RevisionConflict, "{operation:?}");
        let kind = refused(&s, "a", operation.clone().when(Condition::Exists)).await;
        assert_eq!(kind, RefusalKind::RevisionConflict, "{operation:?}");
    }
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn exists_lets_known_documents_through(s: Shared) {
    let id = create(&s, "a", "{}").await;
    write(&s, "a", Operation::put(&id, r#"{"n":1}"#).when(Condition::Exists)).await;
    write(&s, "a", Operation::patch(&id, r#"{"n":2}"#).when(Condition::Exists)).await;
    write(&s, "a", Operation::delete(&id).when(Condition::Exists)).await;
    assert_eq!(text(&s, "a", &id).await, None);
}

pub(crate) async fn create_only_succeeds_once(s: Shared) {
    put_new(&s, "a", "k", r#"{"n":1}"#).await;
    let kind = refused(&s, "a", Operation::create_as("k", r#"{"n":2}"#)).await;
    assert_eq!(kind, RefusalKind::AlreadyExists);
    assert_eq!(text(&s, "a", "k").await.unwrap(), r#"{"n":1,"id":"k"}"#);
    let id = create(&s, "a", "{}").await;
    let kind = refused(&s, "a", Operation::create_as(&id, "{}")).await;
    assert_eq!(kind, RefusalKind::AlreadyExists);
}

pub(crate) async fn unwanted_revision_is_refused(s: Shared) {
    let id = create(&s, "a", "{}").await;
    let not = |revision: &str| Condition::RevisionNotIn(vec![revision.to_owned()]);
    let kind = refused(&s, "a", Operation::put(&id, "{}").when(not("1"))).await;
    assert_eq!(kind, RefusalKind::RevisionConflict);
    write(&s, "a", Operation::put(&id, r#"{"n":1}"#).when(not("7"))).await;
    write(&s, "a", Operation::upsert("k", "{}").when(not("1"))).await;
    assert_eq!(ids(&s, "a", &[]).await, ["1", "\"k\""]);
}

pub(crate) async fn revision_of_another_document_does_not_match(s: Shared) {
    create(&s, "a", "{}").await;
    create(&s, "a", "{}").await;
    let kind = refused(&s, "a", Operation::put("1", "{}").at("2")).await;
    assert_eq!(kind, RefusalKind::RevisionConflict);
}

pub(crate) async fn same_body_still_gives_a_new_revision(s: Shared) {
    let id = create(&s, "a", r#"{"n":1}"#).await;
    let done = write(&s, "a", Operation::put(&id, r#"{"n":1}"#)).await;
    assert_eq!(revision(&done), "2");
    let done = write(&s, "a", Operation::patch(&id, "{}")).await;
    assert_eq!(revision(&done), "3");
}
