//! The service's own requests in its log.

use std::sync::Arc;

use isobase_auth::{Authorizer, KeyStore, Scope};
use isobase_server::{OwnRequestOptions, OwnRequests, ServerConfig, compose};
use serde_json::{Value, json};

use super::{LOG, post, report};
use crate::records::support::{Ask, Service, Settings};

fn service(which: OwnRequests, per_second_max: u32) -> Service {
    let own_requests = OwnRequestOptions { which, per_second_max };
    let config = ServerConfig { own_requests, ..ServerConfig::default() };
    Service::with(Settings { config, ..Settings::default() })
}

/// What is in the log when everything that waited is written.
async fn logged(service: &Service) -> Vec<Value> {
    service.app.shared().observer().unwrap().end().await;
    let listed = service.get(&format!("{LOG}?service=isobase&limit=200")).await.json();
    listed["requests"].as_array().unwrap().clone()
}

async fn metric(service: &Service, name: &str) -> u64 {
    let metrics = service.get("/metrics").await.text;
    let line = metrics.lines().find_map(|line| line.strip_prefix(&format!("isobase_{name} ")));
    line.unwrap().parse().unwrap()
}

#[tokio::test]
async fn own_requests_are_logged_without_what_may_be_secret() {
    let plain = Service::new();
    let keys = KeyStore::new(&plain.store);
    let key = keys.create("app", Scope::Admin.into()).await.unwrap();
    let own_requests = OwnRequestOptions { which: OwnRequests::All, ..Default::default() };
    let config = ServerConfig { own_requests, ..ServerConfig::default() };
    let authorizer = Authorizer::with_keys(None, KeyStore::new(&plain.store)).await.unwrap();
    let app = compose(plain.store.clone(), Arc::new(authorizer), config);
    let service = Service::of(app, plain.store.clone());
    let bearer = format!("Bearer {}", key.secret);
    let ask = async |method: http::Method, target: &str, body: Option<&str>| {
        let mut ask = Ask::new(method, target).header("authorization", bearer.as_str());
        ask = ask.header("x-request-id", "req-1");
        if let Some(body) = body {
            ask = ask.json(body);
        }
        service.send(ask).await
    };
    ask(http::Method::POST, "/records/orders", Some(r#"{"name":"body-secret"}"#))
        .await
        .has_status(201);
    ask(http::Method::GET, "/records/orders?token=query-secret", None).await;
    service.get("/records/orders").await.has_status(401);
    service.get("/nowhere").await.has_status(404);
    // Neither the log's own requests nor those of supervisors.
    ask(http::Method::POST, LOG, Some(&report("/x", 200).to_string())).await.has_status(200);
    ask(http::Method::GET, LOG, None).await.has_status(200);
    service.get("/health").await;
    service.app.shared().observer().unwrap().end().await;
    let listed = ask(http::Method::GET, &format!("{LOG}?service=isobase"), None).await;
    for secret in ["body-secret", "query-secret", key.secret.as_str()] {
        listed.lacks(secret);
    }
    let rows = listed.json()["requests"].as_array().unwrap().clone();
    let told: Vec<_> = rows
        .iter()
        .rev()
        .map(|row| {
            let status = row["status_code"].as_u64().unwrap();
            (row["method"].as_str().unwrap(), row["endpoint"].as_str().unwrap(), status)
        })
        .collect();
    assert_eq!(told[0], ("POST", "/records/orders", 201));
    assert_eq!((told[2], told[3]), (("GET", "/records/orders", 401), ("GET", "/nowhere", 404)));
    assert_eq!(told.len(), 4, "{told:?}");
    assert_eq!(rows[3]["correlation_id"], "req-1");
    assert_eq!(rows[3]["user_identifier"], json!(key.info.id));
    assert!(rows[3]["duration_ms"].is_number() && rows[1]["user_identifier"].is_null());
}

#[tokio::test]
async fn what_is_logged_is_bounded_and_counted() {
    let service = service(OwnRequests::Failed, 1);
    for _ in 0..20 {
        service.get("/records/orders").await;
        service.get("/nowhere").await;
    }
    let rows = logged(&service).await.len() as u64;
    // The clock may pass into a second or more while they are asked.
    assert!((1..20).contains(&rows), "{rows}");
    assert_eq!(metric(&service, "own_requests_logged_total").await, rows);
    assert_eq!(metric(&service, "own_requests_left_out_total").await, 20 - rows);
}

#[tokio::test]
async fn an_outage_loses_what_was_left_at_the_end_and_says_how_much() {
    let service = service(OwnRequests::All, 1_000);
    post(&service, LOG, report("/first", 200)).await.has_status(200);
    service.fail_after(0, 0);
    service.get("/nowhere").await;
    service.app.shared().observer().unwrap().end().await;
    assert_eq!(metric(&service, "own_requests_logged_total").await, 0);
    assert_eq!(metric(&service, "own_requests_dropped_total").await, 1);
    assert!(Service::new().app.shared().observer().is_none(), "off unless it is told");
}
