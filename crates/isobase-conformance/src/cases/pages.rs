//! Pages.

use std::collections::BTreeMap;

use crate::{Batch, Operation, RefusalKind, Shared, check::*};

async fn fill(s: &Shared, count: usize) {
    let bodies: Vec<String> = (0..count)
        .map(|n| format!("{{\"n\":{n},\"m\":{},\"t\":\"{}\"}}", n % 5, n * 37 % 100))
        .collect();
    create_all(s, "a", &bodies).await;
}

pub(crate) async fn cursor_visits_every_document_once(s: Shared) {
    fill(&s, 137).await;
    for id in ["x", "y", "z"] {
        put_new(&s, "a", id, r#"{"m":2}"#).await;
    }
    let sorts = ["", "id", "-id", "m", "-m", "t", "m,-t", "-t,n", "missing"];
    let limits = [1, 2, 7, 139, 140, 141, 1000];
    let all = sorts.iter().flat_map(|sort| limits.map(|limit| (*sort, limit)));
    let walks = sampled(&s, all.filter(|(sort, limit)| *limit > 1 || sort.is_empty()));
    let compare = async |with: &str| {
        for &(sort, limit) in &walks {
            let order = [("sort", sort)];
            let order: &[(&str, &str)] = if sort.is_empty() { &[] } else { &order };
            let whole = list(&s, "a", order).await.documents;
            assert_eq!(whole.len(), 140);
            let walked = walk(&s, "a", order, limit).await;
            assert_eq!(walked, whole, "sort={sort} in pages of {limit} {with}");
        }
    };
    compare("without an index").await;
    for index in ["m", "t", "m,-t"] {
        s.create_index("a", index).await.unwrap();
    }
    compare("with indexes").await;
}

pub(crate) async fn filtered_walk_finds_the_same_as_the_whole(s: Shared) {
    fill(&s, 200).await;
    let filters: [&[(&str, &str)]; 6] = [
        &[("m", "3")],
        &[("n[gte]", "100"), ("m[in]", "1,4")],
        &[("t[like]", "%7%")],
        &[("or", "(m.eq.1,n.lt.20)")],
        &[("n", "150")],
        &[("n", "9999")],
    ];
    let orders = filters.iter().flat_map(|filter| {
        ["id", "-n", "m,t", "t"].map(|sort| [filter, &[("sort", sort)][..]].concat())
    });
    let walks =
        sampled(&s, orders.flat_map(|query| [1, 6, 50].map(|limit| (query.clone(), limit))));
    let compare = async |with: &str| {
        for (parameters, limit) in &walks {
            let whole = list(&s, "a", parameters).await.documents;
            let walked = walk(&s, "a", parameters, *limit).await;
            assert_eq!(walked, whole, "{parameters:?} in pages of {limit} {with}");
        }
    };
    compare("without an index").await;
    for index in ["m,n", "n", "t"] {
        s.create_index("a", index).await.unwrap();
    }
    compare("with indexes").await;
}

pub(crate) async fn documents_present_throughout_are_seen_once(s: Shared) {
    s.create_index("a", "m").await.unwrap();
    for sort in sampled(&s, ["m", "id", "-id", "-t", "m,-n"]) {
        s.delete_collection("a").await.unwrap();
        fill(&s, 120).await;
        let first = list(&s, "a", &[("limit", "1")]).await.documents;
        let first: usize = id_of(&first[0]).parse().unwrap();
        let (mut seen, mut cursor, mut page) = (BTreeMap::new(), None::<String>, 0_usize);
        loop {
            let mut parameters = vec![("sort", sort), ("limit", "10")];
            if let Some(cursor) = &cursor {
                parameters.push(("cursor", cursor));
            }
            let listed = list(&s, "a", &parameters).await;
            for document in &listed.documents {
                *seen.entry(id_of(document)).or_insert(0) += 1;
            }
            let Some(next) = listed.next else { break };
            cursor = Some(next);
            // Every third document of the start stays; of the others some go, and new ones come.
            let victim = first + page * 3 % 120;
            let operations = vec![
                Operation::create(format!("{{\"n\":{page},\"m\":{},\"t\":\"{page}\"}}", page % 5)),
                Operation::upsert(&format!("s{page}"), r#"{"m":3}"#),
                Operation::delete(&(victim + 1).to_string()),
                Operation::delete(&(first + 119 - page * 3 % 120).to_string()),
            ];
            batch(&s, "a", Batch::each(operations)).await;
            page += 1;
            assert!(page < 100, "the walk does not end");
        }
        assert!(page >= 6, "{sort}: {page} pages");
        let after = ids(&s, "a", &[]).await;
        for id in &after {
            let old = id.parse::<usize>().is_ok_and(|id| (first..first + 120).contains(&id));
            let times = seen.get(id).copied().unwrap_or(0);
            assert!(times <= 1, "{id} was seen {times} times with sort={sort}");
            assert!(!old || times == 1, "{id} was never seen with sort={sort}");
        }
        assert!(seen.values().all(|times| *times == 1), "sort={sort}");
    }
}

pub(crate) async fn cursor_outlives_its_document(s: Shared) {
    fill(&s, 20).await;
    for sort in ["id", "-n"] {
        let page = list(&s, "a", &[("sort", sort), ("limit", "5")]).await;
        let cursor = page.next.unwrap();
        let last = id_of(page.documents.last().unwrap());
        write(&s, "a", Operation::delete(&last)).await;
        let rest = list(&s, "a", &[("sort", sort), ("limit", "100"), ("cursor", &cursor)]).await;
        let whole = ids(&s, "a", &[("sort", sort)]).await;
        let rest: Vec<String> = rest.documents.iter().map(|text| id_of(text)).collect();
        assert_eq!(rest, whole[4..], "sort={sort}");
    }
}

pub(crate) async fn cursor_shows_what_matches_later(s: Shared) {
    for collection in ["a", "b"] {
        if collection == "b" {
            s.create_index("b", "m").await.unwrap();
        }
        let mut ids = Vec::new();
        for m in [1, 0, 0, 1, 0, 1] {
            ids.push(create(&s, collection, &format!("{{\"m\":{m}}}")).await);
        }
        let first = list(&s, collection, &[("m", "1"), ("limit", "1")]).await;
        assert_eq!(first.documents.len(), 1);
        let cursor = first.next.unwrap();
        write(&s, collection, Operation::patch(&ids[1], r#"{"m":1}"#)).await;
        let parameters = [("m", "1"), ("limit", "9"), ("cursor", cursor.as_str()), ("fields", "m")];
        let rest = list(&s, collection, &parameters).await.documents;
        let expected = [1, 3, 5].map(|at| format!("{{\"m\":1,\"id\":{}}}", ids[at]));
        assert_eq!(rest, expected);
    }
}

pub(crate) async fn cursor_can_be_used_again(s: Shared) {
    fill(&s, 30).await;
    let first = list(&s, "a", &[("sort", "m"), ("limit", "10")]).await;
    let cursor = first.next.unwrap();
    let parameters = [("sort", "m"), ("limit", "10"), ("cursor", cursor.as_str())];
    let second = list(&s, "a", &parameters).await;
    assert_eq!(list(&s, "a", &parameters).await, second);
    // The page may have another size.
    let longer = list(&s, "a", &[("sort", "m"), ("limit", "15"), ("cursor", &cursor)]).await;
    assert_eq!(longer.documents[..10], second.documents[..]);
}

pub(crate) async fn foreign_cursor_is_refused(s: Shared) {
    fill(&s, 10).await;
    create_all(&s, "b", &["{}".to_owned(), "{}".to_owned()]).await;
    let of = async |parameters: &[(&str, &str)]| {
        let mut with_limit = parameters.to_vec();
        with_limit.push(("limit", "1"));
        list(&s, "a", &with_limit).await.next.unwrap()
    };
    let (by_id, by_m) = (of(&[]).await, of(&[("sort", "m")]).await);
    type Foreign<'a> = (&'a str, &'a [(&'a str, &'a str)], &'a str);
    let foreign: [Foreign<'_>; 7] = [
        ("b", &[], &by_id),
        ("a", &[("sort", "m")], &by_id),
        ("a", &[], &by_m),
        ("a", &[("sort", "-m")], &by_m),
        ("a", &[], "x"),
        ("a", &[], "AAAAAAAAAAAA"),
        ("a", &[], "not base64 !"),
    ];
    for (collection, order, cursor) in foreign {
        let mut parameters = order.to_vec();
        parameters.extend([("limit", "1"), ("cursor", cursor)]);
        let kind = list_refused(&s, collection, &parameters).await;
        assert_eq!(kind, RefusalKind::ForeignCursor, "{collection} {parameters:?}");
    }
}

pub(crate) async fn damaged_cursor_does_no_harm(s: Shared) {
    fill(&s, 50).await;
    let cursor = list(&s, "a", &[("sort", "t"), ("limit", "10")]).await.next.unwrap();
    for at in 0..cursor.len() {
        for replaced in ["A", "_", "9"] {
            let mut damaged = cursor.clone();
            damaged.replace_range(at..=at, replaced);
            let parameters = [("sort", "t"), ("limit", "10"), ("cursor", damaged.as_str())];
            // Another part of the listing or a refusal; never a failure.
            match s.list("a", &parameters).await {
                Ok(page) => assert!(page.documents.len() <= 10),
                // What names its database may be what is damaged.
                Err(refusal) => assert!(
                    matches!(refusal.kind, RefusalKind::ForeignCursor | RefusalKind::ForeignPlace),
                    "{refusal:?}"
                ),
            }
        }
    }
}

pub(crate) async fn numbered_pages_tell_totals(s: Shared) {
    fill(&s, 45).await;
    let page = async |number: &str, limit: &str| {
        list(&s, "a", &[("sort", "n"), ("page", number), ("limit", limit)]).await
    };
    for (number, limit, first, count, pages) in [
        ("1", "20", 0, 20, 3),
        ("2", "20", 20, 20, 3),
        ("3", "20", 40, 5, 3),
        ("4", "20", 0, 0, 3),
        ("1", "45", 0, 45, 1),
        ("2", "45", 0, 0, 1),
        ("1", "1000", 0, 45, 1),
        ("4294967295", "1000", 0, 0, 1),
    ] {
        let listed = page(number, limit).await;
        let expected: Vec<String> = (first..first + count).map(|n| (n + 1).to_string()).collect();
        let found: Vec<String> = listed.documents.iter().map(|text| id_of(text)).collect();
        assert_eq!(found, expected, "page {number} of {limit}");
        assert_eq!((listed.total, listed.pages), (Some(45), Some(pages)), "page {number}");
        assert_eq!(listed.page, number.parse().ok());
    }
    let none = list(&s, "a", &[("n", "999"), ("page", "1")]).await;
    assert_eq!((none.documents.len(), none.total, none.pages), (0, Some(0), Some(0)));
}

pub(crate) async fn numbered_pages_of_a_filter_join(s: Shared) {
    fill(&s, 90).await;
    s.create_index("a", "m").await.unwrap();
    for sort in ["id", "-t", "m,n"] {
        let filter = [("m[in]", "1,3"), ("sort", sort)];
        let whole = list(&s, "a", &filter).await.documents;
        let mut joined = Vec::new();
        for number in 1..=8 {
            let number = number.to_string();
            let mut parameters = filter.to_vec();
            parameters.extend([("page", number.as_str()), ("limit", "5")]);
            let page = list(&s, "a", &parameters).await;
            assert_eq!((page.total, page.pages), (Some(36), Some(8)));
            joined.extend(page.documents);
        }
        assert_eq!(joined, whole, "sort={sort}");
    }
}

pub(crate) async fn whole_listing_has_no_bound_of_its_own(s: Shared) {
    // More documents and more bytes than one part of the stream.
    let pad = "p".repeat(700);
    let bodies: Vec<String> =
        (0..2_500).map(|n| format!("{{\"n\":{},\"pad\":\"{pad}\"}}", 2_500 - n)).collect();
    create_all(&s, "a", &bodies).await;
    let expected: Vec<String> = (1..=2_500).map(|n| n.to_string()).collect();
    assert_eq!(ids(&s, "a", &[]).await, expected);
    let reversed: Vec<String> = expected.iter().rev().cloned().collect();
    assert_eq!(ids(&s, "a", &[("sort", "n")]).await, reversed);
    assert_eq!(ids(&s, "a", &[("n[gt]", "0"), ("sort", "-id")]).await, reversed);
}
