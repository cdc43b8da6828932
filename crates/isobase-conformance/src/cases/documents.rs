//! Documents come back as they were written.

use crate::{Operation, RefusalKind, Shared, check::*};

pub(crate) async fn create_answers_the_document_with_its_id(s: Shared) {
    let done = write(&s, "a", Operation::create(r#"{ "b" : 1.0 , "a":[true, null] }"#)).await;
    assert_eq!(done.id, "1");
    assert_eq!(done.kind, "created");
    assert_eq!(done.text.as_deref(), Some(r#"{"b":1.0,"a":[true,null],"id":1}"#));
    let stored = s.get("a", "1").await.unwrap().unwrap();
    assert_eq!(stored.text, r#"{"b":1.0,"a":[true,null],"id":1}"#);
    assert_eq!(Some(stored.revision), done.revision);
}

pub(crate) async fn empty_document_is_kept(s: Shared) {
    let id = create(&s, "a", "{}").await;
    assert_eq!(text(&s, "a", &id).await.unwrap(), r#"{"id":1}"#);
}

pub(crate) async fn top_level_id_of_a_body_is_ignored(s: Shared) {
    create(&s, "a", r#"{"id":99,"n":{"id":7}}"#).await;
    assert_eq!(text(&s, "a", "1").await.unwrap(), r#"{"n":{"id":7},"id":1}"#);
    assert_eq!(text(&s, "a", "99").await, None);
    write(&s, "a", Operation::put("1", r#"{"x":1,"id":"other"}"#)).await;
    assert_eq!(text(&s, "a", "1").await.unwrap(), r#"{"x":1,"id":1}"#);
    write(&s, "a", Operation::patch("1", r#"{"id":5,"y":2}"#)).await;
    assert_eq!(text(&s, "a", "1").await.unwrap(), r#"{"x":1,"y":2,"id":1}"#);
}

pub(crate) async fn put_replaces_the_whole_document(s: Shared) {
    let id = create(&s, "a", r#"{"a":1,"b":2}"#).await;
    let done = write(&s, "a", Operation::put(&id, r#"{"c":3}"#)).await;
    assert_eq!((done.id.as_str(), done.kind.as_str()), ("1", "updated"));
    assert_eq!(done.text.as_deref(), Some(r#"{"c":3,"id":1}"#));
    assert_eq!(text(&s, "a", &id).await.unwrap(), r#"{"c":3,"id":1}"#);
}

pub(crate) async fn put_without_a_document_is_not_found(s: Shared) {
    assert_eq!(refused(&s, "a", Operation::put("7", "{}")).await, RefusalKind::NotFound);
    assert_eq!(refused(&s, "a", Operation::put("x", "{}")).await, RefusalKind::NotFound);
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn upsert_stores_and_replaces(s: Shared) {
    let first = write(&s, "a", Operation::upsert("k", r#"{"n":1}"#)).await;
    assert_eq!((first.id.as_str(), first.kind.as_str()), ("\"k\"", "created"));
    let second = write(&s, "a", Operation::upsert("k", r#"{"n":2}"#)).await;
    assert_eq!(second.kind, "updated");
    assert_ne!(first.revision, second.revision);
    assert_eq!(text(&s, "a", "k").await.unwrap(), r#"{"n":2,"id":"k"}"#);
}

pub(crate) async fn delete_takes_the_document_away_once(s: Shared) {
    let id = create(&s, "a", "{}").await;
    let done = write(&s, "a", Operation::delete(&id)).await;
    assert_eq!((done.id.as_str(), done.kind.as_str()), ("1", "deleted"));
    assert_eq!(text(&s, "a", &id).await, None);
    assert_eq!(refused(&s, "a", Operation::delete(&id)).await, RefusalKind::NotFound);
    assert_eq!(list(&s, "a", &[]).await.documents, [""; 0]);
}

pub(crate) async fn collections_are_apart(s: Shared) {
    create(&s, "a", r#"{"in":"a"}"#).await;
    write(&s, "b", Operation::create_as("k", r#"{"in":"b"}"#)).await;
    assert_eq!(text(&s, "b", "1").await, None);
    assert_eq!(text(&s, "a", "k").await, None);
    assert_eq!(refused(&s, "b", Operation::put("1", "{}")).await, RefusalKind::NotFound);
    assert_eq!(refused(&s, "b", Operation::delete("1")).await, RefusalKind::NotFound);
    assert_eq!(ids(&s, "a", &[]).await, ["1"]);
    assert_eq!(ids(&s, "b", &[]).await, ["\"k\""]);
}

pub(crate) async fn same_id_lives_in_two_collections(s: Shared) {
    write(&s, "a", Operation::create_as("k", r#"{"in":"a"}"#)).await;
    write(&s, "b", Operation::create_as("k", r#"{"in":"b"}"#)).await;
    write(&s, "a", Operation::delete("k")).await;
    assert_eq!(text(&s, "b", "k").await.unwrap(), r#"{"in":"b","id":"k"}"#);
}

pub(crate) async fn first_writing_time_is_kept(s: Shared) {
    let start = s.clock().cloned();
    let advance = || {
        if let Some(clock) = &start {
            clock.advance_us(1_500_000);
        }
    };
    let id = create(&s, "a", "{}").await;
    let first = s.times("a", &id).await.unwrap().unwrap();
    assert_eq!(first.created_at, first.updated_at);
    advance();
    write(&s, "a", Operation::put(&id, r#"{"n":1}"#)).await;
    let second = s.times("a", &id).await.unwrap().unwrap();
    assert_eq!(second.created_at, first.created_at);
    advance();
    write(&s, "a", Operation::patch(&id, r#"{"n":2}"#)).await;
    let third = s.times("a", &id).await.unwrap().unwrap();
    assert_eq!(third.created_at, first.created_at);
    if start.is_some() {
        assert_eq!(first.created_at, "2026-01-01T00:00:00.000000Z");
        assert_eq!(second.updated_at, "2026-01-01T00:00:01.500000Z");
        assert_eq!(third.updated_at, "2026-01-01T00:00:03.000000Z");
    } else {
        assert!(first.updated_at <= second.updated_at && second.updated_at <= third.updated_at);
    }
}

pub(crate) async fn clock_that_goes_back_does_no_harm(s: Shared) {
    let Some(clock) = s.clock().cloned() else { return };
    let first = revision(&write(&s, "a", Operation::create("{}")).await);
    let written = s.times("a", "1").await.unwrap().unwrap();
    clock.jump_us(-3_600_000_000);
    let second = write(&s, "a", Operation::create("{}")).await;
    assert_eq!(second.id, "2");
    assert_ne!(second.revision.as_deref(), Some(first.as_str()));
    let third = write(&s, "a", Operation::put("1", "{}").at(&first)).await;
    let changes = all_changes(&s, None, 0, 10).await;
    let sequences: Vec<u64> = changes.iter().map(|change| change.sequence).collect();
    assert_eq!(sequences, [1, 2, 3]);
    assert_eq!(changes[2].revision, third.revision);
    // No document was changed before it was made, nor before it was last changed.
    let changed = s.times("a", "1").await.unwrap().unwrap();
    assert_eq!(changed, written);
}
