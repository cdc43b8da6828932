//! Collections exist while they have a document.

use isobase_types::COLLECTION_NAME_BYTES_MAX;

use crate::{Operation, RefusalKind, Shared, check::*};

pub(crate) async fn unknown_collection_is_empty(s: Shared) {
    assert_eq!(list(&s, "nowhere", &[]).await.documents, [""; 0]);
    assert_eq!(list(&s, "nowhere", &[("limit", "5")]).await.next, None);
    assert_eq!(s.delete_collection("nowhere").await.unwrap(), 0);
    assert_eq!(s.totals().await.unwrap().collections, [""; 0]);
    assert_eq!(text(&s, "nowhere", "1").await, None);
}

pub(crate) async fn names_are_sorted_by_bytes(s: Shared) {
    for name in ["b", "a", "é", "C", "a-b", "ab", "with space", "☃"] {
        create(&s, name, "{}").await;
    }
    let totals = s.totals().await.unwrap();
    assert_eq!(totals.collections, ["C", "a", "a-b", "ab", "b", "with space", "é", "☃"]);
    assert_eq!(totals.documents, 8);
}

pub(crate) async fn names_that_differ_in_case_are_two(s: Shared) {
    let id = create(&s, "b", r#"{"n":1}"#).await;
    if s.abilities().server_folds_case {
        // Its engine shows with recorded answers that it asks for two; here only that the fault
        // is still there, so that this case comes back when it is gone.
        create(&s, "B", r#"{"n":2}"#).await;
        let folded = text(&s, "B", &id).await;
        assert!(folded.is_some(), "the server keeps b and B apart now: the table of faults is old");
        return;
    }
    assert_eq!(text(&s, "B", &id).await, None);
    create(&s, "B", r#"{"n":2}"#).await;
    create(&s, "B", r#"{"n":3}"#).await;
    assert_eq!(s.totals().await.unwrap().collections, ["B", "b"]);
    assert_eq!(s.delete_collection("b").await.unwrap(), 1);
    assert_eq!(list(&s, "B", &[("fields", "n")]).await.documents.len(), 2);
}

pub(crate) async fn last_deletion_ends_a_collection(s: Shared) {
    let id = create(&s, "a", "{}").await;
    create(&s, "b", "{}").await;
    write(&s, "a", Operation::delete(&id)).await;
    assert_eq!(s.totals().await.unwrap().collections, ["b"]);
}

pub(crate) async fn delete_takes_every_document(s: Shared) {
    let bodies: Vec<String> = (0..300).map(|n| format!("{{\"n\":{n}}}")).collect();
    create_all(&s, "a", &bodies).await;
    put_new(&s, "a", "k", "{}").await;
    let kept = create(&s, "b", r#"{"keep":1}"#).await;
    assert_eq!(s.delete_collection("a").await.unwrap(), 301);
    assert_eq!(list(&s, "a", &[]).await.documents, [""; 0]);
    assert_eq!(text(&s, "a", "1").await, None);
    assert_eq!(text(&s, "a", "k").await, None);
    assert_eq!(text(&s, "b", &kept).await.unwrap(), r#"{"keep":1,"id":302}"#.replace("302", &kept));
    assert_eq!(s.delete_collection("a").await.unwrap(), 0);
    assert_eq!(s.totals().await.unwrap().collections, ["b"]);
}

pub(crate) async fn deleted_collection_can_be_filled_again(s: Shared) {
    put_new(&s, "a", "k", r#"{"n":1}"#).await;
    s.delete_collection("a").await.unwrap();
    put_new(&s, "a", "k", r#"{"n":2}"#).await;
    assert_eq!(text(&s, "a", "k").await.unwrap(), r#"{"n":2,"id":"k"}"#);
    assert_eq!(ids(&s, "a", &[]).await, ["\"k\""]);
}

pub(crate) async fn names_that_look_alike_are_different(s: Shared) {
    let alike = ["a", "A", "a ", "é", "e\u{301}", "\"a\"", "a'b", "a;b", "a%20", "records"];
    for (n, name) in alike.iter().enumerate() {
        create(&s, name, &format!("{{\"n\":{n}}}")).await;
    }
    for (n, name) in alike.iter().enumerate() {
        let expected = format!("{{\"n\":{n},\"id\":{}}}", n + 1);
        assert_eq!(list(&s, name, &[]).await.documents, [expected], "{name:?}");
    }
    assert_eq!(s.totals().await.unwrap().collections.len(), alike.len());
}

pub(crate) async fn rules_of_names_hold(s: Shared) {
    let longest = "n".repeat(COLLECTION_NAME_BYTES_MAX);
    // More than 63 bytes are where PostgreSQL would cut a table's name.
    let n63 = "t".repeat(63);
    let n64 = "t".repeat(64);
    for name in [longest.as_str(), &n63, &n64, "...", "_x", "0", "a.b", "-"] {
        create(&s, name, "{}").await;
        assert_eq!(list(&s, name, &[]).await.documents.len(), 1, "{name:?}");
    }
    let too_long = "n".repeat(COLLECTION_NAME_BYTES_MAX + 1);
    for name in [too_long.as_str(), ".", "..", "a\nb", "a\0b", "\u{7f}", "a\u{85}b", "a/b"] {
        let refusal = s.write(name, &Operation::create("{}"), None).await.unwrap_err();
        let named = [RefusalKind::InvalidCollection, RefusalKind::NoRoute];
        assert!(named.contains(&refusal.kind), "{name:?}: {refusal:?}");
    }
    assert_eq!(s.totals().await.unwrap().collections.len(), 8);
}
