//! Collections as databases, documents of ours and of other programs.

use std::sync::Arc;

use isobase_engine::{CollectionInfo, Engine, SystemClock, listing::id_key};
use isobase_engine_couchdb::CouchDbDatabase;
use isobase_journal::{Before, DocumentDatabase, DocumentWrite, JournalOptions, KeyFetch, Tree};
use isobase_types::{CollectionName, DocumentId, Sequence};
use reqwest::Method;

use crate::fixture::*;

const ALL: KeyFetch = KeyFetch {
    index: 0,
    lower: Vec::new(),
    upper: None,
    reverse: false,
    limit: 100,
    bytes_max: 1 << 20,
};

#[test]
fn documents_are_legible_to_other_programs() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        write(
            &native,
            head,
            &[("notes", "a b/ü".replace('/', "-").as_str(), Some("{\"n\":1.50}"))],
        )
        .await;
        let (status, tree) = f.foreign(Method::GET, "notes/a%20b-%C3%BC", "").await;
        assert_eq!((status, tree.get("n").unwrap().to_text()), (200, "1.5".to_owned()));
        let meta = tree.get("isobase_meta").unwrap();
        assert_eq!(meta.get("revision").unwrap().as_u64(), Some(1));
        assert!(meta.get("keys").unwrap().get("k0").is_some());
    });
}

#[test]
fn reads_make_no_databases() {
    with_prefix(async |f| {
        let (native, _) = f.open().await;
        assert_eq!(read(&native, "notes", "1").await, None);
        let keys = [document_key("notes", "1"), document_key("notes", "2")];
        assert_eq!(native.read(&keys).await.unwrap(), [None, None]);
        assert_eq!(native.count(&name("notes")).await.unwrap(), 0);
        assert_eq!(native.count_keys(&name("notes"), 0, &[], None).await.unwrap(), 0);
        assert!(native.fetch(&name("notes"), &ALL).await.unwrap().exhausted);
        assert!(native.scan(&name("notes"), None, 10).await.unwrap().documents.is_empty());
        assert_eq!(f.databases().await, ["isobase_journal"]);
    });
}

#[test]
fn documents_of_other_programs_are_read_and_updated_in_place() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        f.foreign(Method::PUT, "agents", "").await;
        f.foreign(Method::PUT, "agents/x", "{\"name\":\"X\",\"big\":12345678901234567890}").await;
        assert!(native.prepare_collection(&name("agents")).await.unwrap());
        let document = read(&native, "agents", "x").await.unwrap();
        assert!(document.is_foreign());
        assert_eq!(document.body, "{\"big\":12345678901234567890,\"name\":\"X\"}");
        let page = native.scan(&name("agents"), None, 10).await.unwrap();
        assert_eq!((page.documents.len(), page.next), (1, None));
        assert_eq!(native.count(&name("agents")).await.unwrap(), 1);

        write(&native, head, &[("agents", "x", Some("{\"name\":\"Y\"}"))]).await;
        let document = read(&native, "agents", "x").await.unwrap();
        assert_eq!((document.body.as_str(), document.is_foreign()), ("{\"name\":\"Y\"}", false));
    });
}

