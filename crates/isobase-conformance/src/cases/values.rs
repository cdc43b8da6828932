//! Values come back exactly or are refused; nothing is stored of what is refused.

use isobase_types::{CollectionName, DocumentId, FieldPath};

use crate::{
    Batch, Operation, RefusalKind, Shared,
    check::*,
    values::{ACCEPTED, REFUSED, REFUSED_BYTES, naughty_strings},
};

async fn nothing_is_stored(s: &Shared) {
    assert_eq!(s.totals().await.unwrap().documents, 0);
    assert_eq!(latest(s).await, 0);
    assert_eq!(create(s, "after", "{}").await, "1");
}

pub(crate) async fn accepted_values_come_back_exactly(s: Shared) {
    for (value, kept) in ACCEPTED {
        let id = create(&s, "a", &format!("{{\"v\":{value}}}")).await;
        let expected = format!("{{\"v\":{kept},\"id\":{id}}}");
        assert_eq!(text(&s, "a", &id).await.unwrap(), expected, "{value:?} created");
        let put = write(&s, "a", Operation::upsert("k", format!("{{\"v\" : {value} }}"))).await;
        let expected = format!("{{\"v\":{kept},\"id\":\"k\"}}");
        assert_eq!(put.text.as_deref(), Some(expected.as_str()), "{value:?} put");
        assert_eq!(text(&s, "a", "k").await.unwrap(), expected, "{value:?} put");
    }
    // Over HTTP `_id` and `_rev` of a body are no fields of its own.
    let is_own = |kept: &str| kept.starts_with("{\"") && !kept.starts_with("{\"_id\"");
    for (value, kept) in ACCEPTED.iter().filter(|(_, kept)| is_own(kept)) {
        // As a whole body; its own `id` gives way.
        let id = create(&s, "whole", value).await;
        let body = text(&s, "whole", &id).await.unwrap();
        let expected = match *kept {
            r#"{"id":1}"# => format!("{{\"id\":{id}}}"),
            kept => format!("{},\"id\":{id}}}", &kept[..kept.len() - 1]),
        };
        assert_eq!(body, expected);
    }
}

pub(crate) async fn accepted_values_come_back_in_lists_and_batches(s: Shared) {
    let bodies: Vec<String> =
        ACCEPTED.iter().map(|(value, _)| format!("{{\"v\":{value}}}")).collect();
    create_all(&s, "a", &bodies).await;
    let expected: Vec<String> = ACCEPTED
        .iter()
        .enumerate()
        .map(|(n, (_, kept))| format!("{{\"v\":{kept},\"id\":{}}}", n + 1))
        .collect();
    assert_eq!(list(&s, "a", &[]).await.documents, expected);
    assert_eq!(walk(&s, "a", &[], 10).await, expected);
    let fields: Vec<String> = list(&s, "a", &[("fields", "v")]).await.documents;
    assert_eq!(fields, expected);
}

