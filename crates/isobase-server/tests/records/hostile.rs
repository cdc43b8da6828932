//! Names, ids and parameters that mean harm.

use http::Method;

use super::support::{Ask, Service};

#[tokio::test]
async fn impossible_collection_names_are_refused() {
    let service = Service::new();
    let long = "x".repeat(129);
    for name in ["%00", "a%00b", "%0A", "%7F", "%C2%80", "%2E", "%2E%2E", long.as_str()] {
        let target = format!("/records/{name}");
        service.get(&target).await.is_problem(422, "invalid_collection_name");
        service.post(&target, "{}").await.is_problem(422, "invalid_collection_name");
        service
            .put(&format!("{target}/a?upsert=true"), "{}")
            .await
            .is_problem(422, "invalid_collection_name");
        service.get(&format!("{target}/changes")).await.is_problem(422, "invalid_collection_name");
        service
            .post(&format!("{target}/batch"), r#"{"operations":[]}"#)
            .await
            .is_problem(422, "invalid_collection_name");
    }
    service.assert_empty("the names").await;
}

#[tokio::test]
async fn strange_collection_names_work() {
    let service = Service::new();
    let longest = "x".repeat(128);
    let names = [
        "%27%3B%20DROP%20TABLE%20documents%3B--",
        "%22%5C%22",
        "%3Cscript%3E",
        "sqlite_master",
        "_private",
        "...",
        "a%25b",
        "%F0%9F%98%80",
        "%E2%80%AE",
        longest.as_str(),
    ];
    for name in names {
        let target = format!("/records/{name}");
        service.post(&target, r#"{"n":1}"#).await.has_status(201);
        assert_eq!(service.get(&target).await.json().as_array().unwrap().len(), 1, "{name}");
    }
    let listed = service.get("/collections").await.json();
    assert_eq!(listed["collections"].as_array().unwrap().len(), names.len());
}

#[tokio::test]
async fn impossible_ids_are_refused() {
    let service = Service::new();
    let long = "x".repeat(1_501);
    for id in ["%00", "a%00", long.as_str()] {
        let target = format!("/records/c/{id}");
        service.get(&target).await.is_problem(422, "invalid_id");
        service.put(&format!("{target}?upsert=true"), "{}").await.is_problem(422, "invalid_id");
        service.patch(&target, "{}").await.is_problem(422, "invalid_id");
        service.delete(&target).await.is_problem(422, "invalid_id");
    }
    service.assert_empty("the ids").await;
}

#[tokio::test]
async fn strange_ids_work() {
    let service = Service::new();
    let longest = "x".repeat(1_500);
    for (id, json) in [
        ("%22%5C%0A", r#""\"\\\n""#.to_owned()),
        ("%F0%9F%98%80", "\"\u{1f600}\"".to_owned()),
        ("%27%20OR%201%3D1", "\"' OR 1=1\"".to_owned()),
        ("null", "\"null\"".to_owned()),
        ("...", "\"...\"".to_owned()),
        ("-1", "\"-1\"".to_owned()),
        ("1e3", "\"1e3\"".to_owned()),
        ("99999999999999999999", "\"99999999999999999999\"".to_owned()),
        (longest.as_str(), format!("\"{longest}\"")),
    ] {
        let target = format!("/records/c/{id}");
        let text = format!("{{\"id\":{json}}}");
        service.put(&format!("{target}?upsert=true"), "{}").await.is(201, &text);
        service.get(&target).await.is(200, &text);
        service.delete(&target).await.has_status(200);
    }
}

#[tokio::test]
async fn batches_reach_every_id() {
    let service = Service::new();
    for id in ["batch", "changes", "a/b", "..", "_x"] {
        let put = format!(r#"{{"method":"put","id":"{id}","body":{{}},"upsert":true}}"#);
        let put = service.post("/records/c/batch", format!(r#"{{"operations":[{put}]}}"#)).await;
        put.has_status(200).contains(r#""status":201"#);
    }
    let gets = r#"{"operations":[{"method":"get","id":"batch"},{"method":"get","id":7}]}"#;
    service.post("/records/c/batch", gets).await.is(200, r#"{"results":[{"status":200,"id":"batch","etag":"\"1\"","record":{"id":"batch"}},{"status":404,"error":{"code":"record_not_found","detail":"Record not found"}}],"committed":false}"#);
    service.get("/records/c/x%2Fy").await.is_problem(404, "record_not_found");
    service.get("/records/c/a%2Fb").await.is(200, r#"{"id":"a/b"}"#);
    service.get("/records/c/%2E%2E").await.is(200, r#"{"id":".."}"#);
    service.delete("/records/c/a%2Fb").await.has_status(200);
}

#[tokio::test]
async fn names_of_routes_are_no_ids() {
    let service = Service::new();
    for id in ["batch", "changes", "b%61tch"] {
        let target = format!("/records/c/{id}");
        service.put(&format!("{target}?upsert=true"), "{}").await.is_problem(422, "reserved_id");
        service.patch(&target, "{}").await.is_problem(422, "reserved_id");
        service.delete(&target).await.is_problem(422, "reserved_id");
    }
    service.get("/records/c/batch").await.is_problem(405, "method_not_allowed");
    service.post("/records/c/changes", "{}").await.is_problem(405, "method_not_allowed");
    for id in ["Batch", "batch2"] {
        service.put(&format!("/records/c/{id}?upsert=true"), "{}").await.has_status(201);
    }
}

#[tokio::test]
async fn broken_encodings_are_refused() {
    let service = Service::new();
    for target in ["/records/%ff", "/records/c/%c3%28", "/records/%zz"] {
        let refused = service.get(target).await;
        assert!(refused.status.is_client_error(), "{target}: {}", refused.text);
    }
}

#[tokio::test]
async fn answers_do_not_repeat_markup_as_html() {
    let service = Service::new();
    let refused = service.get("/records/c?%3Cscript%3E[x]=1").await;
    refused.has_status(422);
    assert_eq!(refused.header("content-type"), Some("application/problem+json"));
    assert_eq!(refused.header("x-content-type-options"), Some("nosniff"));
}

#[tokio::test]
async fn long_values_are_cut_in_problems() {
    let service = Service::new();
    let refused = service.get(&format!("/records/c?limit={}", "9".repeat(5_000))).await;
    refused.is_problem(422, "invalid_parameter");
    assert!(refused.text.len() < 1_500, "{}", refused.text.len());
}

#[tokio::test]
async fn headers_do_not_smuggle_lines() {
    let service = Service::new();
    let ask = Ask::new(Method::PUT, "/records/c/a%0D%0AX-Evil:%201?upsert=true").json("{}");
    let made = service.send(ask).await;
    made.has_status(201);
    assert_eq!(made.header("x-evil"), None);
    assert_eq!(made.header("location"), Some("/records/c/a%0D%0AX-Evil:%201"));
}
