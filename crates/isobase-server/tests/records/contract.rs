//! The contract the routes had from the beginning: bodies and statuses, line by line.

use http::Method;

use super::support::{Ask, Service};

const NOT_FOUND: &str = r#""detail":"Record not found""#;

#[tokio::test]
async fn health_is_ok() {
    let service = Service::new();
    service.get("/health").await.has_status(200).contains(r#""status":"ok""#);
}

#[tokio::test]
async fn the_published_requests_answer_as_published() {
    let service = Service::new();
    service.get("/health").await.has_status(200);
    service.get("/collections").await.has_status(200);
    service.get("/stats").await.has_status(200);
    service.post("/records/test", r#"{"name":"item1"}"#).await.has_status(201);
    service.get("/records/test").await.has_status(200);
}

#[tokio::test]
async fn collections_are_sorted_by_bytes_and_not_empty() {
    let service = Service::new();
    service.get("/collections").await.is(200, r#"{"collections":[]}"#);
    for name in ["b", "\u{2603}", "B", "a"] {
        let name: String =
            percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC)
                .to_string();
        service.post(&format!("/records/{name}"), "{}").await.has_status(201);
    }
    service.get("/collections").await.is(200, "{\"collections\":[\"B\",\"a\",\"b\",\"\u{2603}\"]}");
    service.delete("/records/B/3").await.has_status(200);
    service.get("/collections").await.is(200, "{\"collections\":[\"a\",\"b\",\"\u{2603}\"]}");
}

#[tokio::test]
async fn stats_count_documents_and_collections() {
    let service = Service::new();
    service.assert_empty("nothing was written").await;
    for collection in ["users", "test", "users"] {
        service.post(&format!("/records/{collection}"), "{}").await.has_status(201);
    }
    service
        .get("/stats")
        .await
        .is(200, r#"{"total_records":3,"collections":2,"collection_names":["test","users"]}"#);
}

#[tokio::test]
async fn a_listing_is_a_bare_array_by_id() {
    let service = Service::new();
    service.get("/records/nothing").await.is(200, "[]");
    for n in 1..=11 {
        service.post("/records/test", format!(r#"{{"n":{n}}}"#)).await.has_status(201);
    }
    let all = service.get("/records/test").await;
    all.has_status(200);
    assert!(all.text.starts_with(r#"[{"n":1,"id":1},{"n":2,"id":2},"#), "{}", all.text);
    assert!(all.text.ends_with(r#",{"n":10,"id":10},{"n":11,"id":11}]"#), "{}", all.text);
    assert_eq!(all.header("content-type"), Some("application/json"));
    assert_eq!(all.announced, Some(all.text.len() as u64));
}

#[tokio::test]
async fn create_answers_the_fields_then_the_id() {
    let service = Service::new();
    let made =
        service.post("/records/test", r#"{ "name" : "item1", "id": 99, "a": {"id": 7} }"#).await;
    made.is(201, r#"{"name":"item1","a":{"id":7},"id":1}"#);
    assert_eq!(made.header("content-type"), Some("application/json"));
    assert_eq!(made.header("location"), Some("/records/test/1"));
    assert_eq!(made.header("last-modified"), Some("Fri, 20 Nov 2026 14:09:00 GMT"));
    assert!(made.etag().starts_with('"') && made.etag().ends_with('"'));
    service.post("/records/test", "{}").await.is(201, r#"{"id":2}"#);
}

#[tokio::test]
async fn ids_come_from_one_counter() {
    let service = Service::new();
    service.post("/records/test", "{}").await.is(201, r#"{"id":1}"#);
    service.post("/records/users", "{}").await.is(201, r#"{"id":2}"#);
}

#[tokio::test]
async fn ids_are_never_used_again() {
    let service = Service::new();
    service.post("/records/test", "{}").await.is(201, r#"{"id":1}"#);
    service.delete("/records/test/1").await.has_status(200);
    service.post("/records/test", "{}").await.is(201, r#"{"id":2}"#);
}

#[tokio::test]
async fn a_document_is_read_by_its_id() {
    let service = Service::new();
    let made = service.post("/records/test", r#"{"name":"item1"}"#).await;
    let read = service.get("/records/test/1").await;
    read.is(200, r#"{"name":"item1","id":1}"#);
    assert_eq!(read.etag(), made.etag());
    assert_eq!(read.header("last-modified"), made.header("last-modified"));
    for missing in ["/records/test/2", "/records/users/1", "/records/test/abc"] {
        service.get(missing).await.is_problem(404, "record_not_found").contains(NOT_FOUND);
    }
}

#[tokio::test]
async fn put_replaces_the_whole_document() {
    let service = Service::new();
    let made = service.post("/records/test", r#"{"name":"item1","price":5}"#).await;
    let put = service.put("/records/test/1", r#"{"price":6,"id":77}"#).await;
    put.is(200, r#"{"price":6,"id":1}"#);
    assert_ne!(put.etag(), made.etag());
    service.get("/records/test/1").await.is(200, r#"{"price":6,"id":1}"#);
    service
        .put("/records/test/2", "{}")
        .await
        .is_problem(404, "record_not_found")
        .contains(NOT_FOUND);
    service.put("/records/other/1", "{}").await.is_problem(404, "record_not_found");
    service.get("/stats").await.contains(r#""total_records":1"#);
}

#[tokio::test]
async fn delete_says_so_once() {
    let service = Service::new();
    service.post("/records/test", "{}").await.has_status(201);
    service.delete("/records/other/1").await.is_problem(404, "record_not_found");
    service.delete("/records/test/1").await.is(200, r#"{"message":"Record deleted"}"#);
    service.delete("/records/test/1").await.is_problem(404, "record_not_found").contains(NOT_FOUND);
    service.get("/records/test").await.is(200, "[]");
    service.assert_empty("it was deleted").await;
}

#[tokio::test]
async fn the_calls_of_the_published_client_work() {
    let service = Service::new();
    let user = r#"{"id":"user-1","name":"Ann","email":"ann@example.com","created_at":"2026-11-20T14:09:00"}"#;
    service
        .post("/records/users", user)
        .await
        .is(
            201,
            r#"{"name":"Ann","email":"ann@example.com","created_at":"2026-11-20T14:09:00","id":1}"#,
        )
        .lacks("user-1");
    assert_eq!(service.get("/records/users").await.json().as_array().unwrap().len(), 1);
    service.get("/records/users/1").await.has_status(200);
    service.delete("/records/users/1").await.has_status(200);
}

#[tokio::test]
async fn collection_names_are_decoded_segments() {
    let service = Service::new();
    service.post("/records/with%20space", r#"{"a":1}"#).await.has_status(201);
    service.post("/records/%E2%98%83", r#"{"a":2}"#).await.has_status(201);
    service.get("/records/with%20space").await.is(200, r#"[{"a":1,"id":1}]"#);
    service.get("/records/%e2%98%83").await.is(200, r#"[{"a":2,"id":2}]"#);
    service.get("/collections").await.is(200, "{\"collections\":[\"with space\",\"\u{2603}\"]}");
    // Split before it is decoded: one segment, which no collection can be named.
    service.get("/records/a%2Fb").await.is_problem(422, "invalid_collection_name");
    service.get("/records/").await.has_status(404);
}

#[tokio::test]
async fn a_last_slash_is_redirected() {
    let service = Service::new();
    let moved = service.get("/records/test/?limit=5").await;
    moved.is(307, "");
    assert_eq!(moved.header("location"), Some("/records/test?limit=5"));
}

#[tokio::test]
async fn other_methods_are_refused_with_the_allowed_ones() {
    let service = Service::new();
    let refused = service.put("/records/test", "{}").await;
    refused.is_problem(405, "method_not_allowed");
    let allowed = refused.header("allow").unwrap();
    for method in ["GET", "HEAD", "POST", "DELETE"] {
        assert!(allowed.contains(method), "{allowed}");
    }
    assert!(!allowed.contains("PUT"), "{allowed}");
}

#[tokio::test]
async fn head_answers_as_get_without_a_body() {
    let service = Service::new();
    service.post("/records/test", r#"{"name":"item1"}"#).await.has_status(201);
    for (target, status) in
        [("/records/test/1", 200), ("/records/test", 200), ("/records/test/2", 404)]
    {
        let get = service.get(target).await;
        let head = service.send(Ask::new(Method::HEAD, target)).await;
        head.is(status, "");
        assert_eq!(head.header("etag"), get.header("etag"), "{target}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{target}");
    }
}
