//! Many callers at once.

use std::collections::BTreeSet;

use futures_util::future::join_all;

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

async fn together<T: Send + 'static, F>(tasks: impl IntoIterator<Item = F>) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
{
    let tasks: Vec<_> = tasks.into_iter().map(tokio::spawn).collect();
    join_all(tasks).await.into_iter().map(Result::unwrap).collect()
}

pub(crate) async fn one_of_fifty_creates_wins(s: Shared) {
    let outcomes =
        together(
            (0..50).map(|n| {
                let s = s.clone();
                async move {
                    try_write(&s, "a", Operation::create_as("k", format!("{{\"n\":{n}}}"))).await
                }
            }),
        )
        .await;
    let winners: Vec<_> = outcomes.iter().filter_map(|outcome| outcome.as_ref().ok()).collect();
    assert_eq!(winners.len(), 1);
    for refusal in outcomes.iter().filter_map(|outcome| outcome.as_ref().err()) {
        assert_eq!(refusal.kind, RefusalKind::AlreadyExists);
    }
    assert_eq!(text(&s, "a", "k").await, winners[0].text);
}

pub(crate) async fn one_of_fifty_deletes_wins(s: Shared) {
    let id = create(&s, "a", "{}").await;
    let outcomes = together((0..50).map(|_| {
        let (s, id) = (s.clone(), id.clone());
        async move { try_write(&s, "a", Operation::delete(&id)).await.is_ok() }
    }))
    .await;
    assert_eq!(outcomes.into_iter().filter(|won| *won).count(), 1);
}