#[test]
fn taking_documents_in_leaves_their_content_alone() {
    with_prefix(async |f| {
        f.foreign(Method::PUT, "agents", "").await;
        let theirs = "{\"zeta\":1.0,\"id\":\"theirs\",\"alpha\":[100.0,1e2]}";
        f.foreign(Method::PUT, "agents/x", theirs).await;
        let (_, before) = f.foreign(Method::GET, "agents/x", "").await;
        let address = f.server.trim_start_matches("http://");
        let (options, remote) = (f.options(address), JournalOptions::default());
        let engine = isobase_engine_couchdb::open(options, remote, Arc::new(SystemClock)).await;
        let engine = engine.unwrap();
        let found = engine.reconcile().unwrap().reconcile(&name("agents")).await.unwrap();
        assert_eq!((found.examined, found.created), (1, 1));
        let id = DocumentId::parse("x").unwrap();
        let document = engine.get(&name("agents"), &id).await.unwrap().unwrap();
        assert_eq!(document.revision.number(), Some(1));
        // Its own field `id` is kept, and is not the document's id.
        assert_eq!(document.body, "{\"id\":\"theirs\",\"alpha\":[100,100],\"zeta\":1}");
        let (_, after) = f.foreign(Method::GET, "agents/x", "").await;
        let content = |tree: Tree| {
            let Tree::Object(mut fields) = tree else { panic!("no object") };
            fields.retain(|(name, _)| name != "_rev" && name != "isobase_meta");
            Tree::Object(fields).to_text()
        };
        assert!(after.get("isobase_meta").is_some());
        assert_eq!(content(after), content(before));
        // A second look finds nothing new.
        let again = engine.reconcile().unwrap().reconcile(&name("agents")).await.unwrap();
        assert_eq!((again.created, again.updated), (0, 0));
        engine.close().await.unwrap();
    });
}

#[test]
fn a_look_reads_what_was_written_since_the_last() {
    with_prefix(async |f| {
        f.foreign(Method::PUT, "agents", "").await;
        for id in ["d0", "d1", "d2"] {
            f.foreign(Method::PUT, &format!("agents/{id}"), "{\"n\":1}").await;
        }
        let address = f.server.trim_start_matches("http://");
        let (options, remote) = (f.options(address), JournalOptions::default());
        let engine = isobase_engine_couchdb::open(options, remote, Arc::new(SystemClock)).await;
        let (engine, agents) = (engine.unwrap(), name("agents"));
        let others = engine.reconcile().unwrap();
        assert_eq!(others.looked_at(&agents), None);
        let look = async || {
            let found = others.look(&agents).await.unwrap();
            (found.examined, found.created, found.updated)
        };
        assert_eq!(look().await, (3, 3, 0));
        assert!(others.looked_at(&agents).is_some());
        // What it wrote itself is seen once more, as ours.
        assert_eq!(look().await, (3, 0, 0));
        assert_eq!(look().await, (0, 0, 0));
        let (_, kept) = f.foreign(Method::GET, "agents/d0", "").await;
        let changed = kept.to_text().replace("\"n\":1", "\"n\":2");
        assert_eq!(f.foreign(Method::PUT, "agents/d0", &changed).await.0, 201);
        let (_, replaced) = f.foreign(Method::GET, "agents/d1", "").await;
        let revision = replaced.get("_rev").unwrap().as_str().unwrap();
        let rewritten = format!("{{\"_rev\":\"{revision}\",\"n\":2}}");
        assert_eq!(f.foreign(Method::PUT, "agents/d1", &rewritten).await.0, 201);
        f.foreign(Method::PUT, "agents/new", "{\"n\":2}").await;
        let (_, gone) = f.foreign(Method::GET, "agents/d2", "").await;
        let revision = gone.get("_rev").unwrap().as_str().unwrap();
        f.foreign(Method::DELETE, &format!("agents/d2?rev={revision}"), "").await;
        assert_eq!(look().await, (3, 2, 1));
        let all = isobase_types::Filter::all();
        let request = isobase_engine::ListRequest {
            filter: all,
            order: isobase_types::Order::default(),
            after: None,
            skip: 0,
            limit: 10,
            bytes_max: 1 << 20,
            scan_max: 100,
        };
        let listed = engine.list(&agents, &request).await.unwrap().documents;
        let bodies: Vec<_> = listed.iter().map(|document| document.body.as_str()).collect();
        assert_eq!(bodies, ["{\"n\":2}"; 3]);
        engine.close().await.unwrap();
    });
}

