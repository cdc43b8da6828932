//! Declared indexes change nothing but the time.

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

pub(crate) async fn declared_indexes_are_listed(s: Shared) {
    assert_eq!(s.indexes("a").await.unwrap(), [""; 0]);
    for index in ["status", "status,-created_at", "\"a.b\".c"] {
        s.create_index("a", index).await.unwrap();
    }
    s.create_index("b", "x").await.unwrap();
    // Once more changes nothing.
    s.create_index("a", "status").await.unwrap();
    let declared = ["status", "status,-created_at", "\"a.b\".c"];
    assert_eq!(s.indexes("a").await.unwrap(), declared);
    assert!(s.drop_index("a", "status").await.unwrap());
    assert!(!s.drop_index("a", "status").await.unwrap());
    assert_eq!(s.indexes("a").await.unwrap(), declared[1..]);
    assert_eq!(s.indexes("b").await.unwrap(), ["x"]);
}

pub(crate) async fn indexes_outlive_their_documents(s: Shared) {
    s.create_index("a", "v").await.unwrap();
    put_new(&s, "a", "k", r#"{"v":1}"#).await;
    s.delete_collection("a").await.unwrap();
    assert_eq!(s.indexes("a").await.unwrap(), ["v"]);
    assert_eq!(ids(&s, "a", &[("v", "1")]).await, [""; 0]);
    assert_eq!(ids(&s, "a", &[("sort", "v")]).await, [""; 0]);
    put_new(&s, "a", "k", r#"{"v":2}"#).await;
    assert_eq!(ids(&s, "a", &[("v", "2")]).await, ["\"k\""]);
    assert_eq!(ids(&s, "a", &[("v", "1")]).await, [""; 0]);
    assert_eq!(s.totals().await.unwrap().collections, ["a"]);
}

pub(crate) async fn malformed_indexes_are_refused(s: Shared) {
    for fields in ["", "a,b,c,d", "a,a", "a..b", ","] {
        let refusal = s.create_index("a", fields).await.unwrap_err();
        let named = [RefusalKind::InvalidIndex, RefusalKind::InvalidParameter];
        assert!(named.contains(&refusal.kind), "{fields:?}: {refusal:?}");
    }
    assert_eq!(s.indexes("a").await.unwrap(), [""; 0]);
}

/// Every answer a set of queries has.
async fn answers(s: &Shared) -> Vec<String> {
    let filters: [&[(&str, &str)]; 16] = [
        &[],
        &[("s", "open")],
        &[("s[in]", "open,closed")],
        &[("s", "open"), ("n[gte]", "10")],
        &[("s", "open"), ("n[lt]", "10"), ("c.id", "3")],
        &[("c.id[gt]", "2"), ("c.id[lte]", "5")],
        &[("c.id[null]", "true")],
        &[("s", "null")],
        &[("s[ne]", "open")],
        &[("or", "(s.eq.open,c.id.eq.2)")],
        &[("s[like]", "%o%"), ("n", "7")],
        &[("n[in]", "1,2,3,\"7\",null"), ("s[in]", "open,null")],
        &[("not", "(s.eq.open)"), ("n[gt]", "5")],
        &[("id[gt]", "20"), ("s", "open")],
        &[("id[in]", "1,5,9,k1,k7"), ("n[gte]", "0")],
        &[("s", "open"), ("s", "closed")],
    ];
    let sorts = ["", "-id", "n", "-n", "s,-n", "-s,n", "-c.id,n", "s,n,id"];
    let mut answers = Vec::new();
    for (row, filter) in filters.into_iter().enumerate() {
        // Another order for each filter where not all are tried.
        let sorts = sorts.into_iter().enumerate().cycle().skip(row).take(sorts.len());
        for (column, sort) in sampled(s, sorts) {
            let mut parameters = filter.to_vec();
            if !sort.is_empty() {
                parameters.push(("sort", sort));
            }
            answers.push(list(s, "a", &parameters).await.documents.join("\n"));
            // Every walk would take long and tell little more.
            if (row + column) % 3 == 0 {
                answers.push(walk(s, "a", &parameters, 29).await.join("\n"));
            }
        }
        let mut parameters = filter.to_vec();
        parameters.extend([("limit", "1"), ("count", "exact")]);
        answers.push(format!("{:?}", list(s, "a", &parameters).await.total));
    }
    answers
}

fn body(n: usize) -> String {
    let status = ["\"open\"", "\"closed\"", "null", "\"open\"", "5", "[1]"][n % 6];
    let number = ["7", "7.0", "\"7\"", "12", "-3", "1e2", "{}"][n % 7];
    match n % 11 {
        0 => "{}".to_owned(),
        1 => format!("{{\"n\":{n}}}"),
        2 => format!("{{\"s\":{status},\"c\":{{\"id\":null}}}}"),
        _ => format!("{{\"s\":{status},\"n\":{number},\"c\":{{\"id\":{}}}}}", n % 7),
    }
}

async fn change_much(s: &Shared, round: usize) {
    let operations = (0..60)
        .map(|n| match n % 5 {
            0 => Operation::create(body(n + round)),
            1 => Operation::upsert(&format!("k{}", n % 13), body(n * 3 + round)),
            2 => Operation::delete(&(n + round * 7).to_string()),
            3 => Operation::patch(&(n + round).to_string(), r#"{"s":"open","n":null}"#),
            _ => Operation::put(&(n + round * 2).to_string(), body(n * 5)),
        })
        .collect();
    batch(s, "a", Batch::each(operations)).await;
}

pub(crate) async fn answers_are_the_same_with_and_without(s: Shared) {
    let bodies: Vec<String> = (0..90).map(body).collect();
    create_all(&s, "a", &bodies).await;
    change_much(&s, 0).await;
    let mut before = answers(&s).await;
    let sets: [&[&str]; 4] = [
        &["s"],
        &["s,-n", "c.id"],
        &["n", "-s,n", "c.id,s,n"],
        &["id", "s,id", "-c.id,id,n", "-n"],
    ];
    for (round, set) in sets.into_iter().enumerate() {
        for index in set {
            s.create_index("a", index).await.unwrap();
        }
        assert_same(&before, &answers(&s).await, &format!("with {set:?}"));
        change_much(&s, round + 1).await;
        let with = answers(&s).await;
        for index in set {
            assert!(s.drop_index("a", index).await.unwrap());
        }
        before = answers(&s).await;
        assert_same(&before, &with, &format!("after writes with {set:?}"));
    }
}

fn assert_same(without: &[String], with: &[String], when: &str) {
    for (place, (without, with)) in without.iter().zip(with).enumerate() {
        assert_eq!(without, with, "answer {place} {when}");
    }
}

pub(crate) async fn index_is_built_over_old_documents(s: Shared) {
    let bodies: Vec<String> = (0..3_000).map(|n| format!("{{\"n\":{}}}", n * 7 % 3_000)).collect();
    create_all(&s, "a", &bodies).await;
    let parameters = [("n[gte]", "1000"), ("n[lt]", "1010"), ("sort", "n")];
    let before = list(&s, "a", &parameters).await.documents;
    assert_eq!(before.len(), 10);
    s.create_index("a", "n").await.unwrap();
    assert_eq!(list(&s, "a", &parameters).await.documents, before);
    assert_eq!(walk(&s, "a", &[("sort", "-n")], 1000).await.len(), 3_000);
}

pub(crate) async fn dropped_index_is_not_used_again(s: Shared) {
    s.create_index("a", "v").await.unwrap();
    create(&s, "a", r#"{"v":1}"#).await;
    s.drop_index("a", "v").await.unwrap();
    // Written while there is no index: a stale one would not know of it.
    create(&s, "a", r#"{"v":1}"#).await;
    write(&s, "a", Operation::put("1", r#"{"v":2}"#)).await;
    assert_eq!(ids(&s, "a", &[("v", "1")]).await, ["2"]);
    s.create_index("a", "v").await.unwrap();
    assert_eq!(ids(&s, "a", &[("v", "1")]).await, ["2"]);
    assert_eq!(ids(&s, "a", &[("v", "2")]).await, ["1"]);
}
