//! Loads.

use isobase_engine::Counters;
use isobase_remote::{Backend, CatalogueEntry, Head};
use isobase_types::Sequence;

use crate::fixture::{before, collection, creation, document_key, everything, id_key, with_tables};

#[tokio::test]
async fn a_load_replaces_deletes_and_may_be_repeated() {
    with_tables(async |tables| {
        let backend = &tables.backend;
        let head = backend.open().await.unwrap();
        tables.commit(head, vec![]).await;
        let users = collection("users");
        backend.prepare_collection(&users).await.unwrap();
        backend.set_unfinished(Some("half")).await.unwrap();
        assert_eq!(backend.unfinished().await.unwrap().as_deref(), Some("half"));
        let writes: Vec<_> = (1..=200)
            .map(|id: u64| creation("users", &id.to_string(), id * 10, "{\"a\":1}"))
            .collect();
        for _ in 0..2 {
            backend.load(writes.clone()).await.unwrap();
        }
        let was = tables.read(&document_key("users", "7")).await.unwrap();
        let mut unload = creation("users", "7", 1, "{}");
        unload.before = Some(before(&was, vec![id_key("7")]));
        unload.after = None;
        backend.load(vec![unload.clone()]).await.unwrap();
        backend.load(vec![unload]).await.unwrap();

        let entry = CatalogueEntry {
            collection: users.clone(),
            indexes: vec![],
            adopted: true,
            deleting: None,
        };
        let counters = Counters { sequence: Sequence(5000), last_id: 200 };
        let head = backend.reset(counters, std::slice::from_ref(&entry)).await.unwrap();
        let expected = Head {
            commit: 2,
            sequence: Sequence(5000),
            last_id: 200,
            floor: Sequence(5000),
            catalogue: 1,
        };
        assert_eq!(head, expected);
        backend.set_unfinished(None).await.unwrap();
        assert_eq!(backend.unfinished().await.unwrap(), None);
        assert_eq!(backend.head().await.unwrap(), head);
        assert_eq!(backend.catalogue().await.unwrap(), [entry]);
        assert_eq!(backend.count(&users).await.unwrap(), 199);
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
