//! Identity.

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

pub(crate) async fn integers_come_from_one_counter(s: Shared) {
    for (collection, id) in [("a", "1"), ("b", "2"), ("a", "3"), ("c", "4")] {
        assert_eq!(create(&s, collection, "{}").await, id);
    }
}

pub(crate) async fn integers_are_never_reused(s: Shared) {
    create(&s, "a", "{}").await;
    let last = create(&s, "a", "{}").await;
    write(&s, "a", Operation::delete(&last)).await;
    assert_eq!(create(&s, "a", "{}").await, "3");
    s.delete_collection("a").await.unwrap();
    assert_eq!(create(&s, "a", "{}").await, "4");
    assert_eq!(create(&s, "b", "{}").await, "5");
}

pub(crate) async fn strings_take_no_integer(s: Shared) {
    create(&s, "a", "{}").await;
    put_new(&s, "a", "x", "{}").await;
    put_new(&s, "a", "y", "{}").await;
    assert_eq!(create(&s, "a", "{}").await, "2");
}

pub(crate) async fn refused_writes_take_no_integer(s: Shared) {
    refused(&s, "a", Operation::put("9", "{}")).await;
    refused(&s, "a", Operation::create("[]")).await;
    assert_eq!(create(&s, "a", "{}").await, "1");
}

pub(crate) async fn integers_are_assigned_not_chosen(s: Shared) {
    for id in ["0", "1", "7", "9223372036854775807"] {
        let upsert = refused(&s, "a", Operation::upsert(id, "{}")).await;
        assert_eq!(upsert, RefusalKind::NotFound, "{id}");
        let create_only = refused(&s, "a", Operation::create_as(id, "{}")).await;
        assert_eq!(create_only, RefusalKind::NotFound, "{id}");
    }
    assert_eq!(create(&s, "a", "{}").await, "1");
    assert_eq!(write(&s, "a", Operation::upsert("1", r#"{"n":1}"#)).await.kind, "updated");
}

pub(crate) async fn only_canonical_decimals_are_integers(s: Shared) {
    create(&s, "a", r#"{"n":1}"#).await;
    for id in ["01", "+1", "-1", "1.0", " 1", "1 ", "9223372036854775808", "1e0", "١", "0x1"] {
        assert_eq!(text(&s, "a", id).await, None, "{id:?}");
        let done = write(&s, "a", Operation::create_as(id, r#"{"n":2}"#)).await;
        assert_eq!(segment(&done.id), id);
        assert!(done.id.starts_with('"'), "{} is a string", done.id);
        assert_eq!(text(&s, "a", id).await.unwrap(), format!(r#"{{"n":2,"id":{}}}"#, done.id));
    }
    assert_eq!(text(&s, "a", "1").await.unwrap(), r#"{"n":1,"id":1}"#);
}

pub(crate) async fn unknown_ids_are_not_found(s: Shared) {
    for id in ["1", "0", "9223372036854775807", "abc", "99999999999999999999"] {
        assert_eq!(text(&s, "a", id).await, None, "{id}");
        assert_eq!(refused(&s, "a", Operation::delete(id)).await, RefusalKind::NotFound, "{id}");
        assert_eq!(refused(&s, "a", Operation::patch(id, "{}")).await, RefusalKind::NotFound);
    }
}

pub(crate) async fn integers_are_listed_before_strings(s: Shared) {
    for id in ["b", "10x", "é", "A", "a", "", "ab", "-1", "~"] {
        if !id.is_empty() {
            put_new(&s, "a", id, "{}").await;
        }
    }
    let bodies: Vec<String> = (0..11).map(|n| format!("{{\"n\":{n}}}")).collect();
    create_all(&s, "a", &bodies).await;
    let expected = [
        "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "\"-1\"", "\"10x\"", "\"A\"",
        "\"a\"", "\"ab\"", "\"b\"", "\"~\"", "\"é\"",
    ];
    assert_eq!(ids(&s, "a", &[]).await, expected);
    let mut reversed = expected;
    reversed.reverse();
    assert_eq!(ids(&s, "a", &[("sort", "-id")]).await, reversed);
}

pub(crate) async fn rules_of_string_ids_hold(s: Shared) {
    let long = "x".repeat(512);
    let longest = format!("{}é", "y".repeat(510));
    for id in [long.as_str(), longest.as_str(), "a b", "a?b#c%2F", "...", "x_", "a\u{1}b"] {
        put_new(&s, "a", id, "{}").await;
        let expected = format!("{{\"id\":{}}}", quoted(id));
        assert_eq!(text(&s, "a", id).await.unwrap(), expected, "{id:?}");
    }
    let too_long = "x".repeat(513);
    for id in [too_long.as_str(), "_a", "_", ".", "..", "a/b", "a\0b", "\0"] {
        let refusal = s.write("a", &Operation::upsert(id, "{}"), None).await.unwrap_err();
        let named = [RefusalKind::InvalidId, RefusalKind::NoRoute];
        assert!(named.contains(&refusal.kind), "{id:?}: {refusal:?}");
    }
    assert_eq!(s.totals().await.unwrap().documents, 7);
}

pub(crate) async fn strings_that_look_alike_are_different(s: Shared) {
    // Composed and decomposed, upper and lower case, with and without trailing blank.
    let alike = ["é", "e\u{301}", "É", "a", "A", "a ", "a\u{200b}", "ａ"];
    for (n, id) in alike.iter().enumerate() {
        put_new(&s, "a", id, &format!("{{\"n\":{n}}}")).await;
    }
    for (n, id) in alike.iter().enumerate() {
        let expected = format!("{{\"n\":{n},\"id\":{}}}", quoted(id));
        assert_eq!(text(&s, "a", id).await.unwrap(), expected);
    }
}

pub(crate) async fn batches_assign_integers_in_order(s: Shared) {
    let operations = (0..50).map(|n| Operation::create(format!("{{\"n\":{n}}}"))).collect();
    let report = batch(&s, "a", Batch::each(operations)).await;
    for (n, outcome) in report.outcomes.iter().enumerate() {
        let done = outcome.as_ref().unwrap();
        assert_eq!(done.id, (n + 1).to_string());
        let expected = format!("{{\"n\":{n},\"id\":{}}}", n + 1);
        assert_eq!(text(&s, "a", &done.id).await.unwrap(), expected);
    }
}

pub(crate) async fn recreated_string_id_has_a_new_revision(s: Shared) {
    let mut seen = vec![put_new(&s, "a", "k", "{}").await];
    for _ in 0..3 {
        write(&s, "a", Operation::delete("k")).await;
        let revision = put_new(&s, "a", "k", "{}").await;
        assert!(!seen.contains(&revision), "{revision} was seen before");
        let stale = refused(&s, "a", Operation::put("k", "{}").at(&seen[0])).await;
        assert_eq!(stale, RefusalKind::RevisionConflict);
        seen.push(revision);
    }
    s.delete_collection("a").await.unwrap();
    let revision = put_new(&s, "a", "k", "{}").await;
    assert!(!seen.contains(&revision), "{revision} was seen before");
}