pub(crate) async fn patches_keep_what_they_do_not_name(s: Shared) {
    for (value, kept) in ACCEPTED.iter().filter(|(value, _)| *value != "null") {
        let id = create(&s, "a", &format!("{{\"v\":{value}}}")).await;
        write(&s, "a", Operation::patch(&id, r#"{"w":1}"#)).await;
        let expected = format!("{{\"v\":{kept},\"w\":1,\"id\":{id}}}");
        assert_eq!(text(&s, "a", &id).await.unwrap(), expected, "{value:?}");
    }
}

pub(crate) async fn refused_texts_store_nothing(s: Shared) {
    for value in REFUSED {
        for body in [format!("{{\"v\":{value}}}"), format!("{{\"v\":[{{\"w\":{value}}}]}}")] {
            for operation in [
                Operation::create(&body),
                Operation::upsert("k", &body),
                Operation::patch("k", &body),
            ] {
                let kind = refused(&s, "a", operation).await;
                assert_eq!(kind, RefusalKind::InvalidDocument, "{body:?}");
            }
        }
        let kind = refused(&s, "a", Operation::create(value)).await;
        assert_eq!(kind, RefusalKind::InvalidDocument, "{value:?} as a whole");
    }
    nothing_is_stored(&s).await;
}

pub(crate) async fn bodies_that_are_no_object_are_refused(s: Shared) {
    for body in ["null", "true", "1", "\"a\"", "[]", "[{}]", "{}{}", "{} {}", "{}x", "{},"] {
        for operation in [Operation::create(body), Operation::upsert("k", body)] {
            let kind = refused(&s, "a", operation).await;
            assert_eq!(kind, RefusalKind::InvalidDocument, "{body:?}");
        }
    }
    nothing_is_stored(&s).await;
}

pub(crate) async fn bytes_that_are_no_text_are_refused(s: Shared) {
    for bytes in REFUSED_BYTES {
        for operation in
            [Operation::create(bytes), Operation::upsert("k", bytes), Operation::patch("k", bytes)]
        {
            let kind = refused(&s, "a", operation).await;
            assert_eq!(kind, RefusalKind::InvalidDocument, "{bytes:?}");
        }
    }
    nothing_is_stored(&s).await;
}

pub(crate) async fn refused_body_refuses_its_batch(s: Shared) {
    for (place, body) in ["{\"a\":1,\"a\":2}", "[]", "{\"a\":\"\\ud800\"}", "{\"a\":1e400}", "{"]
        .into_iter()
        .enumerate()
    {
        let mut operations: Vec<Operation> = (0..5).map(|_| Operation::create("{}")).collect();
        operations[place] = Operation::create(body);
        for atomic in [false, true] {
            let batch = Batch { operations: operations.clone(), atomic, idempotency_key: None };
            let refusal = s.write_batch("a", &batch).await.unwrap_err();
            assert_eq!(refusal.kind, RefusalKind::InvalidDocument, "{body:?}: {refusal:?}");
        }
    }
    nothing_is_stored(&s).await;
}

pub(crate) async fn nesting_is_bounded(s: Shared) {
    let nested = |levels: usize, open: &str, close: &str| {
        // The body itself is the first level.
        format!("{{\"v\":{}1{}}}", open.repeat(levels - 1), close.repeat(levels - 1))
    };
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        for levels in [1, 2, 64, 65, 127, 128] {
            let body = nested(levels, open, close);
            let id = create(&s, "a", &body).await;
            let expected = format!("{},\"id\":{id}}}", &body[..body.len() - 1]);
            assert_eq!(text(&s, "a", &id).await.unwrap(), expected, "{levels} levels");
            write(&s, "a", Operation::put(&id, &body)).await;
        }
        for levels in [129, 130, 1_000, 100_000] {
            let body = nested(levels, open, close);
            for operation in [Operation::create(&body), Operation::put("1", &body)] {
                let kind = refused(&s, "a", operation).await;
                assert_eq!(kind, RefusalKind::InvalidDocument, "{levels} levels");
            }
        }
    }
    assert_eq!(s.totals().await.unwrap().documents, 12);
}

pub(crate) async fn twenty_mebibytes_of_brackets_are_refused(s: Shared) {
    let brackets = vec![b'['; 20 << 20];
    let mut objects = b"{\"a\":".repeat(4 << 20);
    objects.truncate(20 << 20);
    for body in [brackets, objects] {
        let refusal = s.write("a", &Operation::create(&body), None).await.unwrap_err();
        let named = [RefusalKind::InvalidDocument, RefusalKind::TooLarge];
        assert!(named.contains(&refusal.kind), "{refusal:?}");
    }
    nothing_is_stored(&s).await;
}

pub(crate) async fn naughty_strings_as_values_and_keys(s: Shared) {
    let strings = naughty_strings();
    assert!(strings.len() > 60);
    let mut expected = Vec::new();
    for naughty in &strings {
        let quoted = quoted(naughty);
        let body = match naughty.as_str() {
            "id" | "_id" => format!("{{\"v\":{quoted},\"w\":{{{quoted}:1}}}}"),
            _ => format!("{{\"v\":{quoted},{quoted}x:1}}").replace("\"x:1", "\":1"),
        };
        // A key that stands twice is another case.
        let body = if naughty == "v" { format!("{{\"v\":{quoted}}}") } else { body };
        let id = create(&s, "a", &body).await;
        expected.push(format!("{},\"id\":{id}}}", &body[..body.len() - 1]));
    }
    assert_eq!(list(&s, "a", &[]).await.documents, expected);
    for (n, expected) in expected.iter().enumerate() {
        assert_eq!(text(&s, "a", &(n + 1).to_string()).await.as_ref(), Some(expected));
    }
}

pub(crate) async fn naughty_strings_as_ids(s: Shared) {
    for naughty in naughty_strings() {
        let operation = Operation::create_as(&naughty, r#"{"n":1}"#);
        let outcome = s.write("a", &operation, None).await;
        match DocumentId::parse(&naughty) {
            Ok(DocumentId::Text(_)) => {
                let done = outcome.unwrap_or_else(|r| panic!("{naughty:?} refused: {r:?}")).done;
                assert_eq!(done.id, quoted(&naughty));
                let expected = format!("{{\"n\":1,\"id\":{}}}", quoted(&naughty));
                assert_eq!(text(&s, "a", &naughty).await.unwrap(), expected);
                assert_eq!(ids(&s, "a", &[("id", &quoted(&naughty))]).await, [quoted(&naughty)]);
                write(&s, "a", Operation::patch(&naughty, r#"{"m":2}"#)).await;
            }
            Ok(DocumentId::Integer(_)) => {
                assert_eq!(outcome.unwrap().done.id, naughty);
            }
            Err(_) => {
                let kind = outcome.unwrap_err().kind;
                let named = [RefusalKind::InvalidId, RefusalKind::NoRoute];
                assert!(named.contains(&kind), "{naughty:?}: {kind:?}");
            }
        }
    }
    let mut sorted: Vec<DocumentId> =
        naughty_strings().iter().filter_map(|text| DocumentId::parse(text).ok()).collect();
    sorted.sort();
    let sorted: Vec<String> = sorted.iter().map(DocumentId::to_string).collect();
    let listed: Vec<String> = ids(&s, "a", &[]).await.iter().map(|id| segment(id)).collect();
    assert_eq!(listed, sorted);
    assert_eq!(s.totals().await.unwrap().documents, sorted.len() as u64);
}

pub(crate) async fn naughty_strings_as_collections(s: Shared) {
    let mut sorted = Vec::new();
    for naughty in naughty_strings() {
        let body = format!("{{\"v\":{}}}", quoted(&naughty));
        let outcome = s.write(&naughty, &Operation::create(&body), None).await;
        if CollectionName::new(&naughty).is_ok() {
            let id = outcome.unwrap_or_else(|r| panic!("{naughty:?} refused: {r:?}")).done.id;
            let expected = format!("{},\"id\":{id}}}", &body[..body.len() - 1]);
            let documents = list(&s, &naughty, &[]).await.documents;
            assert_eq!(documents.last(), Some(&expected), "{naughty:?}");
            let changes = s.changes(Some(&naughty), 0, 10).await.unwrap().changes;
            assert_eq!(changes[0].collection, naughty);
            sorted.push(naughty);
        } else {
            let kind = outcome.unwrap_err().kind;
            let named = [RefusalKind::InvalidCollection, RefusalKind::NoRoute];
            assert!(named.contains(&kind), "{naughty:?}: {kind:?}");
        }
    }
    assert_eq!(s.totals().await.unwrap().collections, sorted);
    for name in &sorted {
        assert!(s.delete_collection(name).await.unwrap() > 0, "{name:?}");
    }
    assert_eq!(s.totals().await.unwrap().documents, 0);
}

pub(crate) async fn naughty_strings_in_filters(s: Shared) {
    let strings = naughty_strings();
    let bodies: Vec<String> =
        strings.iter().map(|text| format!("{{\"v\":{}}}", quoted(text))).collect();
    create_all(&s, "a", &bodies).await;
    for indexed in [false, true] {
        if indexed {
            s.create_index("a", "v").await.unwrap();
        }
        for (n, naughty) in strings.iter().enumerate() {
            let id = (n + 1).to_string();
            let literal = quoted(naughty);
            assert_eq!(ids(&s, "a", &[("v", &literal)]).await, [id.as_str()], "{naughty:?}");
            let group = format!("(v.eq.{literal})");
            assert_eq!(ids(&s, "a", &[("or", &group)]).await, [id.as_str()], "{naughty:?}");
            let list = format!("{literal},\"no such\"");
            assert_eq!(ids(&s, "a", &[("v[in]", &list)]).await, [id.as_str()], "{naughty:?}");
            // Sorted by their bytes, so the greater ones follow.
            if indexed && naughty.len() <= 256 {
                let after = ids(&s, "a", &[("v[gt]", &literal), ("limit", "1")]).await;
                let expected: &[String] = &match n + 1 {
                    last if last == strings.len() => vec![],
                    next => vec![(next + 1).to_string()],
                };
                assert_eq!(after, expected, "{naughty:?}");
            }
        }
    }
}

pub(crate) async fn naughty_strings_as_fields(s: Shared) {
    for naughty in naughty_strings() {
        let key = quoted(&naughty);
        let field = key.as_str();
        if FieldPath::parse(field).is_err() || ["id", "_id"].contains(&naughty.as_str()) {
            continue;
        }
        s.delete_collection("a").await.unwrap();
        let first = create(&s, "a", &format!("{{{key}:2}}")).await;
        let second = create(&s, "a", &format!("{{{key}:1}}")).await;
        let compare = async || {
            assert_eq!(ids(&s, "a", &[(field, "2")]).await, [first.as_str()], "{naughty:?}");
            let sorted = ids(&s, "a", &[("sort", field)]).await;
            assert_eq!(sorted, [second.as_str(), first.as_str()], "{naughty:?}");
            let listed = list(&s, "a", &[("fields", field), ("id", &first)]).await;
            assert_eq!(listed.documents, [format!("{{{key}:2,\"id\":{first}}}")], "{naughty:?}");
        };
        compare().await;
        s.create_index("a", field).await.unwrap();
        compare().await;
        assert!(s.drop_index("a", field).await.unwrap(), "{naughty:?}");
    }
}
