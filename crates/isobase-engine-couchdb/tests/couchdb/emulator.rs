//! Where the server of the tests differs from CouchDB, nothing may depend on it.

use std::collections::BTreeSet;

use isobase_journal::{Tree, testing::live};

use crate::{answers::engine_behind, fixture::*, proxy::Seen};

/// What a request is about: its path without the database and the names of documents.
fn endpoint(seen: &Seen) -> &'static str {
    const KNOWN: [&str; 5] = ["_all_docs", "_find", "_index", "_bulk_docs", "_view"];
    let path = seen.path.split('?').next().unwrap();
    let parts: Vec<_> = path.trim_matches('/').split('/').collect();
    let own = |part: &str| KNOWN.into_iter().find(|known| *known == part);
    match parts[..] {
        [""] => "the server",
        ["_all_dbs"] => "_all_dbs",
        ["_up"] => "_up",
        [_] => "a database",
        [_, part] => {
            own(part).unwrap_or(if part.starts_with('_') { "other" } else { "a document" })
        }
        [_, "_design", _] => "an index",
        [_, "_design", _, "_view", _] => "_view",
        _ => "other",
    }
}

/// Digits sort before letters, and each by itself, under CouchDB's collation too: `10 9 aa b` stand
/// so among the texts of an index of CouchDB 3.5.0 (recorded, 2026-11).
fn is_hex(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[test]
fn only_what_both_servers_answer_alike_is_asked() {
    with_prefix(async |f| {
        let (engine, proxy) = engine_behind(&f).await;
        live(&engine, &name("things")).await.unwrap();
        let asked: BTreeSet<_> = proxy.all_seen().iter().map(endpoint).collect();
        // Neither `_changes` nor attachments, revisions of others, `_purge` or replication.
        let expected = [
            "_all_dbs",
            "_all_docs",
            "_bulk_docs",
            "_find",
            "_index",
            "_view",
            "a database",
            "a document",
            "an index",
            "the server",
        ];
        assert_eq!(asked, expected.into());
    });
}

#[test]
fn selectors_and_indexes_hold_only_hexadecimal_texts() {
    with_prefix(async |f| {
        let (engine, proxy) = engine_behind(&f).await;
        live(&engine, &name("things")).await.unwrap();
        let (mut selectors, mut indexes) = (0, 0);
        for seen in proxy.all_seen() {
            let body = || Tree::parse(&seen.body).unwrap();
            match endpoint(&seen) {
                "_find" => {
                    let body = body();
                    let Some(Tree::Object(selector)) = body.get("selector") else {
                        panic!("{seen:?}")
                    };
                    let [(field, Tree::Object(range))] = &selector[..] else { panic!("{seen:?}") };
                    assert!(field.starts_with("isobase_meta.keys."), "{seen:?}");
                    for (operator, key) in range {
                        assert!(["$gte", "$lt"].contains(&operator.as_str()), "{seen:?}");
                        assert!(is_hex(key.as_str().unwrap()), "{seen:?}");
                    }
                    // Whole documents, or keys to be counted: numbers keep their spelling.
                    let fields = body.get("fields").map(|fields| fields.as_array().unwrap());
                    let only_keys = |fields: &[Tree]| fields == [Tree::String(field.clone())];
                    assert!(fields.is_none_or(only_keys), "{seen:?}");
                    selectors += 1;
                }
                "_index" => {
                    let body = body();
                    let fields = body.get("index").unwrap().get("fields").unwrap();
                    let [Tree::String(field)] = fields.as_array().unwrap() else {
                        panic!("{seen:?}")
                    };
                    assert!(field.starts_with("isobase_meta.keys."), "{seen:?}");
                    indexes += 1;
                }
                _ => {}
            }
        }
        assert!(selectors > 20 && indexes == 2, "{selectors} {indexes}");
    });
}
