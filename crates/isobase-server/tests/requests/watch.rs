//! The log as it grows, as a stream of events.

use std::sync::Arc;

use isobase_auth::{Authorizer, KeyStore, Scope};
use isobase_server::{ServerConfig, compose};
use serde_json::{Value, json};

use super::{LOG, post, report};
use crate::{
    live::support::{Listening, open},
    records::support::Service,
};

async fn watch(service: &Service, query: &str, headers: &[(&str, &str)]) -> Listening {
    let mut listening = open(service, &format!("{LOG}/stream{query}"), headers).await;
    assert_eq!(listening.status, 200);
    assert_eq!(listening.headers["content-type"], "text/event-stream; charset=utf-8");
    assert_eq!(listening.next().await.name, "connected");
    listening
}

#[tokio::test]
async fn new_entries_are_told_as_the_list_shows_them() {
    let service = Service::new();
    post(&service, LOG, report("/before", 500)).await.has_status(200);
    let mut all = watch(&service, "", &[]).await;
    let mut failures = watch(&service, "?service=llm&class=5xx&q=/C", &[]).await;
    let mut body = report("/b", 200);
    body["request_body"] = json!({ "password": "hush-hush", "text": "a\nb" });
    let id = post(&service, LOG, body).await.json()["id"].as_i64().unwrap();
    post(&service, LOG, report("/c", 500)).await.has_status(200);
    let first = all.next().await;
    assert_eq!((first.name.as_str(), first.id.as_str()), ("request", &*id.to_string()));
    assert_eq!(first.json(), service.get(&format!("{LOG}/{id}")).await.json());
    assert!(!first.data.contains("hush"));
    assert_eq!(all.next().await.json()["endpoint"], "/c");
    let failure = failures.next().await;
    assert_eq!(failure.json()["endpoint"], "/c");
    // Anyone who comes back goes on where it was.
    drop(all);
    post(&service, LOG, report("/d", 200)).await.has_status(200);
    for (query, headers) in
        [("", &[("last-event-id", &*first.id)][..]), (&*format!("?since={id}"), &[])]
    {
        let mut back = watch(&service, query, headers).await;
        assert_eq!(back.next().await.json()["endpoint"], "/c");
        assert_eq!(back.next().await.json()["endpoint"], "/d");
    }
    let path = format!("{LOG}/stream");
    service
        .get(&format!("{path}?class=9xx&since=x&odd=1"))
        .await
        .is_problem(422, "invalid_parameter");
    let wrong = open(&service, &path, &[("last-event-id", "x")]).await;
    assert_eq!(wrong.status, 422);
}

/// Time passes by itself while nothing else happens.
#[tokio::test(start_paused = true)]
async fn a_stream_is_kept_awake_and_ends_with_its_right() {
    let plain = Service::new();
    let keys = KeyStore::new(&plain.store);
    let reader = keys.create("reader", "requests:read".parse::<Scope>().unwrap().into());
    let reader = format!("Bearer {}", reader.await.unwrap().secret);
    let authorizer = Authorizer::with_keys(Some("internal-key"), KeyStore::new(&plain.store));
    let authorizer = Arc::new(authorizer.await.unwrap());
    let app = compose(plain.store.clone(), authorizer.clone(), ServerConfig::default());
    let service = Service::of(app, plain.store.clone());
    let path = format!("{LOG}/stream");
    assert_eq!(open(&service, &path, &[]).await.status, 401);
    let mut stream = watch(&service, "", &[("authorization", &reader)]).await;
    let ping = stream.next().await;
    assert_eq!((ping.name.as_str(), ping.json()), ("ping", Value::Object(Default::default())));
    keys.revoke("reader").await.unwrap();
    authorizer.refresh().await.unwrap();
    assert_eq!(stream.event().await, None);
}
