//! Bulk writes past the journal.

use isobase_journal::{DocumentDatabase, DocumentWrite};

use crate::support::{after_at, before, collection, create, fields, key, on_each, text};

#[test]
fn a_load_replaces_and_deletes_whatever_is_there() {
    on_each(async |database| {
        let native = &database.native;
        database.write_foreign("a/d1", fields([("by", text("another"))])).await;
        let id = |place: usize| format!("d{place}");
        let body = |place: usize| format!(r#"{{"place":{place}}}"#);
        let mut writes: Vec<_> =
            (0..1_200).map(|place| create(native, "a", &id(place), &body(place))).collect();
        native.load(writes.clone()).await.unwrap();
        native.load(writes.clone()).await.unwrap();
        assert_eq!(native.count(&collection("a")).await.unwrap(), 1_200);
        assert_eq!(database.body("a", "d1").await, Some(body(1)));
        for write in writes.iter_mut().skip(200) {
            write.after = None;
        }
        native.load(writes).await.unwrap();
        assert_eq!(native.count(&collection("a")).await.unwrap(), 200);
    });
}

#[test]
fn large_documents_are_loaded_in_several_requests() {
    on_each(async |database| {
        let native = &database.native;
        let body = format!(r#"{{"text":"{}"}}"#, "x".repeat(900_000));
        let write = |place: usize| create(native, "a", &format!("d{place}"), &body);
        native.load((0..12).map(write).collect()).await.unwrap();
        assert_eq!(native.count(&collection("a")).await.unwrap(), 12);
        let page = native.scan(&collection("a"), None, 100).await.unwrap();
        assert!(page.documents.len() < 12 && page.next.is_some(), "a page is bounded in bytes");
    });
}

#[test]
fn keys_are_rewritten_where_nothing_changed() {
    on_each(async |database| {
        let native = &database.native;
        for id in ["same", "changed", "gone"] {
            database.commit(vec![create(native, "a", id, r#"{"v":1}"#)]).await;
        }
        let mut writes = Vec::new();
        for id in ["same", "changed", "gone"] {
            writes.push(DocumentWrite {
                key: key("a", id),
                before: Some(before(native, "a", id).await),
                after: Some(after_at(native, r#"{"v":1}"#, &[b"k", b"new"], 1)),
            });
        }
        database.write_foreign("a/changed", fields([("v", text("2"))])).await;
        database.delete_foreign("a/gone").await;
        assert_eq!(native.rekey(&writes).await.unwrap(), [true, false, false]);
        assert_eq!(native.rekey(&writes).await.unwrap(), [false, false, false]);
        assert_eq!(native.count_keys(&collection("a"), 1, b"n", None).await.unwrap(), 1);
        assert_eq!(database.body("a", "same").await.as_deref(), Some(r#"{"v":1}"#));
        assert_eq!(database.body("a", "changed").await.as_deref(), Some(r#"{"v":"2"}"#));
        assert_eq!(database.body("a", "gone").await, None);
        assert!(native.rekey(&[]).await.unwrap().is_empty());
    });
}
