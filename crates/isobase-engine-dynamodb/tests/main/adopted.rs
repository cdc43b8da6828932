//! Tables and items of other programs.

use aws_sdk_dynamodb::types::AttributeValue;
use isobase_engine::ErrorKind;
use isobase_remote::{Backend, CommitError};

use crate::fixture::{
    Tables, collection, commit, creation, deletion, document_key, update, with_tables,
};

async fn put(tables: &Tables, name: &str, id: &str, fields: &[(&str, AttributeValue)]) {
    let table = tables.backend.table_name(&collection(name));
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
        let backend = &tables.backend;
        backend.open().await.unwrap();
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
        assert_eq!(backend.count(&agents).await.unwrap(), 3);
        let infos = backend.collections().await.unwrap();
        let infos: Vec<_> = infos.iter().map(|it| (it.name.as_str(), it.documents)).collect();
        assert_eq!(infos, [("agents", 3)]);
        let mut ids = Vec::new();
        let mut after = None;
        loop {
            let page = backend.scan(&agents, after.as_deref(), 1).await.unwrap();
            ids.extend(page.documents.iter().map(|it| it.id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        ids.sort();
        assert_eq!(ids, ["7", "a-1"]);
        assert!(backend.prepare_collection(&agents).await.unwrap());
        assert!(!backend.prepare_collection(&collection("empty")).await.unwrap());

        let error = backend.prepare_collection(&collection("other-key")).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::Unsupported);
        let table = backend.table_name(&collection("other-key"));
        assert!(error.message.contains(&table) && error.message.contains("`_id`"), "{error}");
        let keys = [document_key("other-key", "1")];
        let error = backend.read(&keys).await.unwrap_err();
        assert!(error.message.contains(&table) && error.message.contains("`_id`"), "{error}");
    })
    .await;
}

#[tokio::test]
async fn items_of_other_programs_are_updated_in_place() {
    with_tables(async |tables| {
        let backend = &tables.backend;
        let head = backend.open().await.unwrap();
        tables.create_table("agents", "_id").await;
        put(tables, "agents", "a", &[("v", number("1"))]).await;
        let key = document_key("agents", "a");
        let foreign = tables.read(&key).await.unwrap();
        let head = tables.commit(head, vec![update(&foreign, "agents", 1, "{\"v\":2}")]).await;
        let ours = tables.read(&key).await.unwrap();
        assert_eq!((ours.body.as_str(), ours.is_foreign()), ("{\"v\":2}", false));
        // As a foreign item it is not there any more.
        let late = commit(head, vec![update(&foreign, "agents", 2, "{\"v\":3}")]);
        assert_eq!(backend.commit(&late).await.unwrap(), Err(CommitError::DocumentChanged));

        // Replaced by another program, our bookkeeping gone.
        put(tables, "agents", "a", &[("v", number("4"))]).await;
        let stale = commit(head, vec![deletion(&ours, "agents")]);
        assert_eq!(backend.commit(&stale).await.unwrap(), Err(CommitError::DocumentChanged));
        let replaced = tables.read(&key).await.unwrap();
        assert!(replaced.is_foreign());
        let head = tables.commit(head, vec![update(&replaced, "agents", 2, "{\"v\":5}")]).await;

        // Changed in place by another program, our bookkeeping still there.
        let ours = tables.read(&key).await.unwrap();
        tables
            .sdk
            .update_item()
            .table_name(backend.table_name(&key.collection))
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

#[tokio::test]
async fn names_that_a_table_cannot_have_work_all_the_same() {
    with_tables(async |tables| {
        let backend = &tables.backend;
        let mut head = backend.open().await.unwrap();
        let long = "ü".repeat(64);
        for name in ["a b", "isobase_x", "é", long.as_str()] {
            backend.prepare_collection(&collection(name)).await.unwrap();
            head = tables.commit(head, vec![creation(name, "1", 1, "{}")]).await;
            assert!(tables.read(&document_key(name, "1")).await.is_some(), "{name}");
        }
    })
    .await;
}