pub(crate) async fn compare_and_swap_loses_no_update(s: Shared) {
    const CLIENTS: usize = 32;
    let each = if s.abilities().one_in == 1 { 100 } else { 10 };
    let id = create(&s, "a", r#"{"n":0}"#).await;
    let increments = together((0..CLIENTS).map(|_| {
        let (s, id) = (s.clone(), id.clone());
        async move {
            let mut done = 0_u64;
            for _ in 0..each {
                let stored = s.get("a", &id).await.unwrap().unwrap();
                let value: serde_json::Value = serde_json::from_str(&stored.text).unwrap();
                let next = format!("{{\"n\":{}}}", value["n"].as_u64().unwrap() + 1);
                let operation = Operation::put(&id, next).at(&stored.revision);
                match try_write(&s, "a", operation).await {
                    Ok(_) => done += 1,
                    Err(refusal) => assert_eq!(refusal.kind, RefusalKind::RevisionConflict),
                }
            }
            done
        }
    }))
    .await;
    // As many increments and revisions as successes, whatever was refused.
    let done: u64 = increments.iter().sum();
    assert!(done >= each, "someone always wins: {done}");
    assert_eq!(text(&s, "a", &id).await.unwrap(), format!("{{\"n\":{done},\"id\":1}}"));
    assert_eq!(revision_of(&s, "a", &id).await, (done + 1).to_string());
    assert_eq!(latest(&s).await, done + 1);
}

pub(crate) async fn concurrent_creates_get_distinct_ids(s: Shared) {
    let ids = together((0..16).map(|n| {
        let s = s.clone();
        async move {
            let collection = if n % 2 == 0 { "a" } else { "b" };
            let mut ids = Vec::new();
            for _ in 0..20 {
                ids.push(create(&s, collection, "{}").await.parse::<u64>().unwrap());
            }
            assert!(ids.is_sorted(), "ids of one caller grow");
            ids
        }
    }))
    .await;
    let distinct: BTreeSet<u64> = ids.into_iter().flatten().collect();
    assert_eq!(distinct.len(), 320);
    assert_eq!(distinct.last(), Some(&320));
}

pub(crate) async fn sum_of_accounts_stays_constant(s: Shared) {
    const ACCOUNTS: usize = 6;
    for n in 0..ACCOUNTS {
        put_new(&s, "bank", &format!("k{n}"), r#"{"sum":100}"#).await;
    }
    let transfers = together((0..12).map(|client: usize| {
        let s = s.clone();
        async move {
            let mut done = 0;
            for round in 0..25 {
                let from = format!("k{}", (client + round) % ACCOUNTS);
                let to = format!("k{}", (client + round * 2 + 1) % ACCOUNTS);
                if from == to {
                    continue;
                }
                let read = async |id: &str| {
                    let stored = s.get("bank", id).await.unwrap().unwrap();
                    let value: serde_json::Value = serde_json::from_str(&stored.text).unwrap();
                    (value["sum"].as_i64().unwrap(), stored.revision)
                };
                let ((a, a_revision), (b, b_revision)) = (read(&from).await, read(&to).await);
                let set = |id: &str, sum: i64, revision: &str| {
                    Operation::put(id, format!("{{\"sum\":{sum}}}")).at(revision)
                };
                let operations = vec![set(&from, a - 1, &a_revision), set(&to, b + 1, &b_revision)];
                let report = batch(&s, "bank", Batch::atomic(operations)).await;
                let successes = report.outcomes.iter().filter(|outcome| outcome.is_ok()).count();
                assert!(successes == 0 || successes == 2, "half a transfer: {report:?}");
                done += successes / 2;
            }
            done
        }
    }));
    let watcher = {
        let s = s.clone();
        let rounds = if s.abilities().lists_one_moment { 40 } else { 0 };
        tokio::spawn(async move {
            for _ in 0..rounds {
                assert_eq!(sum(&s).await, 100 * ACCOUNTS as i64);
            }
        })
    };
    let done: usize = transfers.await.into_iter().sum();
    watcher.await.unwrap();
    assert!(done > 0);
    assert_eq!(sum(&s).await, 100 * ACCOUNTS as i64);
}

/// One listing is one moment: it never sees half a transfer.
async fn sum(s: &Shared) -> i64 {
    let documents = list(s, "bank", &[("limit", "100")]).await.documents;
    let sum_of = |text: &String| {
        serde_json::from_str::<serde_json::Value>(text).unwrap()["sum"].as_i64().unwrap()
    };
    documents.iter().map(sum_of).sum()
}

pub(crate) async fn writes_race_with_an_index_build(s: Shared) {
    let bodies: Vec<String> = (0..600).map(|n| format!("{{\"n\":{}}}", n % 10)).collect();
    create_all(&s, "a", &bodies).await;
    let writers = together((0..4_usize).map(|writer| {
        let s = s.clone();
        async move {
            for round in 0..30_usize {
                let id = (writer * 150 + round * 5 + 1).to_string();
                match round % 3 {
                    0 => drop(write(&s, "a", Operation::put(&id, r#"{"n":77}"#)).await),
                    1 => drop(write(&s, "a", Operation::delete(&id)).await),
                    _ => drop(write(&s, "a", Operation::create(r#"{"n":77}"#)).await),
                }
            }
        }
    }));
    let build = {
        let s = s.clone();
        tokio::spawn(async move { s.create_index("a", "n").await.unwrap() })
    };
    writers.await;
    build.await.unwrap();
    let all: Vec<serde_json::Value> = list(&s, "a", &[])
        .await
        .documents
        .iter()
        .map(|text| serde_json::from_str(text).unwrap())
        .collect();
    for n in [0, 5, 9, 77] {
        let expected: Vec<String> =
            all.iter().filter(|d| d["n"] == n).map(|d| d["id"].to_string()).collect();
        assert_eq!(ids(&s, "a", &[("n", &n.to_string())]).await, expected, "n={n}");
    }
    let mut by_n: Vec<(i64, i64)> =
        all.iter().map(|d| (d["n"].as_i64().unwrap(), d["id"].as_i64().unwrap())).collect();
    by_n.sort_unstable();
    let expected: Vec<String> = by_n.iter().map(|(_, id)| id.to_string()).collect();
    assert_eq!(ids(&s, "a", &[("sort", "n")]).await, expected);
}

pub(crate) async fn readers_never_see_a_half_written_document(s: Shared) {
    let body = |n: usize| format!("{{\"a\":{n},\"pad\":\"{}\",\"b\":{n}}}", "x".repeat(5_000));
    put_new(&s, "a", "k", &body(0)).await;
    let writer = {
        let s = s.clone();
        tokio::spawn(async move {
            for n in 1..150 {
                write(&s, "a", Operation::put("k", body(n))).await;
            }
        })
    };
    let readers = together((0..4).map(|_| {
        let s = s.clone();
        async move {
            let mut last = 0;
            for _ in 0..100 {
                let stored = s.get("a", "k").await.unwrap().unwrap();
                let value: serde_json::Value = serde_json::from_str(&stored.text).unwrap();
                assert_eq!(value["a"], value["b"]);
                let seen = value["a"].as_u64().unwrap();
                assert!(seen >= last, "time went back from {last} to {seen}");
                assert_eq!(stored.revision, (seen + 1).to_string());
                last = seen;
            }
        }
    }));
    readers.await;
    writer.await.unwrap();
}

pub(crate) async fn lists_race_with_changing_indexes(s: Shared) {
    let bodies: Vec<String> = (0..200).map(|n| format!("{{\"n\":{}}}", n % 10)).collect();
    create_all(&s, "a", &bodies).await;
    let changing = {
        let s = s.clone();
        tokio::spawn(async move {
            for index in ["n", "-n", "n", "n,m", "n", "-n"] {
                s.create_index("a", index).await.unwrap();
                s.drop_index("a", index).await.unwrap();
            }
        })
    };
    let mut asked = 0;
    while !changing.is_finished() || asked == 0 {
        assert_eq!(ids(&s, "a", &[("n", "3")]).await.len(), 20);
        assert_eq!(ids(&s, "a", &[("sort", "n")]).await.len(), 200);
        let page = list(&s, "a", &[("n[gt]", "4"), ("limit", "1"), ("count", "exact")]).await;
        assert_eq!(page.total, Some(100));
        asked += 1;
    }
    changing.await.unwrap();
}
