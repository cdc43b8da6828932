//! Fields that refer to documents of other collections, declared in a schema.

use futures_util::future::join_all;

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

/// People refer to teams.
async fn declare(s: &Shared, on_delete: &str) {
    let schema = format!(
        r#"{{"properties":{{"team":{{"x-reference":"teams","x-on-delete":"{on_delete}"}}}}}}"#
    );
    s.set_schema("people", Some(&schema)).await.unwrap();
}

pub(crate) async fn what_is_referred_to_must_be_there(s: Shared) {
    declare(&s, "refuse").await;
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
    declare(&s, "refuse").await;
    put_new(&s, "teams", "t", "{}").await;
    put_new(&s, "teams", "tt", "{}").await;
    put_new(&s, "people", "k", r#"{"team":"t"}"#).await;
    assert_eq!(refused(&s, "teams", Operation::delete("t")).await, RefusalKind::Referenced);
    assert_eq!(s.delete_collection("teams").await.unwrap_err().kind, RefusalKind::Referenced);
    write(&s, "teams", Operation::delete("tt")).await;
    write(&s, "people", Operation::patch("k", r#"{"team":null}"#)).await;
    write(&s, "teams", Operation::delete("t")).await;
    // The index that finds them is made again where somebody dropped it.
    put_new(&s, "teams", "u", "{}").await;
    assert!(s.drop_index("people", "team").await.unwrap());
    write(&s, "teams", Operation::delete("u")).await;
}

pub(crate) async fn deletions_take_references_away(s: Shared) {
    declare(&s, "set_null").await;
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
    declare(&s, "cascade").await;
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
    let report = batch(&s, "teams", Batch::atomic(vec![Operation::delete("u")])).await;
    assert_eq!(kinds(&report), [None]);
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

/// Declares what happens to references of a collection; each is a field, what it refers to, and
/// what a deletion does.
async fn refer(s: &Shared, collection: &str, references: &[(&str, &str, &str)]) {
    let fields: Vec<_> = references
        .iter()
        .map(|(field, to, on_delete)| {
            format!("\"{field}\":{{\"x-reference\":\"{to}\",\"x-on-delete\":\"{on_delete}\"}}")
        })
        .collect();
    let schema = format!("{{\"properties\":{{{}}}}}", fields.join(","));
    s.set_schema(collection, Some(&schema)).await.unwrap();
}

pub(crate) async fn deletions_reach_a_document_on_several_ways(s: Shared) {
    refer(&s, "posts", &[("by", "users", "cascade"), ("editor", "users", "set_null")]).await;
    refer(&s, "comments", &[("by", "users", "cascade"), ("post", "posts", "cascade")]).await;
    refer(&s, "tasks", &[("by", "users", "set_null"), ("of", "users", "set_null")]).await;
    for key in ["u", "v"] {
        put_new(&s, "users", key, "{}").await;
        put_new(&s, "posts", key, &format!("{{\"by\":\"{key}\",\"editor\":\"{key}\"}}")).await;
        put_new(&s, "comments", key, &format!("{{\"by\":\"{key}\",\"post\":\"{key}\"}}")).await;
        put_new(&s, "tasks", key, &format!("{{\"by\":\"{key}\",\"of\":\"{key}\",\"n\":1}}")).await;
    }
    write(&s, "users", Operation::delete("u")).await;
    for collection in ["users", "posts", "comments"] {
        assert_eq!(ids(&s, collection, &[]).await, ["\"v\""], "{collection}");
    }
    assert_eq!(text(&s, "tasks", "u").await.unwrap(), r#"{"n":1,"id":"u"}"#);
    let other = r#"{"by":"v","of":"v","n":1,"id":"v"}"#;
    assert_eq!(text(&s, "tasks", "v").await.unwrap(), other);
}

pub(crate) async fn documents_in_a_circle_are_deleted(s: Shared) {
    refer(&s, "teams", &[("lead", "people", "set_null")]).await;
    refer(&s, "people", &[("team", "teams", "cascade")]).await;
    put_new(&s, "teams", "t", "{}").await;
    put_new(&s, "people", "p", r#"{"team":"t"}"#).await;
    write(&s, "teams", Operation::patch("t", r#"{"lead":"p"}"#)).await;
    write(&s, "teams", Operation::delete("t")).await;
    assert_eq!(text(&s, "people", "p").await, None);
    // What refers to itself alone is referred to by nothing that stays.
    refer(&s, "nodes", &[("next", "nodes", "refuse")]).await;
    for key in ["a", "b"] {
        put_new(&s, "nodes", key, "{}").await;
    }
    write(&s, "nodes", Operation::patch("a", r#"{"next":"a"}"#)).await;
    write(&s, "nodes", Operation::patch("b", r#"{"next":"a"}"#)).await;
    assert_eq!(refused(&s, "nodes", Operation::delete("a")).await, RefusalKind::Referenced);
    let both = Batch::atomic(vec![Operation::delete("a"), Operation::delete("b")]);
    assert_eq!(kinds(&batch(&s, "nodes", both).await), [None, None]);
    assert_eq!(ids(&s, "nodes", &[]).await, [""; 0]);
}

pub(crate) async fn long_ids_that_begin_alike_are_told_apart(s: Shared) {
    declare(&s, "refuse").await;
    let (first, last) = ("x".repeat(300) + "a", "x".repeat(300) + "b");
    put_new(&s, "teams", &first, "{}").await;
    put_new(&s, "teams", &last, "{}").await;
    for key in ["a", "b", "c"] {
        put_new(&s, "people", key, &format!("{{\"team\":\"{first}\"}}")).await;
    }
    put_new(&s, "people", "z", &format!("{{\"team\":\"{last}\"}}")).await;
    assert_eq!(refused(&s, "teams", Operation::delete(&last)).await, RefusalKind::Referenced);
    write(&s, "people", Operation::delete("z")).await;
    write(&s, "teams", Operation::delete(&last)).await;
}

pub(crate) async fn large_cascades_are_refused_by_name(s: Shared) {
    declare(&s, "cascade").await;
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
    declare(&s, "cascade").await;
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

pub(crate) async fn documents_that_move_away_are_left(s: Shared) {
    declare(&s, "cascade").await;
    for round in 0..6 {
        let (from, to) = (format!("t{round}"), format!("u{round}"));
        let people: Vec<String> = (0..4).map(|n| format!("p{round}-{n}")).collect();
        for team in [&from, &to] {
            put_new(&s, "teams", team, "{}").await;
        }
        for person in &people {
            put_new(&s, "people", person, &format!("{{\"team\":\"{from}\"}}")).await;
        }
        let moves = people.iter().map(|person| {
            let (s, person, to) = (s.clone(), person.clone(), to.clone());
            tokio::spawn(async move {
                let patch = Operation::patch(&person, format!("{{\"team\":\"{to}\"}}"));
                try_write(&s, "people", patch).await.is_ok()
            })
        });
        let moves: Vec<_> = moves.collect();
        drop(try_write(&s, "teams", Operation::delete(&from)).await);
        // Anyone who was told that it has moved is there, in the other team.
        for (moved, person) in join_all(moves).await.into_iter().zip(&people) {
            if moved.unwrap() {
                let expected = format!("{{\"team\":\"{to}\",\"id\":\"{person}\"}}");
                assert_eq!(text(&s, "people", person).await, Some(expected));
            }
        }
    }
}
