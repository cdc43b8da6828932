//! Batches.

use super::support::{Reply, Service, Settings};

async fn batch(service: &Service, operations: &str) -> Reply {
    service.post("/records/c/batch", format!(r#"{{"operations":[{operations}]}}"#)).await
}

#[tokio::test]
async fn each_operation_has_its_own_result() {
    let service = Service::new();
    service.put("/records/c/old?upsert=true", r#"{"n":0}"#).await.has_status(201);
    let answer = batch(
        &service,
        r#"{"method":"create","body": {"n": 1.0, "id": 5}},
           {"method":"put","id":"a","body":{"n":2},"upsert":true},
           {"method":"put","id":"a","body":{"n":3}},
           {"method":"patch","id":"old","patch":{"m":1}},
           {"method":"patch","id":"gone","patch":{}},
           {"method":"delete","id":"old"},
           {"method":"put","id":"a","body":{},"if_match":"\"999\""},
           {"method":"put","id":"a","body":{},"if_none_match":"*"}"#,
    )
    .await;
    answer.has_status(200);
    let report = answer.json();
    assert_eq!(report["committed"], true);
    let results = report["results"].as_array().unwrap();
    let statuses: Vec<u64> = results.iter().map(|r| r["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [201, 201, 200, 200, 404, 200, 412, 412]);
    let kinds: Vec<_> = results.iter().map(|r| r["kind"].as_str().unwrap_or("-")).collect();
    assert_eq!(kinds, ["created", "created", "updated", "updated", "-", "deleted", "-", "-"]);
    assert_eq!(results[0]["id"], 1);
    assert_eq!(results[1]["id"], "a");
    assert!(results[5].get("etag").is_none());
    assert_eq!(results[4]["error"]["code"], "record_not_found");
    assert_eq!(results[4]["error"]["detail"], "Record not found");
    assert_eq!(results[6]["error"]["code"], "revision_conflict");
    assert_eq!(results[6]["etag"], results[2]["etag"]);
    assert_eq!(results[7]["error"]["code"], "already_exists");
    service.get("/records/c").await.is(200, r#"[{"n":1.0,"id":1},{"n":3,"id":"a"}]"#);
    let etag = results[2]["etag"].as_str().unwrap();
    assert_eq!(service.get("/records/c/a").await.etag(), etag);
}

#[tokio::test]
async fn an_atomic_batch_is_all_or_nothing() {
    let service = Service::new();
    let operations = r#"[{"method":"create","body":{}},{"method":"delete","id":"x"},{"method":"delete","id":"y"}]"#;
    for (target, body) in [
        ("/records/c/batch?atomic=true", format!(r#"{{"operations":{operations}}}"#)),
        ("/records/c/batch", format!(r#"{{"atomic":true,"operations":{operations}}}"#)),
    ] {
        let refused = service.post(target, body).await;
        refused.is_problem(409, "batch_rejected").contains("record_not_found");
        assert_eq!(refused.blamed()[0], "/operations/1");
        assert!(!refused.blamed().contains(&"/operations/0".to_owned()));
        service.assert_empty("one was refused").await;
    }
    let body = r#"{"operations":[{"method":"create","body":{}},{"method":"put","id":"x","body":{},"upsert":true}]}"#;
    let done = service.post("/records/c/batch?atomic=true", body).await;
    done.has_status(200).contains(r#""committed":true"#);
    service.get("/stats").await.contains(r#""total_records":2"#);
}

#[tokio::test]
async fn contradicting_atomics_are_refused() {
    let service = Service::new();
    let body = r#"{"operations":[{"method":"create","body":{}}],"atomic":false}"#;
    service.post("/records/c/batch?atomic=true", body).await.is_problem(422, "invalid_parameter");
    service.assert_empty("contradiction").await;
}

#[tokio::test]
async fn a_malformed_batch_writes_nothing() {
    let service = Service::new();
    let good = r#"{"method":"create","body":{}}"#;
    for (bad, pointer) in [
        (r#"{"method":"create"}"#, "/operations/1/body"),
        (r#"{"method":"create","body":[]}"#, "/operations/1/body"),
        (r#"{"method":"create","body":{"a":1,"a":2}}"#, "/operations/1/body"),
        (r#"{"method":"create","body":{"a":"\ud800"}}"#, "/operations/1/body"),
        (r#"{"method":"create","body":{"a":1e999}}"#, "/operations/1/body"),
        (r#"{"method":"put","id":"","body":{},"upsert":true}"#, "/operations/1/id"),
        (r#"{"method":"put","id":"a\u0000","body":{},"upsert":true}"#, "/operations/1/id"),
        (r#"{"method":"put","id":1.0,"body":{}}"#, "/operations/1/id"),
        (r#"{"method":"post","body":{}}"#, "/operations/1"),
        (r#"{"method":"delete","id":1,"colour":2}"#, "/operations/1"),
        (r#"{"method":"delete","id":1,"if_match":"\"1"}"#, "/operations/1"),
        ("7", "/operations/1"),
    ] {
        let refused = batch(&service, &format!("{good},{bad},{good}")).await;
        refused.is_problem(422, "invalid_batch").contains("operation 1");
        assert_eq!(refused.blamed(), [pointer], "{bad}");
        service.assert_empty(bad).await;
    }
    let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
    batch(&service, &format!(r#"{{"method":"create","body":{{"a":{deep}}}}}"#))
        .await
        .is_problem(422, "invalid_batch");
    for body in ["", "[]", "{}", "null", r#"{"operations":1}"#, "{\"operations\":[]}x", "\u{0}"] {
        service.post("/records/c/batch", body).await.is_problem(422, "invalid_batch");
    }
    let bytes = b"{\"operations\":[{\"method\":\"create\",\"body\":{\"a\":\"\xff\"}}]}".to_vec();
    service.post("/records/c/batch", bytes).await.is_problem(422, "invalid_batch");
    service.assert_empty("malformed").await;
}

#[tokio::test]
async fn an_empty_batch_does_nothing() {
    let service = Service::new();
    batch(&service, "").await.is(200, r#"{"results":[],"committed":false}"#);
    let atomic = service.post("/records/c/batch?atomic=true", r#"{"operations":[]}"#).await;
    atomic.is(200, r#"{"results":[],"committed":false}"#);
}

#[tokio::test]
async fn a_batch_has_a_largest_size() {
    let mut settings = Settings::default();
    settings.store.batch_operations_max = 2;
    let service = Service::with(settings);
    let one = r#"{"method":"create","body":{}}"#;
    batch(&service, &[one; 3].join(","))
        .await
        .is_problem(422, "limit_exceeded")
        .contains("at most 2");
    service.assert_empty("too many").await;
    batch(&service, &[one; 2].join(",")).await.has_status(200);
}

#[tokio::test]
async fn arrays_do_not_stand_for_objects() {
    let service = Service::new();
    for body in [
        r#"[[{"method":"create","body":{}}],false]"#,
        r#"{"operations":[["create",null,{},null,null,null,null]]}"#,
    ] {
        service.post("/records/c/batch", body).await.is_problem(422, "invalid_batch");
    }
    service.assert_empty("arrays").await;
}

/// A few short patches of a large document must not fill memory and disk.
#[tokio::test]
async fn a_batch_stores_a_bounded_number_of_bytes() {
    let service = Service::new();
    let large = format!(r#"{{"text":"{}"}}"#, "x".repeat(4 << 20));
    service.put("/records/c/d?upsert=true", large).await.has_status(201);
    let patches: Vec<String> =
        (0..40).map(|n| format!(r#"{{"method":"patch","id":"d","patch":{{"n":{n}}}}}"#)).collect();
    let report = batch(&service, &patches.join(",")).await.json();
    let statuses: Vec<u64> = report["results"]
        .as_array()
        .unwrap()
        .iter()
        .map(|result| result["status"].as_u64().unwrap())
        .collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 15);
    assert!(statuses[15..].iter().all(|status| *status == 422), "{statuses:?}");
}
