//! The change feed.

use std::time::Duration;

use serde_json::{Value, json};

use super::support::{Reply, Service, Settings};

/// Kinds and ids of a page.
fn told(reply: &Reply) -> Vec<(String, String, Value)> {
    let page = reply.json();
    let changes = page["changes"].as_array().unwrap();
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    changes
        .iter()
        .map(|change| (text(&change["kind"]), text(&change["collection"]), change["id"].clone()))
        .collect()
}

fn entry(kind: &str, collection: &str, id: Value) -> (String, String, Value) {
    (kind.to_owned(), collection.to_owned(), id)
}

async fn written() -> Service {
    let service = Service::new();
    let made = service.post("/records/a", "{}").await;
    service.put("/records/b/x?upsert=true", "{}").await.has_status(201);
    service.patch("/records/a/1", r#"{"n":1}"#).await.has_status(200);
    service.delete("/records/a/1").await.has_status(200);
    service.put("/records/a/2", "{}").await.has_status(404);
    service.delete("/records/b?confirm=b").await.has_status(200);
    assert!(!made.etag().is_empty());
    service
}

#[tokio::test]
async fn writes_are_told_in_their_order() {
    let service = written().await;
    let all = service.get("/changes").await;
    all.has_status(200);
    assert_eq!(
        told(&all),
        [
            entry("created", "a", json!(1)),
            entry("created", "b", json!("x")),
            entry("updated", "a", json!(1)),
            entry("deleted", "a", json!(1)),
            entry("collection_deleted", "b", Value::Null),
        ]
    );
    let page = all.json();
    assert_eq!(page["more"], false);
    let first = &page["changes"][0];
    assert_eq!(first["at"], "2026-11-20T14:09:00.000000Z");
    assert!(first["revision"].is_string());
    assert_eq!(page["changes"][3]["revision"], Value::Null);
    let numbers: Vec<u64> = page["changes"]
        .as_array()
        .unwrap()
        .iter()
        .map(|c| c["sequence"].as_u64().unwrap())
        .collect();
    assert!(numbers.is_sorted_by(|a, b| a < b));
    assert_eq!(page["next"], *numbers.last().unwrap());
}

#[tokio::test]
async fn one_collection_is_told_alone() {
    let service = written().await;
    let a = service.get("/records/a/changes").await;
    assert_eq!(
        told(&a),
        [
            entry("created", "a", json!(1)),
            entry("updated", "a", json!(1)),
            entry("deleted", "a", json!(1)),
        ]
    );
    assert_eq!(told(&service.get("/records/nothing/changes").await), []);
}

#[tokio::test]
async fn pages_go_on_where_the_last_one_ended() {
    let service = written().await;
    let mut since = 0;
    let mut seen = Vec::new();
    loop {
        let page = service.get(&format!("/changes?since={since}&limit=2")).await;
        seen.extend(told(&page));
        let page = page.json();
        since = page["next"].as_u64().unwrap();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seen, told(&service.get("/changes").await));
    let end = service.get(&format!("/changes?since={since}")).await;
    end.is(200, &format!(r#"{{"changes":[],"next":{since},"more":false}}"#));
}

#[tokio::test]
async fn a_refused_batch_is_not_told() {
    let service = Service::new();
    let body = r#"{"operations":[{"method":"create","body":{}},{"method":"delete","id":"x"}]}"#;
    service.post("/records/c/batch?atomic=true", body).await.has_status(409);
    service.get("/changes").await.contains(r#"{"changes":[]"#);
}

#[tokio::test]
async fn the_past_that_is_gone_is_named() {
    let mut settings = Settings::default();
    settings.memory.changes_max = 2;
    let service = Service::with(settings);
    for _ in 0..5 {
        service.post("/records/c", "{}").await.has_status(201);
    }
    let gone = service.get("/changes?since=0").await;
    gone.is_problem(410, "changes_gone");
    assert_eq!(gone.blamed(), ["since"]);
    let message = gone.json()["errors"][0]["message"].as_str().unwrap().to_owned();
    let oldest: u64 = message.rsplit(' ').next().unwrap().parse().unwrap();
    let kept = service.get(&format!("/records/c/changes?since={oldest}")).await;
    assert_eq!(told(&kept).len(), 2);
}

#[tokio::test]
async fn wrong_places_are_refused() {
    let service = Service::new();
    for query in [
        "since=-1",
        "since=x",
        "since=9223372036854775808",
        "limit=0",
        "limit=1001",
        "wait=31",
        "wait=1.5",
        "from=1",
        "since=1&since=2",
    ] {
        service.get(&format!("/changes?{query}")).await.is_problem(422, "invalid_parameter");
        service
            .get(&format!("/records/c/changes?{query}"))
            .await
            .is_problem(422, "invalid_parameter");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_with_the_change() {
    let service = Service::new();
    let wait = service.get("/records/c/changes?wait=20");
    let write = async {
        tokio::time::sleep(Duration::from_secs(3)).await;
        // Another collection's change does not end the wait.
        service.post("/records/other", "{}").await.has_status(201);
        tokio::time::sleep(Duration::from_secs(3)).await;
        service.post("/records/c", "{}").await.has_status(201);
    };
    let begun = tokio::time::Instant::now();
    let (page, ()) = tokio::join!(wait, write);
    assert_eq!(told(&page), [entry("created", "c", json!(2))]);
    assert!(begun.elapsed() < Duration::from_secs(7));
}

#[tokio::test(start_paused = true)]
async fn a_wait_without_a_change_ends_empty() {
    let service = Service::new();
    let begun = tokio::time::Instant::now();
    let page = service.get("/changes?wait=5").await;
    page.is(200, r#"{"changes":[],"next":0,"more":false}"#);
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn a_wait_ends_when_the_service_stops() {
    let service = Service::new();
    let stop = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        service.app.shared().stopping().cancel();
    };
    let begun = tokio::time::Instant::now();
    let (page, ()) = tokio::join!(service.get("/changes?wait=20"), stop);
    page.has_status(200);
    assert!(begun.elapsed() < Duration::from_secs(2));
}

/// A reader ahead of the feed follows another database and would miss everything.
#[tokio::test]
async fn a_place_after_the_last_write_is_refused() {
    let service = Service::new();
    service.post("/records/c", "{}").await.has_status(201);
    service.get("/changes?since=1").await.has_status(200);
    service
        .get("/changes?since=2")
        .await
        .is_problem(422, "invalid_argument")
        .contains("which is 1");
}
