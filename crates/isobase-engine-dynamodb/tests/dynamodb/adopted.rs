//! Tables and items of other programs.

use aws_sdk_dynamodb::types::AttributeValue;
use isobase_engine::{ErrorKind, IndexDefinition, IndexState};
use isobase_journal::{
    CatalogueEntry, CommitError, DocumentDatabase, IndexEntry, IndexKey, KeyFetch, NativeDocument,
};
use isobase_types::{CollectionName, Order, Sequence};

use crate::fixture::{
    Tables, collection, commit, creation, deletion, document_key, everything, id_key, update,
    with_tables,
};

async fn put(tables: &Tables, name: &str, id: &str, fields: &[(&str, AttributeValue)]) {
    let table = tables.native.table_name(&collection(name));
    let mut put = tables.sdk.put_item().table_name(table);
    put = put.item("_id", AttributeValue::S(id.to_owned()));
    for (field, value) in fields {
        put = put.item(*field, value.clone());
    }
    put.send().await.unwrap();
}

fn number(text: &str) -> AttributeValue {
    AttributeValue::N(text.to_owned())
}

#[tokio::test]
async fn tables_of_other_programs_are_read_listed_and_counted() {
    with_tables(async |tables| {
        let native = &tables.native;
        native.open().await.unwrap();
        tables.create_table("agents", "_id").await;
        tables.create_table("empty", "_id").await;
        tables.create_table("other-key", "pk").await;
        let sets = [
            ("texts", AttributeValue::Ss(vec!["a".into(), "b".into()])),
            ("numbers", AttributeValue::Ns(vec!["1".into()])),
            ("bytes", AttributeValue::B(b"\x01\x02".to_vec().into())),
            ("price", number("1.50")),
        ];
        put(tables, "agents", "a-1", &sets).await;
        put(tables, "agents", "7", &[]).await;
        put(tables, "agents", "_design/x", &[]).await;

        let found = tables.read(&document_key("agents", "a-1")).await.unwrap();
        assert!(found.is_foreign());
        assert_eq!(found.body, r#"{"bytes":"AQI=","numbers":[1],"price":1.5,"texts":["a","b"]}"#);
        let agents = collection("agents");
        assert_eq!(native.count(&agents).await.unwrap(), 3);
        let infos = native.collections().await.unwrap();
        let infos: Vec<_> = infos.iter().map(|it| (it.name.as_str(), it.documents)).collect();
        assert_eq!(infos, [("agents", 3)]);
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let page = native.scan(&agents, after.as_deref(), 1).await.unwrap();
            ids.extend(page.documents.iter().map(|it| it.id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        ids.sort();
        assert_eq!(ids, ["7", "_design/x", "a-1"]);
        assert!(native.prepare_collection(&agents).await.unwrap());
        assert!(!native.prepare_collection(&collection("empty")).await.unwrap());

        let error = native.prepare_collection(&collection("other-key")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        let table = native.table_name(&collection("other-key"));
        assert!(error.message.contains(&table) && error.message.contains("`_id`"), "{error}");
        let keys = [document_key("other-key", "1")];
        let error = native.read(&keys).await.unwrap_err();
        assert!(error.message.contains(&table) && error.message.contains("`_id`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn a_document_that_is_taken_in_keeps_its_types() {
    with_tables(async |tables| {
        let head = tables.native.open().await.unwrap();
        tables.create_table("agents", "_id").await;
        let set = AttributeValue::Ss(vec!["a".into(), "b".into()]);
        put(tables, "agents", "a", &[("set", set.clone())]).await;
        let key = document_key("agents", "a");
        let foreign = tables.read(&key).await.unwrap();
        let mut taken_in = update(&foreign, "agents", 1, &foreign.body);
        taken_in.after.as_mut().unwrap().meta.keeps_content = true;
        tables.commit(head, vec![taken_in]).await;
        let ours = tables.read(&key).await.unwrap();
        assert_eq!((ours.body, ours.revision.number()), (foreign.body, Some(1)));
        let table = tables.native.table_name(&key.collection);
        let items = tables.sdk.scan().table_name(table).send().await.unwrap().items.unwrap();
        assert_eq!(items[0]["set"], set);
        assert!(items[0].contains_key("isobase_meta"));
        assert_eq!(tables.ids("agents", &everything(10)).await, ["a"]);
    })
    .await;
}

#[tokio::test]
async fn items_of_other_programs_are_updated_in_place() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        tables.create_table("agents", "_id").await;
        put(tables, "agents", "a", &[("v", number("1"))]).await;
        let key = document_key("agents", "a");
        let foreign = tables.read(&key).await.unwrap();
        let head = tables.commit(head, vec![update(&foreign, "agents", 1, "{\"v\":2}")]).await;
        let ours = tables.read(&key).await.unwrap();
        assert_eq!((ours.body.as_str(), ours.is_foreign()), ("{\"v\":2}", false));
        // As a foreign item it is not there any more.
        let late = commit(head, vec![update(&foreign, "agents", 2, "{\"v\":3}")]);
        assert_eq!(native.commit(&late).await.unwrap(), Err(CommitError::DocumentChanged));

        // Replaced by another program, our bookkeeping gone.
        put(tables, "agents", "a", &[("v", number("4"))]).await;
        let stale = commit(head, vec![deletion(&ours, "agents")]);
        assert_eq!(native.commit(&stale).await.unwrap(), Err(CommitError::DocumentChanged));
        let replaced = tables.read(&key).await.unwrap();
        assert!(replaced.is_foreign());
        let head = tables.commit(head, vec![update(&replaced, "agents", 2, "{\"v\":5}")]).await;

        // Changed in place by another program, our bookkeeping still there.
        let ours = tables.read(&key).await.unwrap();
        tables
            .sdk
            .update_item()
            .table_name(native.table_name(&key.collection))
            .key("_id", AttributeValue::S("a".into()))
            .update_expression("SET v = :v")
            .expression_attribute_values(":v", number("6"))
            .send()
            .await
            .unwrap();
        let changed = tables.read(&key).await.unwrap();
        assert!(changed.is_foreign() && changed.revision != ours.revision);
        assert_eq!(changed.body, "{\"v\":6}");
        tables.commit(head, vec![update(&changed, "agents", 3, "{\"v\":7}")]).await;
        assert!(!tables.read(&key).await.unwrap().is_foreign());
    })
    .await;
}

/// Count, and ids in their order.
async fn counted(tables: &Tables) -> (u64, Vec<String>) {
    let count = tables.native.count(&collection("agents")).await.unwrap();
    (count, tables.ids("agents", &everything(100)).await)
}

fn expected(ids: &[&str]) -> (u64, Vec<String>) {
    (ids.len() as u64, ids.iter().map(|id| (*id).to_owned()).collect())
}

async fn delete_natively(tables: &Tables, id: &str) {
    let table = tables.native.table_name(&collection("agents"));
    let delete = tables.sdk.delete_item().table_name(table);
    delete.key("_id", AttributeValue::S(id.to_owned())).send().await.unwrap();
}

#[tokio::test]
async fn counts_hold_whatever_other_programs_do() {
    with_tables(async |tables| {
        let head = tables.native.open().await.unwrap();
        tables.create_table("agents", "_id").await;
        let mut first =
            commit(head, ["a", "b", "c"].map(|id| creation("agents", id, 1, "{}")).into());
        first.catalogue = vec![CatalogueEntry {
            collection: collection("agents"),
            indexes: vec![],
            adopted: true,
            deleting: None,
        }];
        tables.native.commit(&first).await.unwrap().unwrap();
        let mut head = first.next;
        assert_eq!(counted(tables).await, expected(&["a", "b", "c"]));

        // One of theirs is replaced by us, one deleted; ours is replaced by theirs.
        for id in ["x", "y", "b", "c"] {
            put(tables, "agents", id, &[("v", number("1"))]).await;
        }
        let read = async |id: &str| tables.read(&document_key("agents", id)).await.unwrap();
        for id in ["x", "b"] {
            let mut write = update(&read(id).await, "agents", 1, "{\"v\":2}");
            write.before.as_mut().unwrap().keys.clear();
            head = tables.commit(head, vec![write]).await;
        }
        assert_eq!(counted(tables).await, expected(&["a", "b", "c", "x"]));
        for id in ["y", "c"] {
            let mut write = deletion(&read(id).await, "agents");
            write.before.as_mut().unwrap().keys.clear();
            head = tables.commit(head, vec![write]).await;
        }
        assert_eq!(counted(tables).await, expected(&["a", "b", "x"]));

        // What they deleted is written anew.
        delete_natively(tables, "a").await;
        head = tables.commit(head, vec![creation("agents", "a", 1, "{}")]).await;
        assert_eq!(counted(tables).await, expected(&["a", "b", "x"]));

        // What they deleted stays counted until somebody looks.
        delete_natively(tables, "b").await;
        assert_eq!(counted(tables).await.0, 3);
        let keys_of = |found: &NativeDocument| vec![id_key(&found.id.to_string())];
        tables.native.sweep(&collection("agents"), &keys_of).await.unwrap();
        assert_eq!(counted(tables).await, expected(&["a", "x"]));
        assert_eq!(tables.native.head().await.unwrap(), head);
    })
    .await;
}

#[tokio::test]
async fn a_sweep_takes_away_keys_that_no_document_has() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        let agents = collection("agents");
        native.prepare_collection(&agents).await.unwrap();
        let key = |text: &str| IndexKey { index: 1, key: text.as_bytes().to_vec() };
        let mut writes = ["a", "b"].map(|id| creation("agents", id, 1, "{}")).to_vec();
        for write in &mut writes {
            write.after.as_mut().unwrap().keys.extend([key("now"), key("before")]);
        }
        writes[1].after.as_mut().unwrap().keys[1].key.push(1);
        writes[1].after.as_mut().unwrap().keys[2].key.push(1);
        let definition = IndexDefinition::new(Order::parse("v").unwrap()).unwrap();
        let index = IndexEntry { number: 1, definition, state: IndexState::Ready };
        let mut group = commit(head, writes);
        group.catalogue = vec![CatalogueEntry {
            collection: agents.clone(),
            indexes: vec![index],
            adopted: true,
            deleting: None,
        }];
        native.commit(&group).await.unwrap().unwrap();
        assert_eq!(native.count_keys(&agents, 1, &[], None).await.unwrap(), 4);
        let keys_of = |found: &NativeDocument| {
            let id = found.id.to_string();
            let now = if id == "a" { key("now") } else { key("now\u{1}") };
            vec![id_key(&id), now]
        };
        native.sweep(&agents, &keys_of).await.unwrap();
        assert_eq!(native.count_keys(&agents, 1, &[], None).await.unwrap(), 2);
        assert_eq!(native.count_keys(&agents, 0, &[], None).await.unwrap(), 2);
        assert_eq!(native.count(&agents).await.unwrap(), 2);
    })
    .await;
}

/// A document of ours with several entries in one index, as it has when other programs change its
/// content between writes of ours.
async fn with_stale_entries(tables: &Tables, stale: usize) -> CollectionName {
    let native = &tables.native;
    let head = native.open().await.unwrap();
    let agents = collection("agents");
    native.prepare_collection(&agents).await.unwrap();
    let key = |at: usize| IndexKey { index: 1, key: format!("key {at}").into_bytes() };
    let mut write = creation("agents", "a", 1, "{}");
    write.after.as_mut().unwrap().keys.extend((0..=stale).map(key));
    let definition = IndexDefinition::new(Order::parse("v").unwrap()).unwrap();
    let index = IndexEntry { number: 1, definition, state: IndexState::Ready };
    let mut group = commit(head, vec![write]);
    group.catalogue = vec![CatalogueEntry {
        collection: agents.clone(),
        indexes: vec![index],
        adopted: true,
        deleting: None,
    }];
    native.commit(&group).await.unwrap().unwrap();
    assert_eq!(native.count_keys(&agents, 1, &[], None).await.unwrap(), stale as u64 + 1);
    agents
}

#[tokio::test]
async fn a_sweep_takes_away_several_keys_of_one_document() {
    for stale in [2, 90] {
        with_tables(async |tables| {
            let agents = with_stale_entries(tables, stale).await;
            let keys_of = |found: &NativeDocument| {
                let now = IndexKey { index: 1, key: b"key 0".to_vec() };
                vec![id_key(&found.id.to_string()), now]
            };
            tables.native.sweep(&agents, &keys_of).await.unwrap();
            assert_eq!(tables.native.count_keys(&agents, 1, &[], None).await.unwrap(), 1);
            assert_eq!(tables.native.count_keys(&agents, 0, &[], None).await.unwrap(), 1);
        })
        .await;
    }
}

#[tokio::test]
async fn a_deleted_collection_takes_several_keys_of_one_document_along() {
    with_tables(async |tables| {
        let agents = with_stale_entries(tables, 3).await;
        tables.native.purge(&agents, Sequence(1)).await.unwrap();
        assert_eq!(tables.native.count_keys(&agents, 1, &[], None).await.unwrap(), 0);
        assert_eq!(tables.native.count_keys(&agents, 0, &[], None).await.unwrap(), 0);
    })
    .await;
}

#[tokio::test]
async fn an_entry_without_a_document_says_nothing() {
    with_tables(async |tables| {
        let native = &tables.native;
        let head = native.open().await.unwrap();
        native.prepare_collection(&collection("agents")).await.unwrap();
        tables.commit(head, ["a", "c"].map(|id| creation("agents", id, 1, "{}")).into()).await;
        let journal = format!("{}isobase_journal", tables.options.prefix);
        tables
            .sdk
            .put_item()
            .table_name(journal)
            .item("pk", AttributeValue::S("keys/agents/0".into()))
            .item("sk", AttributeValue::B(id_key("b").key.into()))
            .item("gone", AttributeValue::Bool(true))
            .send()
            .await
            .unwrap();
        assert_eq!(tables.ids("agents", &everything(10)).await, ["a", "c"]);
        for limit in [1, 2] {
            let part = KeyFetch { lower: id_key("b").key, ..everything(limit) };
            assert_eq!(tables.ids("agents", &part).await, ["c"]);
        }
        let count = native.count_keys(&collection("agents"), 0, &[], None).await.unwrap();
        assert_eq!(count, 2);
    })
    .await;
}

#[tokio::test]
async fn names_that_a_table_cannot_have_work_all_the_same() {
    with_tables(async |tables| {
        let native = &tables.native;
        let mut head = native.open().await.unwrap();
        let long = "ü".repeat(64);
        for name in ["a b", "isobase_x", "é", long.as_str()] {
            native.prepare_collection(&collection(name)).await.unwrap();
            head = tables.commit(head, vec![creation(name, "1", 1, "{}")]).await;
            assert!(tables.read(&document_key(name, "1")).await.is_some(), "{name}");
        }
    })
    .await;
}
