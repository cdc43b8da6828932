//! The data store, in open mode.

use std::sync::Arc;

use http::Method;
use isobase_auth::Authorizer;
use isobase_server::{ServerConfig, compose};
use serde_json::{Value, json};

use super::support::{Ask, Service};

const MAIN: &str = "/data-store/namespaces/default/records/src/main.py";

fn as_agent(method: Method, target: &str, agent: &str) -> Ask {
    Ask::new(method, target).header("x-agent-id", agent)
}

/// A record without its times, which must be there.
fn timeless(mut record: Value) -> Value {
    for name in ["createdAt", "updatedAt"] {
        let time = record[name].take();
        assert!(time.as_str().is_some_and(|time| time.ends_with('Z')), "{name}: {time}");
    }
    record
}

#[tokio::test]
async fn a_record_is_written_read_and_deleted() {
    let service = Service::new();
    let put = service.put(MAIN, r#"{"value":{"n":1.0},"metadata":{"a":1}}"#).await;
    put.has_status(200);
    let expected = json!({
        "_id": "local:default:c3JjL21haW4ucHk=", "userId": "local", "namespace": "default",
        "key": "src/main.py", "value": {"n": 1.0}, "metadata": {"a": 1}, "createdByAgent": null,
        "lastAccessedByAgent": null, "accessCount": 0, "createdAt": null, "updatedAt": null,
        "lastAccessedAt": null,
    });
    assert_eq!(timeless(put.json()), expected);
    let read = service.get(MAIN).await;
    read.is(200, &put.text).contains(r#""value":{"n":1.0}"#);
    service.get("/data-store/namespaces/default/records/src%2Fmain.py").await.is(200, &put.text);
    let stored = service.get("/records/agent_data_store/local:default:c3JjL21haW4ucHk=").await;
    stored.has_status(200).contains(r#""key":"src/main.py""#).lacks("_id");
    service.delete(MAIN).await.is(204, "");
    let missing = service.get(MAIN).await;
    missing.is_problem(404, "record_not_found");
    assert_eq!(missing.json()["detail"], "Record 'src/main.py' not found in 'default'");
    service.delete(MAIN).await.is_problem(404, "record_not_found");
    let agent = as_agent(Method::GET, MAIN, "a");
    service.send(agent).await.is_problem(404, "record_not_found");
    service.assert_empty("the record was deleted").await;
}

#[tokio::test]
async fn a_second_write_keeps_what_it_does_not_name() {
    let service = Service::new();
    let first =
        as_agent(Method::PUT, MAIN, "one").json(r#"{"value":1,"metadata":{"a":1,"b":{"x":1}}}"#);
    let first = service.send(first).await.json();
    assert_eq!(first["createdByAgent"], "one");
    assert!(first["lastAccessedAt"].is_string());
    service.send(as_agent(Method::GET, MAIN, "reader")).await.has_status(200);
    let second = as_agent(Method::PUT, MAIN, "two")
        .json(r#"{"value":[2],"metadata":{"b":{"y":2},"c":null}}"#);
    let second = service.send(second).await.json();
    assert_eq!(second["value"], json!([2]));
    assert_eq!(second["metadata"], json!({"a": 1, "b": {"y": 2}, "c": null}));
    assert_eq!(
        (&second["createdByAgent"], &second["lastAccessedByAgent"]),
        (&json!("one"), &json!("two"))
    );
    assert_eq!(second["createdAt"], first["createdAt"]);
    assert!(second["updatedAt"].as_str() > first["updatedAt"].as_str());
    assert_eq!(second["accessCount"], 1);
    let third = service.put(MAIN, r#"{"value":null,"metadata":null}"#).await.json();
    assert_eq!(third["metadata"], second["metadata"]);
    assert_eq!(third["lastAccessedAt"], second["lastAccessedAt"]);
}

#[tokio::test]
async fn accesses_and_metadata_of_many_are_all_kept() {
    let service = Service::new();
    service.put(MAIN, r#"{"value":1}"#).await.has_status(200);
    // A second service on the same database: only the revisions keep them apart.
    let store = service.store.clone();
    let other = compose(store.clone(), Arc::new(Authorizer::open()), ServerConfig::default());
    let other = Service::of(other, store);
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..40 {
        let service = if number % 2 == 0 { service.clone() } else { other.clone() };
        tasks.spawn(async move {
            service.send(as_agent(Method::GET, MAIN, "reader")).await.has_status(200);
            let body = format!(r#"{{"value":{number},"metadata":{{"m{number}":true}}}}"#);
            service.put(MAIN, body).await.has_status(200);
        });
    }
    tasks.join_all().await;
    let record = service.get(MAIN).await.json();
    assert_eq!(record["accessCount"], 40);
    assert_eq!(record["metadata"].as_object().unwrap().len(), 40);
}

#[tokio::test]
async fn reading_without_an_agent_changes_nothing() {
    let service = Service::new();
    let put = service.put(MAIN, r#"{"value":1}"#).await;
    service.send(as_agent(Method::HEAD, MAIN, "a")).await.has_status(200);
    service.get("/data-store/namespaces/default/records").await.has_status(200);
    service.get(MAIN).await.is(200, &put.text);
}

#[tokio::test]
async fn namespaces_are_counted() {
    let service = Service::new();
    let nothing = r#"{"namespaces":[],"totalRecordCount":0,"totalSizeBytes":0}"#;
    service.get("/data-store/namespaces").await.is(200, nothing);
    let empty =
        r#"{"namespace":"none","recordCount":0,"sizeBytes":0,"agents":[],"updatedAt":null}"#;
    service.get("/data-store/namespaces/none").await.is(200, empty);
    service.get("/data-store/namespaces/none/records").await.is(200, "[]");
    let mut last = Value::Null;
    for (namespace, key, agent) in
        [("b", "k1", "x"), ("b", "k2", "y"), ("a", "k", "x"), ("a:c", "k", "x"), ("a c", "k", "x")]
    {
        let target =
            format!("/data-store/namespaces/{}/records/{key}", namespace.replace(' ', "%20"));
        let put = as_agent(Method::PUT, &target, agent).json(r#"{"value": {"a": "b"}}"#);
        last = service.send(put).await.has_status(200).json();
    }
    let all = service.get("/data-store/namespaces").await.json();
    assert_eq!((&all["totalRecordCount"], &all["totalSizeBytes"]), (&json!(5), &json!(45)));
    let named: Vec<_> =
        all["namespaces"].as_array().unwrap().iter().map(|n| n["namespace"].clone()).collect();
    assert_eq!(named, ["a", "a c", "a:c", "b"]);
    assert_eq!(all["namespaces"][1]["updatedAt"], last["updatedAt"]);
    let b = service.get("/data-store/namespaces/b").await.json();
    assert_eq!(b, all["namespaces"][3]);
    assert_eq!((&b["recordCount"], &b["sizeBytes"]), (&json!(2), &json!(18)));
    assert_eq!(b["agents"], json!(["x", "y"]));
    let listed = service.get("/data-store/namespaces/b/records").await.json();
    let keys: Vec<_> = listed.as_array().unwrap().iter().map(|r| r["key"].clone()).collect();
    assert_eq!(keys, ["k1", "k2"]);
    let gone = r#"{"namespace":"b","deletedCount":2}"#;
    service.delete("/data-store/namespaces/b").await.is(200, gone);
    service
        .delete("/data-store/namespaces/b")
        .await
        .is(200, r#"{"namespace":"b","deletedCount":0}"#);
    assert_eq!(service.get("/data-store/namespaces").await.json()["totalRecordCount"], 3);
}

#[tokio::test]
async fn large_namespaces_are_listed_whole() {
    let service = Service::new();
    let put = |number: u32| {
        format!(
            r#"{{"method":"put","id":"local:n:{number:04}","upsert":true,"body":{{"userId":"local","namespace":"n","value":1}}}}"#
        )
    };
    let operations: Vec<_> = (0..1_205).map(put).collect();
    let batch = format!(r#"{{"operations":[{}]}}"#, operations.join(","));
    service.post("/records/agent_data_store/batch", batch).await.has_status(200);
    let listed = service.get("/data-store/namespaces/n/records").await.json();
    assert_eq!(listed.as_array().unwrap().len(), 1_205);
    service.delete("/data-store/namespaces/n").await.contains(r#""deletedCount":1205"#);
}

#[tokio::test]
async fn users_have_records_of_their_own() {
    let service = Service::new();
    let as_user =
        |method, target: &str, user: &str| Ask::new(method, target).header("x-user-id", user);
    for user in ["ann", "bob", "a:b"] {
        let put = as_user(Method::PUT, MAIN, user).json(format!(r#"{{"value":"{user}"}}"#));
        assert_eq!(service.send(put).await.json()["userId"], user);
    }
    for user in ["ann", "bob", "a:b"] {
        assert_eq!(service.send(as_user(Method::GET, MAIN, user)).await.json()["value"], user);
    }
    service.get(MAIN).await.is_problem(404, "record_not_found");
    let all = service.send(as_user(Method::GET, "/data-store/namespaces", "ann")).await.json();
    assert_eq!(all["totalRecordCount"], 1);
    service
        .send(as_user(Method::DELETE, "/data-store/namespaces/default", "ann"))
        .await
        .has_status(200);
    service.send(as_user(Method::GET, MAIN, "ann")).await.is_problem(404, "record_not_found");
    service.send(as_user(Method::GET, MAIN, "bob")).await.has_status(200);
    let long = "x".repeat(129);
    for name in ["", long.as_str()] {
        let refused = service.send(as_user(Method::GET, MAIN, name)).await;
        refused.is_problem(422, "invalid_header");
    }
}

#[tokio::test]
async fn what_is_no_record_is_refused() {
    let service = Service::new();
    let cases: [(&str, &[&str]); 5] = [
        ("{}", &[""]),
        (r#"{"value":1,"metadata":[]}"#, &["/metadata"]),
        (r#"{"value":1,"ttl":5}"#, &["/ttl"]),
        (r#"{"Value":1}"#, &["/Value", ""]),
        (r#"{"metadata":1}"#, &["", "/metadata"]),
    ];
    for (body, places) in cases {
        let refused = service.put(MAIN, body).await;
        refused.is_problem(422, "invalid_data_record");
        assert_eq!(refused.blamed(), places, "{body}");
    }
    service.put(MAIN, "[]").await.is_problem(422, "not_an_object");
    let long = format!("/data-store/namespaces/n/records/{}", "k".repeat(1_200));
    service.put(&long, r#"{"value":1}"#).await.is_problem(422, "invalid_id");
    let long = format!("/data-store/namespaces/{}", "n".repeat(129));
    service.get(&long).await.is_problem(422, "invalid_id");
    service.get("/data-store/namespaces?prefix=a").await.is_problem(422, "invalid_parameter");
    service.assert_empty("nothing was stored").await;
}

#[tokio::test]
async fn records_written_by_others_are_found() {
    let service = Service::new();
    let foreign =
        r#"{"userId":"local","namespace":null,"key":"k","value":1,"accessCount":null,"extra":[1]}"#;
    let target = "/records/agent_data_store/local:default:aw==?upsert=true";
    service.put(target, foreign).await.has_status(201);
    let all = service.get("/data-store/namespaces").await.json();
    assert_eq!(all["namespaces"][0]["namespace"], "default");
    let one = service.get("/data-store/namespaces/default").await.json();
    assert_eq!(one["recordCount"], 1);
    let record = "/data-store/namespaces/default/records/k";
    let counted = service.send(as_agent(Method::GET, record, "a")).await.json();
    assert_eq!((&counted["accessCount"], &counted["extra"]), (&json!(1), &json!([1])));
}

#[tokio::test]
async fn counts_of_other_programs_are_gone_on_with() {
    let cases = [("3.0", 4), ("4e1", 41), ("-1.0", 0), ("2.5", 1), ("1e300", 1), ("\"7\"", 1)];
    for (stored, counted) in cases {
        let service = Service::new();
        let foreign = format!(
            r#"{{"userId":"local","namespace":"_n","key":"k","value":1,"accessCount":{stored}}}"#
        );
        let target = "/records/agent_data_store/local:_n:aw==?upsert=true";
        service.put(target, foreign).await.has_status(201);
        let record = as_agent(Method::GET, "/data-store/namespaces/_n/records/k", "a");
        assert_eq!(service.send(record).await.json()["accessCount"], counted, "{stored}");
    }
}

#[tokio::test]
async fn records_of_other_programs_are_met_and_never_replaced() {
    let service = Service::new();
    // As the original of the document store writes them.
    let plain = "/records/agent_data_store/local:files:repo-x:aw==?upsert=true";
    let record = |namespace: &str, value: u32| {
        format!(
            r#"{{"userId":"local","namespace":"{namespace}","key":"k","value":{value},"accessCount":0}}"#
        )
    };
    service.put(plain, record("files:repo-x", 1)).await.has_status(201);
    let here = "/data-store/namespaces/files:repo-x/records/k";
    service.get(here).await.has_status(200).contains(r#""value":1"#);
    service.put(here, r#"{"value":2}"#).await.has_status(200).contains("local:files:repo-x:aw==");
    let listed = service.get("/data-store/namespaces/files:repo-x/records").await;
    assert_eq!(listed.json().as_array().map(Vec::len), Some(1));
    // What an earlier service wrote apart is found, and changed where it is.
    let apart = "/records/agent_data_store/local:a%253Ab:aw==";
    service.put(&format!("{apart}?upsert=true"), record("a:b", 3)).await.has_status(201);
    let there = "/data-store/namespaces/a:b/records/k";
    service.put(there, r#"{"value":4}"#).await.has_status(200).contains("local:a%3Ab:aw==");
    service.get(apart).await.has_status(200).contains(r#""value":4"#);
    service.delete(there).await.is(204, "");
    // The same text, and another record.
    let taken = "/records/agent_data_store/local:c:d:aw==";
    let other = record("d", 5).replace("local", "local:c");
    service.put(&format!("{taken}?upsert=true"), other).await.has_status(201);
    let mine = "/data-store/namespaces/c:d/records/k";
    service.get(mine).await.is_problem(404, "record_not_found");
    service.delete(mine).await.is_problem(404, "record_not_found");
    service.put(mine, r#"{"value":6}"#).await.has_status(200).contains("local:c%3Ad:aw==");
    service.get(mine).await.has_status(200).contains(r#""value":6"#);
    service.get(taken).await.has_status(200).contains(r#""value":5"#);
    let slashes = "/data-store/namespaces/e%2Ff/records/k";
    service.put(slashes, r#"{"value":7}"#).await.has_status(200).contains("local:e/f:aw==");
    service.get(slashes).await.has_status(200).contains(r#""value":7"#);
}