#[test]
fn collections_are_listed_without_design_documents() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let long = "Ä".repeat(64);
        let writes =
            [("b", "1", Some("{}")), ("b", "2", Some("{}")), (long.as_str(), "1", Some("{}"))];
        let head = write(&native, head, &writes).await;
        // A name that is too long is found through the catalogue.
        let mut commit = made(&native, head, &[]).await;
        commit.catalogue = vec![isobase_journal::CatalogueEntry {
            collection: name(&long),
            indexes: Vec::new(),
            adopted: true,
            deleting: None,
        }];
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
        assert_eq!(native.catalogue().await.unwrap(), commit.catalogue);
        f.foreign(Method::PUT, "other", "").await;
        f.foreign(Method::PUT, "empty", "").await;
        f.foreign(Method::PUT, "other/x", "{}").await;
        f.foreign(Method::PUT, "other/_design/d", "{\"language\":\"query\"}").await;
        let info = |name_: &str, documents| CollectionInfo { name: name(name_), documents };
        let expected = [info("b", 2), info("other", 1), info(&long, 1)];
        assert_eq!(native.collections().await.unwrap(), expected);
    });
}

#[test]
fn an_index_gives_documents_in_the_order_of_its_keys() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let ids = ["10", "9", "ä", "b", "B"];
        let writes: Vec<_> = ids.iter().map(|id| ("notes", *id, Some("{}"))).collect();
        write(&native, head, &writes).await;
        let notes = name("notes");
        let listed = async |fetch: &KeyFetch| {
            let fetched = native.fetch(&notes, fetch).await.unwrap();
            let ids: Vec<String> =
                fetched.documents.iter().map(|found| found.document.id.to_string()).collect();
            (ids.join(" "), fetched.exhausted)
        };
        assert_eq!(listed(&ALL).await, ("9 10 B b ä".to_owned(), true));
        let reverse = KeyFetch { reverse: true, limit: 2, ..ALL };
        assert_eq!(listed(&reverse).await, ("ä b".to_owned(), false));
        let ten = id_key(&DocumentId::Integer(10));
        let below = KeyFetch { upper: Some(ten.clone()), ..ALL };
        assert_eq!(listed(&below).await, ("9".to_owned(), true));
        assert_eq!(native.count_keys(&notes, 0, &ten, None).await.unwrap(), 4);
        assert_eq!(native.count_keys(&notes, 0, &[], Some(&ten)).await.unwrap(), 1);
    });
}

/// The design documents that other programs meet in a collection's database.
async fn designs(f: &Prefix, collection: &str) -> usize {
    let range = "_all_docs?startkey=%22_design/%22&endkey=%22_design0%22";
    let (_, listed) = f.foreign(Method::GET, &format!("{collection}/{range}"), "").await;
    listed.get("rows").unwrap().as_array().unwrap().len()
}

#[test]
fn string_ids_have_their_order_without_a_design_document() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let ids =
            ["b", "user:files:repo-x:YQ==", "B", "007", "ä", "a b", "\u{ffff}", "😀", "~", "ba"];
        let writes: Vec<_> = ids.iter().map(|id| ("notes", *id, Some("{}"))).collect();
        write(&native, head, &writes).await;
        f.foreign(Method::PUT, "notes/theirs", "{}").await;
        f.foreign(Method::PUT, "notes/12", "{}").await;
        f.foreign(Method::PUT, "notes/_design/theirs", "{\"language\":\"query\"}").await;
        let notes = name("notes");
        let mut sorted = [&ids[..], &["theirs"]].concat();
        sorted.sort_unstable();
        // Pages of every size, both ways, from every id to every other one.
        let bounds = sorted.iter().map(|id| Some(id_key(&DocumentId::Text((*id).into()))));
        let bounds: Vec<_> = bounds.chain([None]).collect();
        for (first, lower) in bounds.iter().enumerate() {
            for (end, upper) in bounds.iter().enumerate() {
                for (limit, reverse) in [(1, false), (1, true), (3, false), (3, true)] {
                    let lower = lower.clone().unwrap_or_default();
                    let fetch = KeyFetch { lower, upper: upper.clone(), limit, reverse, ..ALL };
                    let first = if bounds[first].is_none() { 0 } else { first };
                    let mut expected = sorted.get(first..end).unwrap_or_default().to_vec();
                    if reverse {
                        expected.reverse();
                    }
                    assert_eq!(walk(&native, &notes, fetch.clone()).await, expected, "{fetch:?}");
                }
            }
        }
        assert_eq!(native.count_keys(&notes, 0, &[], None).await.unwrap(), 11);
        assert_eq!(designs(&f, "notes").await, 1, "only their own");
    });
}

