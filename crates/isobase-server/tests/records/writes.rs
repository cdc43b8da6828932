//! Replacing, creating under a string id, merging, deleting a collection.

use http::Method;

use super::support::{Ask, Service};

#[tokio::test]
async fn upsert_creates_then_replaces() {
    let service = Service::new();
    let created = service.put("/records/c/a%20b?upsert=true", r#"{"n":1}"#).await;
    created.is(201, r#"{"n":1,"id":"a b"}"#);
    assert_eq!(created.header("location"), Some("/records/c/a%20b"));
    let replaced = service.put("/records/c/a%20b?upsert=true", r#"{"n":2}"#).await;
    replaced.is(200, r#"{"n":2,"id":"a b"}"#);
    assert_eq!(replaced.header("location"), None);
    service.get("/records/c/a%20b").await.is(200, r#"{"n":2,"id":"a b"}"#);
    service.get("/records/c").await.is(200, r#"[{"n":2,"id":"a b"}]"#);
}

#[tokio::test]
async fn put_without_a_document_creates_only_when_asked() {
    let service = Service::new();
    service.put("/records/c/a", "{}").await.is_problem(404, "record_not_found");
    service.put("/records/c/a?upsert=false", "{}").await.is_problem(404, "record_not_found");
    service.assert_empty("nothing asked to create").await;
}

#[tokio::test]
async fn integer_ids_can_be_chosen() {
    let service = Service::new();
    service.put("/records/c/7?upsert=true", "{}").await.is(201, r#"{"id":7}"#);
    service.post("/records/c", "{}").await.is(201, r#"{"id":8}"#);
    let ask = Ask::new(Method::PUT, "/records/c/9").header("if-none-match", "*").json("{}");
    service.send(ask).await.is(201, r#"{"id":9}"#);
    // What looks like an integer and is not one in canonical form is a string.
    for id in ["007", "+7", "-7", "7.0", "9223372036854775808"] {
        service.put(&format!("/records/c/{id}?upsert=true"), "{}").await.has_status(201);
        service.get(&format!("/records/c/{id}")).await.is(200, &format!(r#"{{"id":"{id}"}}"#));
    }
    service.get("/records/c/9223372036854775807").await.is_problem(404, "record_not_found");
}

#[tokio::test]
async fn create_only_refuses_what_exists() {
    let service = Service::new();
    let create = || Ask::new(Method::PUT, "/records/c/a").header("if-none-match", "*").json("{}");
    service.send(create()).await.is(201, r#"{"id":"a"}"#);
    service.send(create()).await.is_problem(412, "already_exists");
    let upsert = Ask::new(Method::PUT, "/records/c/a?upsert=true").header("if-none-match", "*");
    service.send(upsert.json(r#"{"n":1}"#)).await.is_problem(412, "already_exists");
    service.get("/records/c/a").await.is(200, r#"{"id":"a"}"#);
}

#[tokio::test]
async fn patch_merges_as_rfc_7396_says() {
    let service = Service::new();
    service
        .put(
            "/records/c/a?upsert=true",
            r#"{"title":"Hello","author":{"given":"J","family":"D"},"tags":["x","y"],"n":1.0}"#,
        )
        .await
        .has_status(201);
    let patch = r#"{"title":"Bye","author":{"family":null},"tags":["z"],"new":{"a":null},"id":9}"#;
    let ask = Ask::new(Method::PATCH, "/records/c/a")
        .header("content-type", "application/merge-patch+json")
        .body(patch);
    let merged = r#"{"title":"Bye","author":{"given":"J"},"tags":["z"],"n":1.0,"new":{},"id":"a"}"#;
    let patched = service.send(ask).await;
    patched.is(200, merged);
    let read = service.get("/records/c/a").await;
    read.is(200, merged);
    assert_eq!(read.etag(), patched.etag());
    service.patch("/records/c/b", "{}").await.is_problem(404, "record_not_found");
    service.patch("/records/c/a", "[]").await.is_problem(422, "not_an_object");
}

#[tokio::test]
async fn deleting_a_collection_asks_for_its_name() {
    let service = Service::new();
    for _ in 0..3 {
        service.post("/records/my%20orders", "{}").await.has_status(201);
    }
    service.post("/records/other", "{}").await.has_status(201);
    for target in [
        "/records/my%20orders",
        "/records/my%20orders?confirm=",
        "/records/my%20orders?confirm=other",
        "/records/my%20orders?confirm=true",
    ] {
        let refused = service.delete(target).await;
        refused
            .is_problem(422, "confirmation_required")
            .contains("'confirm'")
            .contains("my orders");
        assert_eq!(refused.blamed(), ["confirm"]);
    }
    service.get("/stats").await.contains(r#""total_records":4"#);
    service
        .delete("/records/my%20orders?confirm=my+orders")
        .await
        .is(200, r#"{"message":"Collection deleted","deleted":3}"#);
    service.get("/collections").await.is(200, r#"{"collections":["other"]}"#);
    service
        .delete("/records/my%20orders?confirm=my%20orders")
        .await
        .is(200, r#"{"message":"Collection deleted","deleted":0}"#);
}

#[tokio::test]
async fn parameters_nobody_knows_are_refused() {
    let service = Service::new();
    let made = service.post("/records/c", "{}").await;
    for (method, target, name) in [
        (Method::POST, "/records/c?upsert=true", "upsert"),
        (Method::GET, "/records/c/1?upsert=true", "upsert"),
        (Method::PUT, "/records/c/1?if_match=1", "if_match"),
        (Method::PUT, "/records/c/1?upsert=yes", "upsert"),
        (Method::PUT, "/records/c/x?upsert=true&upsert=true", "upsert"),
        (Method::PATCH, "/records/c/1?meta=true", "meta"),
        (Method::DELETE, "/records/c/1?confirm=c", "confirm"),
        (Method::GET, "/collections?limit=1", "limit"),
        (Method::GET, "/stats?x=%ff", "x"),
    ] {
        let refused = service.send(Ask::new(method, target).json(r#"{"n":1}"#)).await;
        refused.is_problem(422, "invalid_parameter");
        assert!(refused.blamed().contains(&name.to_owned()), "{target}: {}", refused.text);
    }
    let read = service.get("/records/c").await;
    read.is(200, r#"[{"id":1}]"#);
    assert_eq!(service.get("/records/c/1").await.etag(), made.etag());
}

/// What the document declares as a default is taken.
#[tokio::test]
async fn a_declared_default_may_be_sent() {
    let service = Service::new();
    service.post("/records/c?atomic=false", "{}").await.has_status(201);
    service.post("/records/c?atomic=maybe", "{}").await.is_problem(422, "invalid_parameter");
    let batch = r#"{"operations":[{"method":"create","body":{},"upsert":false},{"method":"delete","id":1,"upsert":false}],"atomic":false}"#;
    let report = service.post("/records/c/batch", batch).await;
    report.has_status(200).contains(r#""status":201"#).contains(r#""kind":"deleted""#);
}

/// As in the document store: what document databases write beside the fields.
#[tokio::test]
async fn own_names_of_documents_are_their_id_and_revision() {
    let service = Service::new();
    let put = |body: &str| service.put("/records/c/a?upsert=true", body.as_bytes().to_vec());
    put(r#"{"_id":"a","n":1}"#).await.is(201, r#"{"n":1,"id":"a"}"#);
    put(r#"{"_id":"a","_rev":"1","n":2}"#).await.is(200, r#"{"n":2,"id":"a"}"#);
    put(r#"{"_rev":"1","n":3}"#).await.is_problem(412, "revision_conflict");
    let patched = service.patch("/records/c/a", r#"{"_rev":2,"m":null,"o":1}"#).await;
    patched.is(200, r#"{"n":2,"o":1,"id":"a"}"#);
    service.patch("/records/c/a", r#"{"_rev":"2"}"#).await.is_problem(412, "revision_conflict");
    let both = Ask::new(Method::PUT, "/records/c/a").header("if-match", "\"3\"");
    let refused = service.send(both.json(r#"{"_rev":"3"}"#)).await;
    assert_eq!(refused.is_problem(422, "invalid_body").blamed(), ["/_rev"]);

    for (body, blamed) in [(r#"{"_id":"x"}"#, "/_id"), (r#"{"_rev":"1"}"#, "/_rev")] {
        let refused = service.post("/records/c", body).await;
        assert_eq!(refused.is_problem(422, "invalid_body").blamed(), [blamed]);
    }
    put(r#"{"_id":"b"}"#).await.is_problem(422, "invalid_body");
    let lines = Ask::new(Method::POST, "/records/c").lines("{\"n\":1}\n{\"_id\":\"x\"}\n");
    service.send(lines).await.has_status(200).contains("\"created\":1,\"failed\":1");
    let operations = r#"{"operations":[{"method":"put","id":"a","body":{"_id":"a","_rev":"3","n":9}},
        {"method":"patch","id":"a","patch":{"_rev":"3"}}]}"#;
    let answer = service.post("/records/c/batch", operations).await;
    answer.has_status(200).contains("revision_conflict");
    let wrong = r#"{"operations":[{"method":"create","body":{"_id":"x"}}]}"#;
    service.post("/records/c/batch", wrong).await.is_problem(422, "invalid_batch");
    service.get("/records/c/a").await.is(200, r#"{"n":9,"id":"a"}"#);
    for (form, patch, blamed) in [
        ("application/json-patch+json", r#"[{"op":"add","path":"/_id","value":"x"}]"#, "/0/path"),
        ("application/vnd.isobase.update+json", r#"{"append":{"_rev":[1]}}"#, "/append/_rev"),
    ] {
        let ask = Ask::new(Method::PATCH, "/records/c/a").body(patch).header("content-type", form);
        let refused = service.send(ask).await;
        assert_eq!(refused.is_problem(422, "invalid_patch").blamed(), [blamed]);
    }
    let whole = r#"[{"op":"replace","path":"","value":{"_id":"x","_rev":"1","n":8}}]"#;
    let ask = Ask::new(Method::PATCH, "/records/c/a").body(whole);
    let ask = ask.header("content-type", "application/json-patch+json");
    service.send(ask).await.is(200, r#"{"n":8,"id":"a"}"#);
    service.get("/stats").await.contains("\"total_records\":2");
}
