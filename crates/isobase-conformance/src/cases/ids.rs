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

pub(crate) async fn chosen_integers_move_the_counter(s: Shared) {
    let choose = async |id: &str| {
        let done = write(&s, "a", Operation::upsert(id, r#"{"n":1}"#)).await;
        assert_eq!((done.id.as_str(), done.kind.as_str()), (id, "created"));
        assert_eq!(text(&s, "a", id).await.unwrap(), format!(r#"{{"n":1,"id":{id}}}"#));
    };
    choose("7").await;
    assert_eq!(create(&s, "a", "{}").await, "8");
    assert_eq!(create(&s, "b", "{}").await, "9");
    assert_eq!(write(&s, "a", Operation::upsert("8", r#"{"n":1}"#)).await.kind, "updated");
    choose("0").await;
    choose("5").await;
    assert_eq!(refused(&s, "a", Operation::put("6", "{}")).await, RefusalKind::NotFound);
    // In one batch, before and after an id that is assigned.
    let operations = vec![
        Operation::create_as("12", "{}"),
        Operation::create("{}"),
        Operation::upsert("13", "{}"),
        Operation::create_as("14", "{}"),
    ];
    let report = batch(&s, "a", Batch::each(operations)).await;
    let done = report.outcomes.into_iter().map(|outcome| outcome.map(|done| (done.id, done.kind)));
    let done: Vec<_> = done.collect::<Result<_, _>>().unwrap();
    let created = |id: &str| (id.to_owned(), "created".to_owned());
    let replaced = ("13".to_owned(), "updated".to_owned());
    assert_eq!(done, [created("12"), created("13"), replaced, created("14")]);
    // No one counts beyond what every reader of JSON has exactly.
    choose("9007199254740993").await;
    choose("9223372036854775807").await;
    assert_eq!(create(&s, "a", "{}").await, "15");
    choose("9007199254740992").await;
    let kind = refused(&s, "a", Operation::create("{}")).await;
    assert_eq!(kind, RefusalKind::Unholdable);
    put_new(&s, "a", "text", "{}").await;
    let listed = ids(&s, "a", &[]).await;
    let large = ["9007199254740992", "9007199254740993", "9223372036854775807", "\"text\""];
    assert_eq!(listed[listed.len() - 4..], large);
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
    let long = "x".repeat(1_500);
    // Firestore has none of these slashes: escaped, they are too long for it.
    let (longest, slashes) = (format!("{}é", "y".repeat(1_498)), "/".repeat(1_000));
    let mut valid = vec![
        long.as_str(),
        &longest,
        &slashes,
        "a b",
        "a?b#c%2F",
        "...",
        "x_",
        "a\u{1}b",
        "_a",
        "_",
        "_design/a",
        "_local/a",
        ".",
        "..",
        "/",
        "a/b",
        "/a/",
        "__x__",
        "%",
        "isobase_id:_a",
        "isobase_id:a%2Fb",
        "9223372036854775808",
    ];
    for id in &valid {
        let revision = put_new(&s, "a", id, "{}").await;
        let expected = format!("{{\"id\":{}}}", quoted(id));
        assert_eq!(text(&s, "a", id).await.unwrap(), expected, "{id:?}");
        let patched = write(&s, "a", Operation::patch(id, r#"{"n":1}"#)).await;
        assert_ne!(patched.revision, Some(revision), "{id:?}");
    }
    valid.sort_unstable();
    let quoted_ids: Vec<String> = valid.iter().map(|id| quoted(id)).collect();
    assert_eq!(ids(&s, "a", &[]).await, quoted_ids);
    for (id, quoted) in valid.iter().zip(&quoted_ids) {
        assert_eq!(ids(&s, "a", &[("id", quoted)]).await, std::slice::from_ref(quoted));
        assert_eq!(write(&s, "a", Operation::delete(id)).await.kind, "deleted", "{id:?}");
        assert_eq!(text(&s, "a", id).await, None, "{id:?}");
    }
    let too_long = "x".repeat(1_501);
    for id in [too_long.as_str(), "a\0b", "\0", ""] {
        let refusal = s.write("a", &Operation::upsert(id, "{}"), None).await.unwrap_err();
        let named = [RefusalKind::InvalidId, RefusalKind::NoRoute];
        assert!(named.contains(&refusal.kind), "{id:?}: {refusal:?}");
    }
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn long_ids_keep_their_order(s: Shared) {
    // They differ beyond what any database has of a long key.
    let ends = ["", "c", "a", "b", "ab", "/", "é"];
    let names: Vec<String> = ["x", "y"]
        .iter()
        .flat_map(|first| ends.map(|end| format!("{first}{}{end}", "-".repeat(1_490))))
        .collect();
    let bodies = |n: usize| format!("{{\"n\":{},\"t\":\"{}\"}}", n % 2, "t".repeat(300));
    let operations = names.iter().enumerate().map(|(n, id)| Operation::create_as(id, bodies(n)));
    let mut operations: Vec<_> = operations.collect();
    operations.extend(["a", "z"].map(|id| Operation::create_as(id, bodies(0))));
    batch(&s, "a", Batch::each(operations)).await;
    let mut sorted: Vec<&str> = names.iter().map(String::as_str).chain(["a", "z"]).collect();
    sorted.sort_unstable();
    let odd = |id: &&str| names.iter().position(|name| name == id).is_some_and(|at| at % 2 == 1);
    let check = async || {
        for (query, expected) in [
            (vec![("sort", "id")], sorted.clone()),
            (vec![("sort", "-id")], sorted.iter().rev().copied().collect()),
            (vec![("sort", "t")], sorted.clone()),
            (vec![("sort", "-t")], sorted.iter().rev().copied().collect()),
            (vec![("sort", "t,n")], {
                let (odd, even): (Vec<_>, Vec<_>) = sorted.iter().copied().partition(odd);
                even.into_iter().chain(odd).collect()
            }),
            (vec![("n", "1"), ("sort", "id")], sorted.iter().copied().filter(odd).collect()),
        ] {
            let expected: Vec<String> = expected.iter().map(|id| quoted(id)).collect();
            for limit in [1, 2, 5] {
                let walked = walk(&s, "a", &query, limit).await;
                let walked: Vec<_> = walked.iter().map(|text| id_of(text)).collect();
                assert_eq!(walked, expected, "{query:?} {limit}");
            }
        }
        let (from, to) = (&sorted[3], &sorted[10]);
        let range = [("id[gte]", quoted(from)), ("id[lt]", quoted(to))];
        let range: Vec<_> = range.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let expected: Vec<String> = sorted[3..10].iter().map(|id| quoted(id)).collect();
        assert_eq!(ids(&s, "a", &range).await, expected);
    };
    check().await;
    for fields in ["t,n", "n,-t", "t"] {
        s.create_index("a", fields).await.unwrap();
    }
    check().await;
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