/// The ids of a range, page by page.
async fn walk(
    native: &CouchDbDatabase,
    collection: &CollectionName,
    mut fetch: KeyFetch,
) -> Vec<String> {
    let mut ids = Vec::new();
    // More pages than there are documents: a walk that goes round in circles fails.
    for _ in 0..40 {
        let fetched = native.fetch(collection, &fetch).await.unwrap();
        let last = fetched.documents.last().map(|found| found.key.clone()).or(fetched.passed);
        ids.extend(fetched.documents.iter().map(|found| found.document.id.to_string()));
        match last {
            Some(last) if !fetched.exhausted && fetch.reverse => fetch.upper = Some(last),
            Some(last) if !fetched.exhausted => fetch.lower = [last, vec![0]].concat(),
            _ => return ids,
        }
    }
    panic!("{fetch:?} has no end: {ids:?}");
}

#[test]
fn the_first_id_that_is_out_of_order_brings_the_index() {
    for id in ["10", "_x"] {
        with_prefix(async |f| {
            let (native, head) = f.open().await;
            let (other, _) = f.open().await;
            let notes = name("notes");
            let head = write(&native, head, &[("notes", "a", Some("{}"))]).await;
            assert_eq!(walk(&other, &notes, ALL).await, ["a"]);
            assert_eq!(designs(&f, "notes").await, 0);
            write(&native, head, &[("notes", id, Some("{}")), ("notes", "9", Some("{}"))]).await;
            assert_eq!(designs(&f, "notes").await, 1);
            let expected = if id == "10" { ["9", "10", "a"] } else { ["9", "_x", "a"] };
            for process in [&native, &other] {
                assert_eq!(walk(process, &notes, ALL).await, expected);
                assert_eq!(process.count_keys(&notes, 0, &[], None).await.unwrap(), 3);
            }
            // Somebody deletes it: who does not know of it makes it again.
            native.drop_index(&notes, 0).await.unwrap();
            let (third, _) = f.open().await;
            assert_eq!(walk(&third, &notes, ALL).await, expected);
            assert_eq!(designs(&f, "notes").await, 1);
        });
    }
}

#[test]
fn an_index_that_was_deleted_is_made_again() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        write(&native, head, &[("notes", "1", Some("{}"))]).await;
        let notes = name("notes");
        native.drop_index(&notes, 0).await.unwrap();
        assert_eq!(native.fetch(&notes, &ALL).await.unwrap().documents.len(), 1);
        native.drop_index(&notes, 0).await.unwrap();
        native.drop_index(&notes, 0).await.unwrap();
        assert_eq!(native.count_keys(&notes, 0, &[], None).await.unwrap(), 1);
    });
}

#[test]
fn scans_go_on_after_the_last_id_even_if_it_is_gone() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let ids: Vec<String> = (0..7).map(|n| format!("ü{n}")).collect();
        let writes: Vec<_> = ids.iter().map(|id| ("notes", id.as_str(), Some("{}"))).collect();
        let head = write(&native, head, &writes).await;
        let notes = name("notes");
        let first = native.scan(&notes, None, 3).await.unwrap();
        write(&native, head, &[("notes", &first.next.clone().unwrap(), None)]).await;
        let mut seen = first.documents.len();
        let mut next = first.next;
        while let Some(after) = next {
            let page = native.scan(&notes, Some(&after), 3).await.unwrap();
            seen += page.documents.len();
            next = page.next;
        }
        assert_eq!(seen, 7);
    });
}

