//! Loads.

use std::collections::BTreeSet;

use isobase_engine::Counters;
use isobase_journal::{CatalogueEntry, DocumentDatabase, DocumentWrite, Head, KeyFetch};
use isobase_types::{ChangeKind, Sequence};

use crate::fixture::{
    Tables, before, collection, commit, creation, deletion, document_key, everything, id_key,
    update, with_tables,
};

#[tokio::test]
async fn a_load_replaces_deletes_and_may_be_repeated() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        tables.commit(head, vec![]).await;
        let users = collection("users");
        native.prepare_collection(&users).await.unwrap();
        native.set_unfinished(Some("half")).await.unwrap();
        assert_eq!(native.unfinished().await.unwrap().as_deref(), Some("half"));
        let writes: Vec<_> = (1..=200)
            .map(|id: u64| creation("users", &id.to_string(), id * 10, "{\"a\":1}"))
            .collect();
        for _ in 0..2 {
            native.load(writes.clone()).await.unwrap();
        }
        let was = tables.read(&document_key("users", "7")).await.unwrap();
        let mut unload = creation("users", "7", 1, "{}");
        unload.before = Some(before(&was, vec![id_key("7")]));
        unload.after = None;
        native.load(vec![unload.clone()]).await.unwrap();
        native.load(vec![unload]).await.unwrap();

        let entry = CatalogueEntry {
            collection: users.clone(),
            indexes: vec![],
            adopted: true,
            deleting: None,
        };
        let counters = Counters { sequence: Sequence(5000), last_id: 200 };
        let head = native.reset(counters, std::slice::from_ref(&entry)).await.unwrap();
        let expected = Head {
            commit: 2,
            sequence: Sequence(5000),
            last_id: 200,
            floor: Sequence(5000),
            catalogue: 1,
            identity: head.identity,
            author: None,
        };
        assert_eq!(head, expected);
        assert!(head.identity.is_some_and(|identity| !identity.is_first_epoch()));
        native.set_unfinished(None).await.unwrap();
        assert_eq!(native.unfinished().await.unwrap(), None);
        assert_eq!(native.head().await.unwrap(), head);
        assert_eq!(native.catalogue().await.unwrap(), [entry]);
        assert_eq!(native.count(&users).await.unwrap(), 199);
        let ids = tables.ids("users", &everything(1000)).await;
        let expected: Vec<String> =
            (1..=200).filter(|id| *id != 7).map(|id: u32| id.to_string()).collect();
        assert_eq!(ids, expected);
        assert_eq!(
            tables.read(&document_key("users", "9")).await.unwrap().revision.number(),
            Some(90)
        );
    })
    .await;
}

const COUNTERS: Counters = Counters { sequence: Sequence(90_000), last_id: 90_000 };

fn entry() -> CatalogueEntry {
    CatalogueEntry { collection: collection("c"), indexes: vec![], adopted: true, deleting: None }
}

fn loads(ids: impl IntoIterator<Item = u32>) -> Vec<DocumentWrite> {
    ids.into_iter().map(|id| creation("c", &id.to_string(), u64::from(id), "{}")).collect()
}

async fn unload(tables: &Tables, id: u32) {
    let was = tables.read(&document_key("c", &id.to_string())).await.unwrap();
    tables.native.load(vec![deletion(&was, "c")]).await.unwrap();
}

async fn delete(tables: &Tables, head: Head, id: u32) -> Head {
    let was = tables.read(&document_key("c", &id.to_string())).await.unwrap();
    tables.commit(head, vec![deletion(&was, "c")]).await
}

