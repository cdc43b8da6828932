//! Where the server of the tests differs from DynamoDB: what DynamoDB answers, and that nothing
//! depends on the rest.

use std::{collections::BTreeMap, sync::Arc};

use isobase_engine::SystemClock;
use isobase_journal::{DocumentDatabase, Head, JournalOptions, testing::live};
use serde_json::Value;

use crate::{
    fixture::{collection, commit, creation, document_key, options, with_tables},
    script::{Recorder, Script, ok},
};

#[tokio::test]
async fn every_read_asks_for_what_was_written_last() {
    with_tables(async |tables| {
        let recorder = Recorder::start(tables.options.endpoint.as_deref().unwrap()).await;
        let options = options(&recorder.url, &tables.options.prefix);
        let clock = Arc::new(SystemClock);
        let engine = isobase_engine_dynamodb::open(&options, JournalOptions::default(), clock);
        live(&engine.await.unwrap(), &collection("things")).await.unwrap();
        let mut asked = BTreeMap::<String, u32>::new();
        for (operation, body) in recorder.requests() {
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
                "ListTables" | "DescribeTable" | "CreateTable" | "UpdateTimeToLive"
                | "DescribeTimeToLive" | "TransactWriteItems" | "BatchWriteItem" | "PutItem"
                | "UpdateItem" | "DeleteItem" => {}
                other => panic!("{other} {body}"),
            }
            *asked.entry(operation).or_default() += 1;
        }
        for operation in ["BatchGetItem", "GetItem", "Query", "Scan"] {
            assert!(asked.get(operation).is_some_and(|times| *times > 2), "{operation}: {asked:?}");
        }
    })
    .await;
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
    let native = script.native().await;
    for (name, is_there) in [("b", true), ("B", false)] {
        let found = native.read(&[document_key(name, "a")]).await.unwrap();
        assert_eq!(found[0].is_some(), is_there, "{name}");
    }
    for (name, is_there) in [("b", true), ("B", false)] {
        let keys = [document_key(name, "a"), document_key(name, "c")];
        let found = native.read(&keys).await.unwrap();
        assert_eq!(found[0].is_some(), is_there, "{name}");
    }
    let documents = ["b", "B"].map(|name| creation(name, "x", 1, "{}"));
    native.commit(&commit(Head::default(), documents.into())).await.unwrap().unwrap();
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
    let native = script.native().await;
    let (mut ids, mut after) = (Vec::new(), None);
    loop {
        let page = native.scan(&collection("c"), after.as_deref(), 10).await.unwrap();
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
