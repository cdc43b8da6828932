//! Collections with pages and words of their own, and collections of which little is declared.

use isobase_server::AppCollection;
use isobase_types::CollectionName;
use serde_json::json;

use super::support::{posts, service};

#[tokio::test]
async fn pages_are_numbered_where_a_size_is_declared() {
    let service = service(vec![posts()]);
    for number in 1..=45 {
        let body = json!({ "title": format!("post {number}"), "user_id": 1 });
        service.post("/api/posts", body.to_string()).await.has_status(200);
    }
    let page = async |query: &str| {
        let page = service.get(&format!("/api/posts?{query}")).await.has_status(200).json();
        let ids: Vec<_> = page["items"].as_array().unwrap().iter().map(|it| &it["id"]).collect();
        (json!([ids.first(), ids.len()]), json!([page["total"], page["page"], page["pages"]]))
    };
    assert_eq!(page("").await, (json!([1, 20]), json!([45, 1, 3])));
    assert_eq!(page("page=3&limit=20").await, (json!([41, 5]), json!([45, 3, 3])));
    assert_eq!(page("limit=44").await, (json!([1, 44]), json!([45, 1, 2])));
    assert_eq!(page("page=9").await, (json!([null, 0]), json!([45, 9, 3])));
    assert_eq!(page("sort=-id&limit=1").await, (json!([45, 1]), json!([45, 1, 45])));
    let first = service.get("/api/posts?page=1&limit=2&fields=title").await;
    let expected = r#"{"items":[{"id":1,"title":"post 1"},{"id":2,"title":"post 2"}],"total":45,"page":1,"pages":23}"#;
    first.is(200, expected);
}

#[tokio::test]
async fn own_words_are_checked_in_their_order() {
    let service = service(vec![posts()]);
    let long = "ä".repeat(201);
    for (body, detail) in [
        (json!({}), "Title is required"),
        (json!({ "title": "a" }), "user_id is required"),
        (json!({ "title": long }), "user_id is required"),
        (json!({ "title": long, "user_id": 1 }), "Title too long (max 200 characters)"),
    ] {
        let reply = service.post("/api/posts", body.to_string()).await;
        reply.has_status(400);
        assert_eq!(reply.json()["detail"], detail);
    }
    let fits = json!({ "title": "ä".repeat(200), "user_id": 1 });
    service.post("/api/posts", fits.to_string()).await.has_status(200);
    let reply = service.put("/api/posts/1", json!({ "title": long }).to_string()).await;
    assert_eq!(reply.json()["detail"], "Title too long (max 200 characters)");
    let missing = service.get("/api/posts/9").await;
    assert_eq!(missing.json()["detail"], "Post not found");
}

#[tokio::test]
async fn a_collection_without_a_schema_takes_any_object() {
    let name = |name: &str| AppCollection::new(CollectionName::new(name).unwrap());
    let service = service(vec![name("notes"), name("sessions")]);
    let created = service.post("/api/notes", r#"{"a":{"b":1.0},"id":5}"#).await;
    created.is(200, r#"{"id":1,"a":{"b":1.0}}"#);
    let changed = service.put("/api/notes/1", r#"{"a":[1],"c/~d":null}"#).await;
    changed.is(200, r#"{"id":1,"a":[1],"c/~d":null}"#);
    let page = service.get("/api/notes?limit=1").await;
    page.is(200, r#"{"items":[{"id":1,"a":[1],"c/~d":null}],"next":null}"#);
    // The name is taken: the route is that of accounts.
    service.get("/api/sessions").await.is_problem(401, "sign_in_required");
    service.get("/api/others").await.is_problem(404, "route_not_found");
}

#[tokio::test]
async fn a_long_listing_is_one_array() {
    let service = service(vec![AppCollection::new(CollectionName::new("notes").unwrap())]);
    let line = "{\"a\":1}\n";
    let load = crate::records::support::Ask::new(http::Method::POST, "/records/notes");
    service.send(load.lines(line.repeat(2_500))).await.has_status(200);
    let listed = service.get("/api/notes").await;
    assert_eq!((listed.announced, listed.broken), (None, false));
    let rows = listed.json();
    assert_eq!(rows.as_array().unwrap().len(), 2_500);
    assert_eq!(rows[2_499], json!({ "id": 2_500, "a": 1 }));
    service.get("/api/notes?a=2").await.is(200, "[]");
}

#[tokio::test]
async fn a_row_can_be_sent_back_and_null_takes_a_field_away() {
    let service = service(vec![posts()]);
    let path = "/api/posts";
    let created = service.post(path, r#"{"title":"a","user_id":1,"slug":null}"#).await;
    let row = r#"{"id":1,"title":"a","user_id":1,"content":null,"slug":null}"#;
    created.is(200, row);
    let one = "/api/posts/1";
    service.put(one, row).await.is(200, row);
    service.get("/records/posts/1").await.lacks("slug");
    service.patch(one, r#"{"slug":"b"}"#).await.contains(r#""slug":"b""#);
    service.patch(one, r#"{"slug":null}"#).await.is(200, row);
    service.get("/records/posts/1").await.lacks("slug");
    let batch = r#"{"operations":[{"method":"patch","id":1,"patch":{"slug":"c"}},
        {"method":"patch","id":1,"patch":{"slug":null}}]}"#;
    service.post("/api/posts/batch", batch).await.has_status(200);
    service.get(one).await.is(200, row);
    service.patch(one, r#"{"title":null}"#).await.is_problem(422, "schema_violation");
    service.get(one).await.is(200, row);
}