/// That the index of the ids is what is expected, in both directions, from every place, in pages.
async fn check(tables: &Tables, expected: &BTreeSet<u32>, what: &str) {
    let ids: Vec<String> = expected.iter().map(u32::to_string).collect();
    assert_eq!(tables.ids("c", &everything(10_000)).await, ids, "{what}");
    let mut reversed = ids.clone();
    reversed.reverse();
    let reverse = KeyFetch { reverse: true, ..everything(10_000) };
    assert_eq!(tables.ids("c", &reverse).await, reversed, "{what}");
    let mut pages = Vec::new();
    let mut page = everything(97);
    loop {
        let fetched = tables.native.fetch(&collection("c"), &page).await.unwrap();
        pages.extend(fetched.documents.iter().map(|it| it.document.id.to_string()));
        let last = fetched.documents.last().map(|it| it.key.clone()).or(fetched.passed);
        match last {
            Some(last) if !fetched.exhausted => page.lower = [last, vec![0]].concat(),
            _ => break,
        }
    }
    assert_eq!(pages, ids, "{what}");
    for (lower, upper) in [(0, 10_000), (5, 25), (1_999, 2_001), (2_000, 2_600), (2_999, 5_000)] {
        let expected: Vec<String> = expected.range(lower..upper).map(u32::to_string).collect();
        let part = KeyFetch {
            lower: id_key(&lower.to_string()).key,
            upper: Some(id_key(&upper.to_string()).key),
            ..everything(10_000)
        };
        assert_eq!(tables.ids("c", &part).await, expected, "{what}: {lower}..{upper}");
        let counted = tables
            .native
            .count_keys(&collection("c"), 0, &part.lower, part.upper.as_deref())
            .await
            .unwrap();
        assert_eq!(counted, expected.len() as u64, "{what}: {lower}..{upper}");
        let mut reversed = expected;
        reversed.reverse();
        let part = KeyFetch { reverse: true, ..part };
        assert_eq!(tables.ids("c", &part).await, reversed, "{what}: {lower}..{upper} reversed");
    }
    let all = tables.native.count_keys(&collection("c"), 0, &[], None).await.unwrap();
    assert_eq!(all, expected.len() as u64, "{what}");
    assert_eq!(tables.native.count(&collection("c")).await.unwrap(), all, "{what}");
}

#[tokio::test]
async fn loaded_ids_are_listed_with_what_is_written_later() {
    with_tables(async |tables| {
        let native = &tables.native;
        native.open().await.unwrap();
        native.prepare_collection(&collection("c")).await.unwrap();
        // Calls may come in any order, overlap, and be repeated.
        let even = || (2..3_000).step_by(2);
        let odd = || (1..3_000).step_by(2);
        let mut ids: BTreeSet<u32> = (1..3_000).collect();
        native.load(loads(odd().skip(600))).await.unwrap();
        native.load(loads(even())).await.unwrap();
        native.load(loads(odd().take(900))).await.unwrap();
        for id in [1, 2_000, 2_999] {
            unload(tables, id).await;
            ids.remove(&id);
        }
        native.load(loads([2_000])).await.unwrap();
        ids.insert(2_000);
        let mut head = native.reset(COUNTERS, &[entry()]).await.unwrap();
        check(tables, &ids, "loaded").await;

        for id in [2, 7, 8, 9, 1_999, 2_000, 2_998] {
            head = delete(tables, head, id).await;
            ids.remove(&id);
        }
        for id in [1, 8, 6_000] {
            head = tables.commit(head, vec![creation("c", &id.to_string(), 1, "{}")]).await;
            ids.insert(id);
        }
        check(tables, &ids, "written").await;

        // A load into what is there already.
        native.load(loads([7, 8, 7_000])).await.unwrap();
        unload(tables, 6_000).await;
        ids.extend([7, 7_000]);
        ids.remove(&6_000);
        let mut head = native.reset(COUNTERS, &[entry()]).await.unwrap();
        check(tables, &ids, "loaded again").await;
        // The end of a load may be repeated.
        let again = native.reset(COUNTERS, &[entry()]).await.unwrap();
        assert_eq!(again.commit, head.commit + 1);
        head = again;
        check(tables, &ids, "ended again").await;

        // The collection is deleted; two documents are written anew, one over its old self.
        let was = tables.read(&document_key("c", "10")).await.unwrap();
        let mut anew =
            commit(head, vec![update(&was, "c", 90_001, "{}"), creation("c", "2", 90_002, "{}")]);
        anew.changes[0].kind = ChangeKind::Created;
        let mut gone = anew.changes[0].clone();
        (gone.kind, gone.id, gone.revision) = (ChangeKind::CollectionDeleted, None, None);
        anew.changes.insert(0, gone);
        native.commit(&anew).await.unwrap().unwrap();
        for _ in 0..2 {
            native.purge(&collection("c"), Sequence(90_000)).await.unwrap();
            check(tables, &BTreeSet::from([2, 10]), "deleted").await;
        }
    })
    .await;
}
