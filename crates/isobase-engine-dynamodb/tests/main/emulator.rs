//! Where the server of the tests differs from DynamoDB: what DynamoDB answers, and that nothing
//! depends on the rest.

use std::{collections::BTreeSet, sync::Arc};

use isobase_engine::SystemClock;
use isobase_remote::{Backend, Head, RemoteOptions, testing::live};
use isobase_types::{Sequence, Timestamp};
use serde_json::Value;

use crate::{
    fixture::{collection, commit, creation, document_key, everything, options, with_tables},
    script::{Script, ok},
};

#[tokio::test]
async fn a_whole_life_goes_well() {
    with_tables(async |tables| {
        let endpoint = tables.options.endpoint.as_deref().unwrap();
        let options = options(endpoint, &tables.options.prefix);
        let clock = Arc::new(SystemClock);
        let engine = isobase_engine_dynamodb::open(&options, RemoteOptions::default(), clock);
        live(&engine.await.unwrap(), &collection("things")).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn every_read_asks_for_what_was_written_last() {
    let script = Script::start(&[ok("{}")]).await;
    let backend = script.backend().await;
    let name = collection("c");
    let keys = [document_key("c", "a"), document_key("c", "b")];
    // Nothing is there; only the requests count.
    let _ = backend.head().await;
    let _ = backend.catalogue().await;
    let _ = backend.read(&keys).await;
    let _ = backend.fetch(&name, &everything(10)).await;
    let _ = backend.count_keys(&name, 0, b"a", None).await;
    let _ = backend.count(&name).await;
    let _ = backend.collections().await;
    let _ = backend.scan(&name, None, 10).await;
    let _ = backend.read_log(Sequence(0), 10).await;
    let _ = backend.read_answers(&[[1; 32], [2; 32]]).await;
    let _ = backend.sequence_before(Timestamp { unix_us: 1 }).await;
    let _ = backend.unfinished().await;
    let _ = backend.purge(&name, Sequence(1)).await;
    let mut asked = BTreeSet::new();
    for (operation, body) in script.requests() {
        let body: Value = serde_json::from_str(&body).unwrap();
        match operation.as_str() {
            "GetItem" | "Query" | "Scan" => {
                assert_eq!(body["ConsistentRead"], true, "{operation} {body}");
                // An index of DynamoDB cannot be read so.
                assert_eq!(body["IndexName"], Value::Null, "{operation} {body}");
            }
            "BatchGetItem" => {
                let tables = body["RequestItems"].as_object().unwrap();
                assert!(tables.values().all(|table| table["ConsistentRead"] == true), "{body}");
            }
            "ListTables" => {}
            other => panic!("{other} {body}"),
        }
        asked.insert(operation);
    }
    let expected = ["BatchGetItem", "GetItem", "ListTables", "Query", "Scan"].map(str::to_owned);
    assert_eq!(asked, expected.into());
}

#[tokio::test]
async fn names_that_differ_in_case_are_two_tables() {
    // As DynamoDB answers: its names are case-sensitive.
    let answers = [
        ok(r#"{"Item":{"_id":{"S":"a"},"n":{"N":"1"}}}"#),
        ok("{}"),
        ok(r#"{"Responses":{"p_b":[{"_id":{"S":"a"},"n":{"N":"1"}}]},"UnprocessedKeys":{}}"#),
        ok(r#"{"Responses":{"p_B":[]},"UnprocessedKeys":{}}"#),
        ok("{}"),
    ];
    let script = Script::start(&answers).await;
    let backend = script.backend().await;
    for (name, is_there) in [("b", true), ("B", false)] {
        let found = backend.read(&[document_key(name, "a")]).await.unwrap();
        assert_eq!(found[0].is_some(), is_there, "{name}");
    }
    for (name, is_there) in [("b", true), ("B", false)] {
        let keys = [document_key(name, "a"), document_key(name, "c")];
        let found = backend.read(&keys).await.unwrap();
        assert_eq!(found[0].is_some(), is_there, "{name}");
    }
    let documents = ["b", "B"].map(|name| creation(name, "x", 1, "{}"));
    backend.commit(&commit(Head::default(), documents.into())).await.unwrap().unwrap();
    let requests = script.requests();
    for (request, table) in requests.iter().zip(["p_b", "p_B"].repeat(2)) {
        assert!(request.1.contains(&format!("\"{table}\"")), "{request:?}");
    }
    let (operation, body) = requests.last().unwrap();
    assert_eq!(operation, "TransactWriteItems");
    for table in ["p_b", "p_B"] {
        assert_eq!(body.matches(&format!("\"TableName\":\"{table}\"")).count(), 1, "{body}");
    }
}

#[tokio::test]
async fn a_scan_is_read_on_from_where_it_stopped_in_whatever_order_it_comes() {
    let answers = [
        ok(
            r#"{"Items":[{"_id":{"S":"z"}},{"_id":{"S":"a"}}],"Count":2,"LastEvaluatedKey":{"_id":{"S":"a"}}}"#,
        ),
        ok(r#"{"Items":[{"_id":{"S":"m"}}],"Count":1}"#),
    ];
    let script = Script::start(&answers).await;
    let backend = script.backend().await;
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = backend.scan(&collection("c"), after.as_deref(), 10).await.unwrap();
        ids.extend(page.documents.iter().map(|document| document.id.to_string()));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(ids, ["z", "a", "m"]);
    let second: Value = serde_json::from_str(&script.requests()[1].1).unwrap();
    assert_eq!(second["ExclusiveStartKey"]["_id"]["S"], "a");
}
