//! Names of collections, and which there are.

use isobase_engine::CollectionInfo;
use isobase_journal::DocumentDatabase;

use crate::support::{collection, connect, create, fields, on_each, text};

#[test]
fn every_name_can_be_stored_and_is_listed() {
    on_each(async |database| {
        let native = &database.native;
        let names = [
            "agents",
            "__a__",
            "____",
            "a b",
            "a%2Fb",
            "isobase_journal",
            "isobase_log",
            "100%",
            "é😀",
            "Z",
            "z",
            "_",
            "~",
            "?#&",
            "%5F_a__",
        ];
        for name in names {
            assert_eq!(native.refuses_collection(&collection(name)), None);
            assert!(!native.prepare_collection(&collection(name)).await.unwrap());
            database.commit(vec![create(native, name, "1", &format!(r#"{{"n":"{name}"}}"#))]).await;
            assert!(native.prepare_collection(&collection(name)).await.unwrap());
        }
        database.write_foreign("foreign/1", fields([("a", text("b"))])).await;
        let mut expected: Vec<_> = names.iter().map(|name| collection(name)).collect();
        expected.push(collection("foreign"));
        expected.sort();
        let expected = expected.into_iter().map(|name| CollectionInfo { name, documents: 1 });
        let found = native.collections().await.unwrap();
        assert_eq!(found, expected.collect::<Vec<_>>(), "{}", database.host.name);
        for name in names {
            let body = format!(r#"{{"n":"{name}"}}"#);
            assert_eq!(database.body(name, "1").await, Some(body));
        }
    });
}

#[test]
fn prefixes_keep_databases_apart() {
    on_each(async |database| {
        let other = connect(&database.host.host, &database.project, "test-").await;
        let head = other.open().await.unwrap();
        let given = crate::support::commit(head, vec![create(&other, "a", "1", "{}")]);
        other.commit(&given).await.unwrap().unwrap();
        assert_eq!(database.native.count(&collection("a")).await.unwrap(), 0);
        assert_eq!(database.native.count(&collection("test-a")).await.unwrap(), 1);
        let found = other.collections().await.unwrap();
        assert_eq!(found, [CollectionInfo { name: collection("a"), documents: 1 }]);
        assert_ne!(database.native.head().await.unwrap(), given.next);
    });
}

#[test]
fn many_collections_are_listed_in_pages() {
    on_each(async |database| {
        let names: Vec<_> = (0..320).map(|place| format!("c{place:03}")).collect();
        let writes = names.iter().map(|name| create(&database.native, name, "1", "{}"));
        database.native.load(writes.collect()).await.unwrap();
        let found = database.native.collections().await.unwrap();
        assert!(found.iter().map(|info| info.name.as_str()).eq(&names));
    });
}
