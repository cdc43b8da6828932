//! The to-do items of the specification.

use http::Method;

use super::support::{items, service};
use crate::records::support::{Ask, Service};

const ALL: &str = "/api/items";

async fn with_item() -> Service {
    let service = service(vec![items()]);
    service.post(ALL, r#"{"user_id":1,"name":"milk"}"#).await.has_status(200);
    service
}

#[tokio::test]
async fn an_item_is_created_changed_and_deleted() {
    let service = service(vec![items()]);
    let sent = r#"{"user_id":"2","name":7,"done":true,"created_at":"x","zebra":1,"id":9}"#;
    let created = service.post(ALL, sent).await;
    created.has_status(200).lacks("zebra");
    let row = created.json();
    assert_eq!((&row["id"], &row["user_id"]), (&1.into(), &2.into()));
    assert_eq!((&row["name"], &row["done"]), (&"7".into(), &0.into()));
    let at = row["created_at"].as_str().unwrap();
    assert!(at.len() == 19 && at.starts_with("20") && at.as_bytes()[10] == b' ', "{at}");
    assert!(created.text.starts_with(r#"{"id":1,"user_id":2,"name":"7","done":0,"created_at":"#));
    // By whichever way it comes, it has its time.
    service.post("/records/items", r#"{"user_id":2,"name":"r"}"#).await.has_status(201);
    let row = service.get("/api/items/2").await.json();
    assert_eq!(row["created_at"].as_str().map(str::len), Some(19), "{row}");
    service.delete("/api/items/2").await.has_status(200);
    let changed = service.put("/api/items/1", r#"{"done":1,"name":"","user_id":5}"#).await;
    changed.has_status(200).contains(r#""user_id":2,"name":"","done":1"#);
    service.get("/api/items/1").await.is(200, &changed.text);
    service.patch("/api/items/1", r#"{"done":"0"}"#).await.contains(r#""done":0"#);
    service.put("/api/items/1", r#"{"done":null}"#).await.contains(r#""done":null"#);
    service.delete("/api/items/1").await.is(200, r#"{"ok":true}"#);
    service.delete("/api/items/1").await.is_problem(404, "item_not_found");
    service.get("/api/items").await.is(200, "[]");
}

#[tokio::test]
async fn refusals_have_the_words_of_the_specification() {
    let service = with_item().await;
    let said = async |method: Method, path: &str, body: &str| {
        let reply = service.send(Ask::new(method, path).body(body)).await;
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        (reply.status.as_u16(), detail)
    };
    let required = (400, "user_id and name required".to_owned());
    for body in [
        "{}",
        r#"{"user_id":1}"#,
        r#"{"user_id":0,"name":"a"}"#,
        r#"{"user_id":1,"name":""}"#,
        r#"{"user_id":1,"name":null}"#,
    ] {
        assert_eq!(said(Method::POST, ALL, body).await, required, "{body}");
    }
    let nothing = (400, "No fields to update".to_owned());
    for path in ["/api/items/1", "/api/items/99"] {
        assert_eq!(said(Method::PUT, path, r#"{"user_id":3}"#).await, nothing, "{path}");
    }
    let missing = (404, "Item not found".to_owned());
    for (method, body) in
        [(Method::PUT, r#"{"name":"a"}"#), (Method::DELETE, ""), (Method::GET, "")]
    {
        for id in ["99", "9223372036854775808", "abc"] {
            let path = format!("/api/items/{id}");
            assert_eq!(said(method.clone(), &path, body).await, missing, "{method} {id}");
        }
    }
    for body in ["", "[]", "null", "7", "{", r#"{"name":"\ud800"}"#] {
        for (method, path) in [(Method::POST, ALL), (Method::PUT, "/api/items/1")] {
            assert_eq!(said(method, path, body).await.0, 422, "{body}");
        }
    }
    for body in [
        r#"{"user_id":"xx","name":"a"}"#,
        r#"{"user_id":1.5,"name":"a"}"#,
        r#"{"user_id":9223372036854775808,"name":"a"}"#,
        r#"{"user_id":1,"name":["a"]}"#,
        r#"{"user_id":1,"name":true}"#,
    ] {
        assert_eq!(said(Method::POST, ALL, body).await.0, 422, "{body}");
    }
    assert_eq!(said(Method::PUT, "/api/items/1", r#"{"name":null}"#).await.0, 422);
    service.get("/api/items/1").await.contains(r#""name":"milk""#);
}

#[tokio::test]
async fn a_listing_takes_the_filters_of_its_fields() {
    let service = service(vec![items()]);
    for (user, name) in [(1, "a"), (2, "b"), (1, "7")] {
        let body = format!(r#"{{"user_id":{user},"name":"{name}"}}"#);
        service.post(ALL, body).await.has_status(200);
    }
    service.put("/api/items/3", r#"{"done":true}"#).await.has_status(200);
    let ids = async |query: &str| {
        let reply = service.get(&format!("/api/items?{query}")).await;
        reply.has_status(200);
        let rows = reply.json();
        let rows = rows.as_array().unwrap().clone();
        let mut ids: Vec<_> = rows.iter().map(|row| row["id"].as_i64().unwrap()).collect();
        ids.sort_unstable();
        ids
    };
    assert_eq!(ids("user_id=1").await, [1, 3]);
    assert_eq!(ids("user_id=0").await, [1, 2, 3]);
    assert_eq!(ids("user_id=2&user_id=1").await, [1, 3]);
    assert_eq!(ids("user_id=abc&user_id=1").await, [1, 3]);
    assert_eq!(ids("user_id=%2B01.0").await, [1, 3]);
    assert_eq!(ids("user_id=0_1").await, [1, 3]);
    assert_eq!(ids("name=7").await, [3]);
    for done in ["done=1", "done=true", "done[in]=(1)", "done[ne]=0", "or=(done.eq.1)"] {
        assert_eq!(ids(done).await, [3], "{done}");
    }
    assert_eq!(ids("user_id[gt]=1").await, [2]);
    for query in [
        "user_id=abc",
        "user_id=",
        "user_id=1.5",
        "user_id=_1",
        "user_id=1__0",
        "user_id=99999999999999999999",
        "limit=0",
        "page=0",
        "limit=-1",
        "note=x",
        "sort=note",
        "or=(note.eq.x)",
    ] {
        let reply = service.get(&format!("/api/items?{query}")).await;
        reply.is_problem(422, "invalid_parameter");
    }
}

#[tokio::test]
async fn an_item_hides_what_is_only_written() {
    let service = service(vec![items()]);
    let created = service.post(ALL, r#"{"user_id":1,"name":"a","note":"secret"}"#).await;
    created.has_status(200).lacks("secret");
    for path in [ALL, "/api/items/1", "/api/items/1?fields=note", "/api/items?fields=note"] {
        service.get(path).await.has_status(200).lacks("secret");
    }
    service.get("/records/items/1").await.has_status(200);
}

#[tokio::test]
async fn a_revision_keeps_changes_apart() {
    let service = with_item().await;
    let read = service.get("/api/items/1").await;
    let tag = read.etag().to_owned();
    let put = |tag: &str| Ask::new(Method::PUT, "/api/items/1").header("if-match", tag);
    let changed = service.send(put(&tag).json(r#"{"name":"b"}"#)).await;
    changed.has_status(200);
    assert_ne!(changed.etag(), tag);
    service.send(put(&tag).json(r#"{"name":"c"}"#)).await.is_problem(412, "revision_conflict");
    let delete = Ask::new(Method::DELETE, "/api/items/1").header("if-match", tag.as_str());
    service.send(delete).await.is_problem(412, "revision_conflict");
    let known = Ask::new(Method::GET, "/api/items/1").header("if-none-match", changed.etag());
    service.send(known).await.is(304, "");
}

#[tokio::test]
async fn a_repeat_with_its_key_creates_nothing() {
    let service = service(vec![items()]);
    let ask = |name: &str| {
        let body = format!(r#"{{"user_id":1,"name":"{name}"}}"#);
        Ask::new(Method::POST, ALL).header("idempotency-key", "k").json(body)
    };
    let first = service.send(ask("a")).await;
    let again = service.send(ask("a")).await;
    again.is(200, &first.text);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    service.send(ask("b")).await.is_problem(422, "idempotency_mismatch");
    assert_eq!(service.get(ALL).await.json().as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_repeat_with_its_key_changes_nothing() {
    let service = with_item().await;
    let ask = |method, key: &str, body: &str| {
        Ask::new(method, "/api/items/1").header("idempotency-key", key).json(body)
    };
    let (put, patch) = (r#"{"name":"b"}"#, r#"{"name":"c"}"#);
    service.send(ask(Method::PUT, "a", put)).await.has_status(200);
    let changed = service.send(ask(Method::PATCH, "b", patch)).await;
    for (method, key, body) in [(Method::PUT, "a", put), (Method::PATCH, "b", patch)] {
        let again = service.send(ask(method, key, body)).await;
        again.is(200, &changed.text);
        assert_eq!(again.header("idempotency-replayed"), Some("true"));
        assert_eq!(again.etag(), changed.etag());
    }
    service.send(ask(Method::PUT, "a", patch)).await.is_problem(422, "idempotency_mismatch");
    for replayed in [None, Some("true")] {
        let deleted = service.send(ask(Method::DELETE, "d", "")).await;
        deleted.is(200, r#"{"ok":true}"#);
        assert_eq!(deleted.header("idempotency-replayed"), replayed);
    }
    service.send(ask(Method::PATCH, "b", patch)).await.has_status(404);
}

#[tokio::test]
async fn the_description_tells_of_the_declared_collections() {
    let service = service(vec![items()]);
    let document = service.get("/openapi.json").await.json();
    let create = &document["paths"]["/api/items"]["post"];
    let body = &create["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(body["required"], serde_json::json!(["user_id", "name"]));
    let row = &document["paths"]["/api/items/{id}"]["get"]["responses"]["200"]["content"];
    let properties = &row["application/json"]["schema"]["properties"];
    assert_eq!(properties["done"]["enum"], serde_json::json!([0, 1, null]));
    assert!(properties.get("note").is_none(), "{properties}");
}
