//! Schemas of collections hold for every write, no matter who keeps the documents.

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

const TASK: &str = r#"{"type":"object","required":["title"],"properties":{"title":{"type":"string","maxLength":5},"done":{"type":"boolean"},"steps":{"type":"array","items":{"type":"integer"}}},"additionalProperties":false}"#;

async fn set(s: &Shared, collection: &str) {
    s.set_schema(collection, Some(TASK)).await.unwrap();
}

pub(crate) async fn schema_is_given_back_as_set(s: Shared) {
    assert_eq!(s.schema("tasks").await.unwrap(), None);
    set(&s, "tasks").await;
    assert_eq!(s.schema("tasks").await.unwrap().as_deref(), Some(TASK));
    assert_eq!(s.schema("others").await.unwrap(), None);
    s.set_schema("tasks", Some("{}")).await.unwrap();
    assert_eq!(s.schema("tasks").await.unwrap().as_deref(), Some("{}"));
    s.set_schema("tasks", None).await.unwrap();
    assert_eq!(s.schema("tasks").await.unwrap(), None);
}

pub(crate) async fn every_kind_of_write_is_checked(s: Shared) {
    set(&s, "tasks").await;
    let good = r#"{"title":"a","steps":[1]}"#;
    let bad = r#"{"title":"a","steps":[1,"x"]}"#;
    put_new(&s, "tasks", "k", good).await;
    let refused_writes = [
        Operation::create(bad),
        Operation::put("k", bad),
        Operation::upsert("new", bad),
        Operation::create_as("new", "{}"),
        Operation::patch("k", r#"{"title":null}"#),
        Operation::patch("k", r#"{"title":"too long"}"#),
        Operation::patch("k", r#"{"other":1}"#),
    ];
    for operation in refused_writes {
        let kind = refused(&s, "tasks", operation.clone()).await;
        assert_eq!(kind, RefusalKind::SchemaViolation, "{operation:?}");
    }
    assert_eq!(text(&s, "tasks", "k").await.unwrap(), r#"{"title":"a","steps":[1],"id":"k"}"#);
    assert_eq!(text(&s, "tasks", "new").await, None);
    write(&s, "tasks", Operation::patch("k", r#"{"done":true,"steps":null}"#)).await;
    assert_eq!(text(&s, "tasks", "k").await.unwrap(), r#"{"title":"a","done":true,"id":"k"}"#);
    write(&s, "tasks", Operation::delete("k")).await;
}

pub(crate) async fn violations_name_their_place(s: Shared) {
    set(&s, "tasks").await;
    let bad = Operation::create(r#"{"title":"a","steps":[1,"x"]}"#);
    let refusal = try_write(&s, "tasks", bad).await.unwrap_err();
    assert!(refusal.detail.contains("/steps/1"), "{refusal:?}");
}

pub(crate) async fn batches_are_checked_one_by_one(s: Shared) {
    set(&s, "tasks").await;
    let operations = vec![
        Operation::create(r#"{"title":"a"}"#),
        Operation::create(r#"{"title":1}"#),
        Operation::create_as("k", r#"{"title":"b"}"#),
        Operation::patch("k", r#"{"title":"too long"}"#),
        Operation::patch("k", r#"{"title":"c"}"#),
    ];
    let report = batch(&s, "tasks", Batch::each(operations.clone())).await;
    let violation = Some(RefusalKind::SchemaViolation);
    assert_eq!(kinds(&report), [None, violation, None, violation, None]);
    let report = batch(&s, "tasks", Batch::atomic(operations)).await;
    let rest = Some(RefusalKind::BatchRejected);
    assert_eq!(kinds(&report), [rest, violation, rest, rest, rest]);
    assert_eq!(ids(&s, "tasks", &[]).await.len(), 2);
}

pub(crate) async fn refusals_take_nothing(s: Shared) {
    set(&s, "tasks").await;
    let first: i64 = create(&s, "tasks", r#"{"title":"a"}"#).await.parse().unwrap();
    refused(&s, "tasks", Operation::create("{}")).await;
    let second: i64 = create(&s, "tasks", r#"{"title":"b"}"#).await.parse().unwrap();
    assert_eq!(second, first + 1);
}

pub(crate) async fn replayed_refusals_are_the_same(s: Shared) {
    set(&s, "tasks").await;
    for _ in 0..2 {
        let refusal = s.write("tasks", &Operation::create("{}"), Some("key")).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::SchemaViolation, "{refusal:?}");
        assert!(refusal.detail.contains("title"), "{refusal:?}");
    }
}

pub(crate) async fn documents_from_before_stay(s: Shared) {
    put_new(&s, "tasks", "old", r#"{"size":1}"#).await;
    set(&s, "tasks").await;
    assert_eq!(text(&s, "tasks", "old").await.unwrap(), r#"{"size":1,"id":"old"}"#);
    assert_eq!(ids(&s, "tasks", &[("size", "1")]).await, ["\"old\""]);
    let patch = Operation::patch("old", r#"{"title":"a"}"#);
    assert_eq!(refused(&s, "tasks", patch).await, RefusalKind::SchemaViolation);
    write(&s, "tasks", Operation::patch("old", r#"{"title":"a","size":null}"#)).await;
}

pub(crate) async fn schemas_are_no_documents(s: Shared) {
    set(&s, "tasks").await;
    let totals = s.totals().await.unwrap();
    assert_eq!((totals.collections.len(), totals.documents), (0, 0), "{totals:?}");
    assert_eq!(all_changes(&s, None, 0, 10).await.len(), 0);
    let kind = refused(&s, "isobase_schemas", Operation::create("{}")).await;
    assert_eq!(kind, RefusalKind::InvalidCollection);
    put_new(&s, "tasks", "k", r#"{"title":"a"}"#).await;
    s.delete_collection("tasks").await.unwrap();
    assert_eq!(s.schema("tasks").await.unwrap().as_deref(), Some(TASK));
}

pub(crate) async fn collections_of_any_name_have_schemas(s: Shared) {
    for collection in ["7", "_private", "a b", "\u{1F600}", "A.B-c_d"] {
        s.set_schema(collection, Some(r#"{"required":["v"]}"#)).await.unwrap();
        let kind = refused(&s, collection, Operation::create("{}")).await;
        assert_eq!(kind, RefusalKind::SchemaViolation, "{collection}");
        create(&s, collection, r#"{"v":1}"#).await;
    }
}