#[test]
fn a_load_replaces_and_deletes_whatever_is_there() {
    with_prefix(async |f| {
        let (native, _) = f.open().await;
        let notes = name("notes");
        native.prepare_collection(&notes).await.unwrap();
        let write = |id: &str, body: Option<&str>| {
            let key = document_key("notes", id);
            let after = body.map(|body| after(&native, &key.id, body, 5));
            DocumentWrite { key, before: None, after }
        };
        native.load(vec![write("a", Some("{\"n\":1}")), write("b", Some("{}"))]).await.unwrap();
        f.foreign(Method::PUT, "notes/c", "{}").await;
        let second = vec![
            write("a", Some("{\"n\":2}")),
            write("b", None),
            write("c", Some("{\"n\":3}")),
            write("never", None),
        ];
        native.load(second.clone()).await.unwrap();
        native.load(second).await.unwrap();
        assert_eq!(body(&native, "notes", "a").await.as_deref(), Some("{\"n\":2}"));
        assert_eq!(body(&native, "notes", "b").await, None);
        assert_eq!(body(&native, "notes", "c").await.as_deref(), Some("{\"n\":3}"));
        assert_eq!(native.count(&notes).await.unwrap(), 2);
        // What was deleted can be loaded again.
        native.load(vec![write("b", Some("{\"n\":4}"))]).await.unwrap();
        assert_eq!(body(&native, "notes", "b").await.as_deref(), Some("{\"n\":4}"));
    });
}

#[test]
fn other_keys_are_written_where_nothing_changed() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        write(&native, head, &[("notes", "a", Some("{}")), ("notes", "b", Some("{}"))]).await;
        let mut writes = Vec::new();
        for id in ["a", "b", "c"] {
            let key = document_key("notes", id);
            let before = read(&native, "notes", id).await.map(|document| Before {
                tag: document.tag,
                stamp: None,
                keys: Vec::new(),
            });
            let mut after = after(&native, &key.id, "{}", 1);
            after.keys.push(isobase_journal::IndexKey { index: 7, key: vec![1] });
            writes.push(DocumentWrite { key, before, after: Some(after) });
        }
        f.foreign(Method::DELETE, &deletion_of(&native, "b").await, "").await;
        native.prepare_index(&name("notes"), 7).await.unwrap();
        assert_eq!(native.rekey(&writes).await.unwrap(), [true, false, false]);
        let fetch = KeyFetch { index: 7, ..ALL };
        assert_eq!(native.fetch(&name("notes"), &fetch).await.unwrap().documents.len(), 1);
    });
}

async fn deletion_of(native: &CouchDbDatabase, id: &str) -> String {
    let document = read(native, "notes", id).await.unwrap();
    format!("notes/{id}?rev={}", document.tag.0)
}

#[test]
fn a_purge_takes_what_was_there_and_leaves_what_came_after() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let ids: Vec<String> = (1..=30).map(|n| n.to_string()).collect();
        let writes: Vec<_> = ids.iter().map(|id| ("notes", id.as_str(), Some("{}"))).collect();
        let head = write(&native, head, &writes).await;
        f.foreign(Method::PUT, "notes/foreign", "{}").await;
        write(&native, head, &[("notes", "new", Some("{}")), ("notes", "1", Some("{}"))]).await;
        native.purge(&name("notes"), Sequence(30)).await.unwrap();
        native.purge(&name("notes"), Sequence(30)).await.unwrap();
        let left = native.scan(&name("notes"), None, 100).await.unwrap().documents;
        let left: Vec<String> = left.iter().map(|document| document.id.to_string()).collect();
        assert_eq!(left, ["1", "new"]);
        native.purge(&name("nothing"), Sequence(30)).await.unwrap();
    });
}

#[test]
fn a_database_of_another_program_is_deleted_and_comes_back_with_a_write() {
    with_prefix(async |f| {
        let (native, head) = f.open().await;
        let head = write(&native, head, &[("notes", "1", Some("{}"))]).await;
        let commit = made(&native, head, &[("notes", "2", Some("{\"n\":2}"))]).await;
        f.foreign(Method::DELETE, "notes", "").await;
        assert_eq!(native.commit(&commit).await.unwrap(), Ok(()));
        assert_eq!(body(&native, "notes", "1").await, None);
        assert_eq!(body(&native, "notes", "2").await.as_deref(), Some("{\"n\":2}"));
        assert_eq!(native.fetch(&name("notes"), &ALL).await.unwrap().documents.len(), 1);
    });
}
