//! Coming back after the stream was lost.

use isobase_server::LiveOptions;
use serde_json::json;

use super::support::{Event, ask, listen, listen_after, service, settings};
use crate::records::support::Service;

async fn write(service: &Service, count: usize) {
    for _ in 0..count {
        service.post("/records/items", "{}").await.has_status(201);
    }
}

async fn ids(stream: &mut super::support::Listening, count: usize) -> Vec<u64> {
    let mut ids = Vec::new();
    for _ in 0..count {
        let event = stream.next().await;
        assert_eq!(event.name, "item_created");
        ids.push(event.json()["id"].as_u64().unwrap());
    }
    ids
}

#[tokio::test]
async fn nothing_is_lost_or_told_twice() {
    let service = service(LiveOptions::default());
    let mut stream = listen(&service, "").await;
    write(&service, 60).await;
    let mut seen: Vec<Event> = Vec::new();
    for _ in 0..60 {
        seen.push(stream.next().await);
    }
    drop(stream);
    write(&service, 40).await;
    // From every place, while somebody else listens and while no one does.
    let other = listen(&service, "").await;
    for (number, event) in seen.iter().enumerate().step_by(7) {
        let mut stream = listen_after(&service, "", Some(&event.id)).await;
        let first = number as u64 + 2;
        let expected: Vec<u64> = (first..=100).collect();
        assert_eq!(ids(&mut stream, expected.len()).await, expected);
    }
    drop(other);
    let mut stream = listen_after(&service, "", Some(&seen[0].id)).await;
    write(&service, 1).await;
    assert_eq!(ids(&mut stream, 100).await, (2..=101).collect::<Vec<_>>());
    // `since` says the same, and the header comes before it.
    let mut stream = listen(&service, &format!("?since={}", seen[97 - 40].id)).await;
    assert_eq!(ids(&mut stream, 1).await, [59]);
    let query = format!("?since={}", seen[0].id);
    let mut stream = listen_after(&service, &query, Some(&seen[10].id)).await;
    assert_eq!(ids(&mut stream, 1).await, [12]);
}

#[tokio::test]
async fn the_greeting_does_not_pass_what_was_missed() {
    let service = service(LiveOptions::default());
    let greeting = ask(&service, "", None).await.next().await;
    write(&service, 2).await;
    let mut stream = ask(&service, "", Some(&greeting.id)).await;
    assert_eq!(stream.next().await, greeting);
    assert_eq!(ids(&mut stream, 2).await, [1, 2]);
}

#[tokio::test]
async fn another_node_goes_on() {
    let settings = settings(LiveOptions::default());
    let config = settings.config.clone();
    let one = Service::with(settings);
    let app = isobase_server::compose(one.store.clone(), Default::default(), config);
    let other = Service::of(app, one.store.clone());
    let mut stream = listen(&one, "").await;
    write(&one, 3).await;
    let last = stream.next().await;
    let mut stream = listen_after(&other, "", Some(&last.id)).await;
    write(&one, 1).await;
    assert_eq!(ids(&mut stream, 3).await, [2, 3, 4]);
}

#[tokio::test]
async fn no_id_or_an_empty_one_begins_now() {
    let service = service(LiveOptions::default());
    write(&service, 2).await;
    for id in [None, Some(""), Some(" ")] {
        let mut stream = listen_after(&service, "", id).await;
        let reply = service.post("/records/items", "{}").await.json();
        assert_eq!(stream.next().await.json()["id"], reply["id"]);
    }
}

#[tokio::test]
async fn a_place_that_is_none_is_refused() {
    let service = service(LiveOptions::default());
    write(&service, 2).await;
    let id = listen(&service, "").await;
    drop(id);
    let place = ask(&service, "", None).await.next().await.id;
    for (id, status, code) in [
        ("yesterday", 422, "invalid_header"),
        ("\u{e9}", 422, "invalid_header"),
        (&place[1..], 422, "invalid_header"),
    ] {
        let stream = ask(&service, "", Some(id)).await;
        assert_eq!(stream.status, status);
        let text = stream.rest().await;
        assert!(text.contains(code) && text.contains("last-event-id"), "{text}");
    }
    let other = super::support::service(LiveOptions::default());
    let stream = ask(&other, "", Some(&place)).await;
    assert_eq!(stream.status, 410);
    let text = stream.rest().await;
    assert!(text.contains("foreign_place") && text.contains("last-event-id"), "{text}");
}

#[tokio::test]
async fn a_past_that_is_gone_is_a_gap() {
    let mut settings = settings(LiveOptions::default());
    settings.memory.changes_max = 2;
    let service = Service::with(settings);
    let greeting = ask(&service, "", None).await.next().await;
    write(&service, 5).await;
    let mut stream = ask(&service, "?topics=posts,items", Some(&greeting.id)).await;
    // A client that loses the stream before it sees the gap comes to it again.
    assert_eq!(stream.next().await, greeting);
    let gap = stream.next().await;
    gap.is("gap", r#"{"topics":["posts","items"],"reason":"past_gone"}"#);
    write(&service, 1).await;
    assert_eq!(ids(&mut stream, 1).await, [6]);
    let mut stream = listen_after(&service, "", Some(&gap.id)).await;
    assert_eq!(ids(&mut stream, 1).await, [6]);
}

#[tokio::test]
async fn too_much_missed_is_a_gap() {
    let service = service(LiveOptions { replay_max: 40, ..LiveOptions::default() });
    let greeting = ask(&service, "", None).await.next().await;
    write(&service, 200).await;
    let mut stream = listen_after(&service, "?topics=items", Some(&greeting.id)).await;
    let mut told = 0;
    let gap = loop {
        let event = stream.next().await;
        if event.name == "gap" {
            break event;
        }
        told += 1;
        assert_eq!(event.json(), json!({ "id": told }));
    };
    assert!((40..100).contains(&told), "{told}");
    gap.is("gap", r#"{"topics":["items"],"reason":"too_far"}"#);
    write(&service, 1).await;
    assert_eq!(ids(&mut stream, 1).await, [201]);
}

/// A load gives the feed another history while somebody listens.
#[tokio::test]
async fn a_restore_is_a_gap_for_those_who_listen() {
    let service = service(LiveOptions::default());
    write(&service, 3).await;
    let mut stream = listen(&service, "?topics=items").await;
    service.restored(3).await;
    service.put("/records/items/7?upsert=true", "{}").await.has_status(201);
    service.put("/records/items/8?upsert=true", "{}").await.has_status(201);
    let gap = stream.next().await;
    gap.is("gap", r#"{"topics":["items"],"reason":"past_gone"}"#);
    let mut other = listen_after(&service, "", Some(&gap.id)).await;
    service.put("/records/items/9?upsert=true", "{}").await.has_status(201);
    // What came before the gap was noticed may be told or not.
    while other.next().await.json()["id"] != 9 {}
    while stream.next().await.json()["id"] != 9 {}
}
