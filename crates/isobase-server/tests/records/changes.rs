//! The change feed.

use std::time::Duration;

use isobase_store::Keep;
use isobase_types::CollectionName;
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
    let places: Vec<&str> =
        page["changes"].as_array().unwrap().iter().map(|c| c["place"].as_str().unwrap()).collect();
    assert_eq!(page["next"], *places.last().unwrap());
    // Each leads to what comes behind it.
    for (at, place) in places.iter().enumerate() {
        let rest = service.get(&format!("/changes?since={place}")).await;
        assert_eq!(told(&rest), told(&all)[at + 1..]);
    }
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
    let mut since = "0".to_owned();
    let mut seen = Vec::new();
    loop {
        let page = service.get(&format!("/changes?since={since}&limit=2")).await;
        seen.extend(told(&page));
        let page = page.json();
        since = page["next"].as_str().unwrap().to_owned();
        if page["more"] == false {
            break;
        }
    }
    assert_eq!(seen, told(&service.get("/changes").await));
    let end = service.get(&format!("/changes?since={since}")).await;
    end.is(200, &format!(r#"{{"changes":[],"next":"{since}","more":false}}"#));
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
    let oldest = message.rsplit(' ').next().unwrap();
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

#[tokio::test]
async fn bodies_are_shown_where_they_are_kept() {
    let service = Service::new();
    let keep = Keep { bodies: true, former: Vec::new() };
    service.store.keep(&CollectionName::new("c").unwrap(), keep);
    service.post("/records/c", r#"{"n":1.50}"#).await.has_status(201);
    service.patch("/records/c/1", r#"{"n":2}"#).await.has_status(200);
    service.delete("/records/c/1").await.has_status(200);
    service.post("/records/d", "{}").await.has_status(201);
    let with = service.get("/changes?include=body").await;
    with.contains(r#""body":{"n":1.50,"id":1}}"#).contains(r#""body":{"n":2,"id":1}}"#);
    let changes = with.json()["changes"].as_array().unwrap().clone();
    let omitted: Vec<_> = changes.iter().map(|change| change.get("body_omitted")).collect();
    assert_eq!(omitted, [None, None, None, Some(&json!(true))]);
    assert!(changes[2].get("body").is_none());
    service.get("/changes").await.lacks("body");
    service.get("/changes?include=all").await.is_problem(422, "invalid_parameter");
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
    page.has_status(200).contains(r#"{"changes":[],"next":"A"#);
    assert_eq!(begun.elapsed(), Duration::from_secs(5));
}

/// Anyone who waits costs the database nothing, until something happens in what they wait for.
#[tokio::test(start_paused = true)]
async fn waiting_reads_nothing() {
    const WAITERS: u32 = 10_000;
    let service = Service::new();
    let waits: Vec<_> = (0..WAITERS)
        .map(|_| {
            let service = service.clone();
            tokio::spawn(async move { service.get("/records/c/changes?wait=20").await })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(service.feed_reads(), WAITERS);
    tokio::time::sleep(Duration::from_secs(15)).await;
    service.post("/records/other", "{}").await.has_status(201);
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(service.feed_reads(), WAITERS);
    service.post("/records/c", "{}").await.has_status(201);
    for wait in waits {
        assert_eq!(told(&wait.await.unwrap()), [entry("created", "c", json!(2))]);
    }
    assert_eq!(service.feed_reads(), 2 * WAITERS);
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

/// A consumer that waits across a restore is told so, and never skips what it has not seen.
#[tokio::test]
async fn a_place_of_another_history_is_gone() {
    let service = Service::new();
    for _ in 0..5 {
        service.post("/records/c", "{}").await.has_status(201);
    }
    let page = service.get("/changes?since=now").await.json();
    let place = page["next"].as_str().unwrap();
    let listing = service.get("/records/c?limit=1").await.json();
    let cursor = listing["next"].as_str().unwrap();

    // Elsewhere three writes are restored, and three come after them.
    let other = Service::new();
    other.restored(3).await;
    for _ in 0..3 {
        other.post("/records/c", "{}").await.has_status(201);
    }
    for since in [place, "5", "1"] {
        let gone = other.get(&format!("/records/c/changes?since={since}")).await;
        gone.is_problem(410, "foreign_place");
        assert_eq!(gone.blamed(), ["since"]);
    }
    other
        .get(&format!("/records/c?limit=1&cursor={cursor}"))
        .await
        .is_problem(410, "foreign_place");
    other.get("/changes?since=0").await.is_problem(410, "changes_gone");
    let now = other.get("/changes?since=now").await.json();
    other.post("/records/c", "{}").await.has_status(201);
    let next = now["next"].as_str().unwrap();
    assert_eq!(told(&other.get(&format!("/changes?since={next}")).await).len(), 1);
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

#[tokio::test]
async fn a_page_that_ends_with_the_last_change_of_its_collection_says_so() {
    let service = Service::new();
    service.post("/records/b", "{}").await;
    service.post("/records/a", "{}").await;
    let page = service.get("/records/b/changes?since=0&limit=1").await.json();
    assert_eq!(page["changes"].as_array().unwrap().len(), 1);
    assert_eq!(page["more"], false);
    let next = format!("/records/b/changes?since={}", page["next"].as_str().unwrap());
    assert_eq!(service.get(&next).await.json()["changes"], json!([]));
}

#[tokio::test]
async fn what_happened_to_one_document_is_told_alone() {
    let service = Service::new();
    let kept = Keep { bodies: true, ..Keep::default() };
    service.store.keep(&CollectionName::new("a").unwrap(), kept);
    for n in 0..3 {
        service.put("/records/a/x?upsert=true", format!(r#"{{"n":{n}}}"#)).await;
        service.put("/records/a/y?upsert=true", "{}").await;
        service.put("/records/b/x?upsert=true", "{}").await;
    }
    service.delete("/records/a/x").await.has_status(200);
    let page = service.get("/records/a/changes?id=x&include=body").await.json();
    let bodies: Vec<&Value> =
        page["changes"].as_array().unwrap().iter().map(|it| &it["body"]["n"]).collect();
    assert_eq!(bodies, [&json!(0), &json!(1), &json!(2), &Value::Null]);
    assert_eq!((&page["changes"][3]["kind"], &page["more"]), (&json!("deleted"), &json!(false)));
    // A page that is full goes on behind its last entry.
    let first = service.get("/records/a/changes?id=x&limit=3").await;
    assert_eq!((told(&first).len(), &first.json()["more"]), (3, &json!(true)));
    assert!(first.json()["changes"][0].get("body").is_none());
    let next = first.json()["next"].as_str().unwrap().to_owned();
    let rest = service.get(&format!("/records/a/changes?id=x&since={next}")).await;
    assert_eq!(told(&rest), [entry("deleted", "a", json!("x"))]);
    // Nothing of another one; the collection as a whole concerns each.
    assert!(told(&service.get("/records/a/changes?id=z").await).is_empty());
    service.delete("/records/a?confirm=a").await.has_status(200);
    let gone = service.get("/records/a/changes?id=z").await;
    assert_eq!(told(&gone), [entry("collection_deleted", "a", Value::Null)]);
    service.get("/changes?id=x").await.is_problem(422, "invalid_parameter");
    service.get("/records/a/changes?id=").await.is_problem(422, "invalid_parameter");
}
