//! What is told of which change.

use isobase_server::LiveOptions;

use super::support::{ask, listen, service};

#[tokio::test]
async fn a_stream_begins_as_the_specification_says() {
    let service = service(LiveOptions::default());
    let mut stream = ask(&service, "", None).await;
    assert_eq!(stream.status, 200);
    for (name, value) in [
        ("content-type", "text/event-stream; charset=utf-8"),
        ("cache-control", "no-cache"),
        ("connection", "keep-alive"),
        ("x-accel-buffering", "no"),
    ] {
        assert_eq!(stream.headers[name], value);
    }
    assert!(!stream.headers.contains_key("content-encoding"));
    stream.next().await.is("connected", "{}");
}

#[tokio::test]
async fn rows_are_told_as_they_are_after_the_write() {
    let service = service(LiveOptions::default());
    let mut stream = listen(&service, "").await;
    service.post("/records/items", r#"{"name":"milk","n":1.50}"#).await.has_status(201);
    service.post("/records/other", "{}").await.has_status(201);
    service.patch("/records/items/1", "{\"name\":\"\u{2028}a\\nb\"}").await.has_status(200);
    service.post("/records/posts", "{}").await.has_status(201);
    service.delete("/records/items/1").await.has_status(200);
    service.put("/records/items/9", "{}").await.has_status(404);
    service.put("/records/items/k%20y?upsert=true", "{}").await.has_status(201);
    stream.next().await.is("item_created", r#"{"name":"milk","n":1.50,"id":1}"#);
    stream.next().await.is("item_updated", "{\"name\":\"\u{2028}a\\nb\",\"n\":1.50,\"id\":1}");
    stream.next().await.is("post_created", r#"{"id":3}"#);
    stream.next().await.is("item_deleted", r#"{"id":1}"#);
    stream.next().await.is("item_created", r#"{"id":"k y"}"#);
}

#[tokio::test]
async fn a_deleted_collection_leaves_a_gap() {
    let service = service(LiveOptions::default());
    let mut stream = listen(&service, "?topics=items").await;
    service.post("/records/items", "{}").await.has_status(201);
    service.delete("/records/items?confirm=items").await.has_status(200);
    stream.next().await.is("item_created", r#"{"id":1}"#);
    stream.next().await.is("gap", r#"{"topics":["items"],"reason":"collection_deleted"}"#);
}

#[tokio::test]
async fn topics_and_filters_choose() {
    let service = service(LiveOptions::default());
    let mut posts = listen(&service, "?topics=posts,posts").await;
    let mine = "?topics=items&filter[items]=user_id%3D1%26done%3D0";
    let mut mine = listen(&service, mine).await;
    let mut both = listen(&service, "?filter%5Bitems%5D=user_id%3D2").await;
    service.post("/records/items", r#"{"user_id":1,"done":0}"#).await.has_status(201);
    service.post("/records/items", r#"{"user_id":2,"done":0}"#).await.has_status(201);
    service.post("/records/posts", r#"{"user_id":2}"#).await.has_status(201);
    service.patch("/records/items/1", r#"{"done":1}"#).await.has_status(200);
    service.patch("/records/items/1", r#"{"done":0}"#).await.has_status(200);
    posts.next().await.is("post_created", r#"{"user_id":2,"id":3}"#);
    mine.next().await.is("item_created", r#"{"user_id":1,"done":0,"id":1}"#);
    // It does not meet the filter any more.
    mine.next().await.is("item_deleted", r#"{"id":1}"#);
    mine.next().await.is("item_updated", r#"{"user_id":1,"done":0,"id":1}"#);
    both.next().await.is("item_created", r#"{"user_id":2,"done":0,"id":2}"#);
    both.next().await.is("post_created", r#"{"user_id":2,"id":3}"#);
}

#[tokio::test]
async fn wrong_wishes_are_refused() {
    let service = service(LiveOptions::default());
    for query in [
        "topics=",
        "topics=items,other",
        "topics=isobase_sessions",
        "topics=items&topics=posts",
        "filter[posts]=a%3D1&topics=items",
        "filter[items]=a%5Bbetter%5D%3D1",
        "filter[items]=sort%3Da",
        "filter[items]=limit%3D5%26a%3D1",
        "filter=a",
        "since=yesterday",
        "topic=items",
    ] {
        let reply = service.get(&format!("/api/events?{query}")).await;
        reply.is_problem(422, "invalid_parameter");
    }
    let reply = service.get("/api/events?topics=other").await;
    reply.contains("expected some of items, posts");
}

/// What no one declared makes no events, and the stream is there all the same.
#[tokio::test]
async fn a_service_without_topics_only_greets() {
    let service = crate::records::support::Service::new();
    let mut stream = listen(&service, "").await;
    service.post("/records/items", "{}").await.has_status(201);
    service.app.shared().stopping().cancel();
    assert_eq!(stream.event().await, None);
    let reply = service.get("/api/events?topics=items").await;
    reply.is_problem(422, "invalid_parameter").contains("no collection makes events");
}
