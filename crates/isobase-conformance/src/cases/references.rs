//! Fields that refer to documents of other collections, declared in a schema.

use futures_util::future::join_all;

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

/// People refer to teams.
async fn declare(s: &Shared, on_delete: &str) -> bool {
    let schema = format!(
        r#"{{"properties":{{"team":{{"x-reference":"teams","x-on-delete":"{on_delete}"}}}}}}"#
    );
    if s.abilities().indexes {
        s.set_schema("people", Some(&schema)).await.unwrap();
        return true;
    }
    let refusal = s.set_schema("people", Some(&schema)).await;
    assert!(refusal.is_ok(), "a schema needs no index: {refusal:?}");
    false
}

pub(crate) async fn what_is_referred_to_must_be_there(s: Shared) {
    if !declare(&s, "refuse").await {
        return;
    }
    let id = create(&s, "teams", "{}").await;
    put_new(&s, "teams", "t", "{}").await;
    create(&s, "people", &format!("{{\"team\":{id}}}")).await;
    for body in [r#"{"team":"t"}"#, r#"{"team":null}"#, "{}", r#"{"other":"x"}"#] {
        create(&s, "people", body).await;
    }
    for team in ["\"x\"", "99999", "\"T\"", "1.5", "true", "[1]", "{}", "\"\"", "\"99999\""] {
        let body = format!("{{\"team\":{team}}}");
        let refusal = try_write(&s, "people", Operation::create(&body)).await.unwrap_err();
        assert_eq!(refusal.kind, RefusalKind::ReferenceNotFound, "{team}");
        assert!(refusal.detail.contains("team"), "{refusal:?}");
    }
    put_new(&s, "people", "k", r#"{"team":"t"}"#).await;
    let patch = Operation::patch("k", r#"{"team":"x"}"#);
    assert_eq!(refused(&s, "people", patch).await, RefusalKind::ReferenceNotFound);
    write(&s, "people", Operation::patch("k", r#"{"n":1}"#)).await;
    assert_eq!(text(&s, "people", "k").await.unwrap(), r#"{"team":"t","n":1,"id":"k"}"#);
}

pub(crate) async fn deletions_are_refused(s: Shared) {
    if !declare(&s, "refuse").await {
        return;
    }
    put_new(&s, "teams", "t", "{}").await;
    put_new(&s, "teams", "tt", "{}").await;
    put_new(&s, "people", "k", r#"{"team":"t"}"#).await;
    assert_eq!(refused(&s, "teams", Operation::delete("t")).await, RefusalKind::Referenced);
    assert_eq!(s.delete_collection("teams").await.unwrap_err().kind, RefusalKind::Referenced);
    write(&s, "teams", Operation::delete("tt")).await;
    write(&s, "people", Operation::patch("k", r#"{"team":null}"#)).await;
    write(&s, "teams", Operation::delete("t")).await;
}

pub(crate) async fn deletions_take_references_away(s: Shared) {
    if !declare(&s, "set_null").await {
        return;
    }
    put_new(&s, "teams", "t", "{}").await;
    for key in ["k", "l"] {
        put_new(&s, "people", key, r#"{"team":"t","n":1}"#).await;
    }
    let wrong = Operation::delete("t").at("77");
    assert_eq!(refused(&s, "teams", wrong).await, RefusalKind::RevisionConflict);
    assert_eq!(text(&s, "people", "k").await.unwrap(), r#"{"team":"t","n":1,"id":"k"}"#);
    let done = write(&s, "teams", Operation::delete("t")).await;
    assert_eq!((&*done.id, &*done.kind), ("\"t\"", "deleted"));
    for key in ["k", "l"] {
        assert_eq!(text(&s, "people", key).await.unwrap(), format!("{{\"n\":1,\"id\":\"{key}\"}}"));
    }
}

pub(crate) async fn deletions_cascade(s: Shared) {
    if !declare(&s, "cascade").await {
        return;
    }
    let notes = r#"{"properties":{"by":{"x-reference":"people","x-on-delete":"cascade"}}}"#;
    s.set_schema("notes", Some(notes)).await.unwrap();
    for key in ["t", "u"] {
        put_new(&s, "teams", key, "{}").await;
        put_new(&s, "people", key, &format!("{{\"team\":\"{key}\"}}")).await;
        put_new(&s, "notes", key, &format!("{{\"by\":\"{key}\"}}")).await;
    }
    write(&s, "teams", Operation::delete("t")).await;
    for collection in ["teams", "people", "notes"] {
        assert_eq!(ids(&s, collection, &[]).await, ["\"u\""], "{collection}");
    }
    if s.abilities().atomic_batches {
        let report = batch(&s, "teams", Batch::atomic(vec![Operation::delete("u")])).await;
        assert_eq!(kinds(&report), [None]);
    } else {
        let all = Batch::atomic(vec![Operation::delete("u")]);
        let refused = s.write_batch("teams", &all).await.unwrap_err();
        assert_eq!(refused.kind, RefusalKind::Unsupported);
        write(&s, "teams", Operation::delete("u")).await;
    }
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn large_cascades_are_refused_by_name(s: Shared) {
    if !declare(&s, "cascade").await {
        return;
    }
    let max = s.abilities().atomic_operations;
    if max > 500 {
        // What would be too much takes long to write; what is not too much is deleted.
        return;
    }
    put_new(&s, "teams", "t", "{}").await;
    let bodies = vec![r#"{"team":"t"}"#.to_owned(); usize::try_from(max).unwrap()];
    create_all(&s, "people", &bodies).await;
    assert_eq!(refused(&s, "teams", Operation::delete("t")).await, RefusalKind::LimitExceeded);
    assert_eq!(ids(&s, "people", &[]).await.len() as u64, max);
}

pub(crate) async fn no_reference_is_left_behind(s: Shared) {
    if !declare(&s, "cascade").await {
        return;
    }
    put_new(&s, "teams", "t", "{}").await;
    let writes = (0..12).map(|n| {
        let s = s.clone();
        tokio::spawn(async move {
            match n % 4 {
                3 => drop(try_write(&s, "teams", Operation::delete("t")).await),
                _ => {
                    let body = r#"{"team":"t"}"#;
                    drop(try_write(&s, "people", Operation::create(body)).await);
                }
            }
        })
    });
    for ended in join_all(writes).await {
        ended.unwrap();
    }
    if text(&s, "teams", "t").await.is_none() {
        assert_eq!(ids(&s, "people", &[]).await, [""; 0]);
    }
}
