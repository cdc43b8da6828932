//! Who listens, for those who may do everything.

use isobase_server::LiveOptions;
use serde_json::{Value, json};

use super::support::{ask, listen, service};

async fn connections(service: &crate::records::support::Service) -> Vec<Value> {
    service.get("/api/v1/connections").await.json()["connections"].as_array().unwrap().clone()
}

#[tokio::test]
async fn open_streams_are_listed_with_what_they_were_sent() {
    let service = service(LiveOptions::default());
    assert!(connections(&service).await.is_empty());
    let mut first = listen(&service, "?topics=items&filter[items]=n%3D1").await;
    let second = listen(&service, "").await;
    service.post("/records/items", r#"{"n":1}"#).await.has_status(201);
    first.next().await;
    let listed = connections(&service).await;
    assert_eq!(listed.len(), 2);
    assert_eq!(listed[0]["topics"], json!(["items?n=1"]));
    assert_eq!((&listed[0]["kind"], &listed[0]["principal"]), (&json!("events"), &json!("open")));
    // `connected` and the event itself.
    assert_eq!(listed[0]["sent_events"], 2);
    assert!(listed[0]["sent_bytes"].as_u64().unwrap() > 50);
    assert_eq!((&listed[0]["waiting_events"], &listed[0]["lag_ms"]), (&json!(0), &json!(0)));
    assert_eq!(listed[1]["topics"], json!(["items", "posts"]));
    drop(second);
    assert_eq!(connections(&service).await.len(), 1);
}

#[tokio::test]
async fn a_slow_reader_shows_what_waits_for_it() {
    let service = service(LiveOptions::default());
    let mut slow = listen(&service, "?topics=items").await;
    let mut quick = listen(&service, "?topics=items").await;
    for _ in 0..3 {
        service.post("/records/items", "{}").await.has_status(201);
        quick.next().await;
    }
    // What one was told was put before the other one too.
    let listed = connections(&service).await;
    assert_eq!(
        (&listed[0]["waiting_events"], &listed[1]["waiting_events"]),
        (&json!(3), &json!(0))
    );
    for _ in 0..3 {
        slow.next().await;
    }
    assert_eq!(connections(&service).await[0]["waiting_events"], 0);
}

#[tokio::test]
async fn a_stream_is_cut_and_that_is_written_down() {
    let service = service(LiveOptions::default());
    let mut listening = listen(&service, "?topics=items").await;
    let id = connections(&service).await[0]["id"].clone();
    service.delete(&format!("/api/v1/connections/{id}")).await.has_status(200);
    assert!(listening.event().await.is_none());
    drop(listening);
    assert!(connections(&service).await.is_empty());
    service
        .delete(&format!("/api/v1/connections/{id}"))
        .await
        .is_problem(404, "connection_not_found");
    service.delete("/api/v1/connections/x").await.is_problem(404, "connection_not_found");
    let audit = service.get("/api/v1/audit").await.json();
    assert_eq!(audit["entries"].as_array().unwrap().len(), 1);
    assert_eq!(audit["entries"][0]["action"], "connection.cut");
    assert_eq!(audit["entries"][0]["before"]["topics"], json!(["items"]));
    // Who was cut may come back.
    assert_eq!(ask(&service, "?topics=items", None).await.status, 200);
}
