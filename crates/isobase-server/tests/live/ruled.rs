//! What rules let through.

use isobase_server::{Composition, HttpConfig, LiveOptions};
use isobase_store::{Rule, RuleAction, RuleBook, Rules, Schema, Unruled};
use isobase_types::CollectionName;

use super::support::{ask, listen, listen_after, settings};
use crate::records::support::Service;

fn name(text: &str) -> CollectionName {
    CollectionName::new(text).unwrap()
}

/// One service that writes what it likes, and one that listens under rules.
async fn ruled(items: &str) -> (Service, Service) {
    let writing = Service::new();
    let schema = r#"{"properties":{"secret":{"writeOnly":true}}}"#;
    let schema = Schema::parse(schema.as_bytes()).unwrap();
    writing.store.set_schema(&name("items"), &schema).await.unwrap();
    let rule = Rule::parse(RuleAction::List, items).unwrap();
    let rules = Rules::default().with(RuleAction::List, rule);
    let book = RuleBook::new(Unruled::Closed).with(name("items"), rules);
    let live = settings(LiveOptions::default()).config.live;
    let listening = Composition::default()
        .with_live(writing.store.clone(), book.into(), live)
        .build(Default::default(), HttpConfig::default())
        .unwrap();
    let store = writing.store.clone();
    (writing, Service::of(listening, store))
}

#[tokio::test]
async fn only_what_may_be_seen_is_told() {
    let (writing, listening) = ruled("public=true").await;
    let mut stream = ask(&listening, "?topics=items", None).await;
    let greeting = stream.next().await;
    writing.post("/records/items", r#"{"n":1,"public":false}"#).await.has_status(201);
    for patch in [r#"{"n":2}"#, r#"{"public":true}"#, r#"{"n":3}"#, r#"{"public":false}"#, "{}"] {
        writing.patch("/records/items/1", patch).await.has_status(200);
    }
    writing.patch("/records/items/1", r#"{"n":4}"#).await.has_status(200);
    writing.delete("/records/items/1").await.has_status(200);
    writing.post("/records/items", r#"{"public":true}"#).await.has_status(201);
    writing.delete("/records/items/2").await.has_status(200);
    let mut again = listen_after(&listening, "?topics=items", Some(&greeting.id)).await;
    for stream in [&mut stream, &mut again] {
        stream.next().await.is("item_created", r#"{"n":2,"public":true,"id":1}"#);
        stream.next().await.is("item_updated", r#"{"n":3,"public":true,"id":1}"#);
        stream.next().await.is("item_deleted", r#"{"id":1}"#);
        stream.next().await.is("item_created", r#"{"public":true,"id":2}"#);
        stream.next().await.is("item_deleted", r#"{"id":2}"#);
    }
}

#[tokio::test]
async fn hidden_fields_are_neither_told_nor_filtered_by() {
    let (writing, listening) = ruled("true").await;
    let mut stream = listen(&listening, "?topics=items").await;
    writing.post("/records/items", r#"{"secret":"x","n":1}"#).await.has_status(201);
    stream.next().await.is("item_created", r#"{"n":1,"id":1}"#);
    let filtered = listening.get("/api/events?filter[items]=secret%3Dx").await;
    assert!(filtered.status.is_client_error(), "{}", filtered.text);
}

#[tokio::test]
async fn a_topic_that_nobody_may_see_is_refused_or_left_out() {
    let (writing, listening) = ruled("@user").await;
    // `posts` is not declared, and open.
    let mut stream = listen(&listening, "").await;
    writing.post("/records/items", "{}").await.has_status(201);
    writing.delete("/records/items?confirm=items").await.has_status(200);
    writing.post("/records/posts", "{}").await.has_status(201);
    stream.next().await.is("post_created", r#"{"id":2}"#);
    let refused = listening.get("/api/events?topics=items").await;
    refused.is_problem(401, "unauthenticated");
}
