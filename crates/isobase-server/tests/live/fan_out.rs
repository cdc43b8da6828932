//! Many who listen, slowly or not, and the end of it.

use std::time::Duration;

use isobase_server::LiveOptions;
use tokio::time::Instant;

use super::support::{Listening, ask, listen, listen_after, service};

/// However many listen: each change is read once.
#[tokio::test]
async fn a_change_is_read_once_for_all() {
    let service = service(LiveOptions::default());
    let mut streams: Vec<Listening> = Vec::new();
    for number in 0..500 {
        let query = format!("?filter[items]=n%5Blt%5D%3D{}", 100 + number % 3);
        streams.push(listen(&service, &query).await);
    }
    let before = service.feed_reads();
    for n in 0..10 {
        service.post("/records/items", format!("{{\"n\":{n}}}")).await.has_status(201);
        for stream in &mut streams {
            stream.next().await.is("item_created", &format!("{{\"n\":{n},\"id\":{}}}", n + 1));
        }
    }
    let reads = service.feed_reads() - before;
    assert!((1..=20).contains(&reads), "{reads}");
    // No one listens, no one reads.
    drop(streams);
    tokio::task::yield_now().await;
    let before = service.feed_reads();
    for _ in 0..10 {
        service.post("/records/items", "{}").await.has_status(201);
    }
    assert!(service.feed_reads() - before <= 1);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_pings() {
    let service = service(LiveOptions::default());
    let mut stream = ask(&service, "?topics=posts", None).await;
    let greeting = stream.next().await;
    let begun = Instant::now();
    let first = stream.next().await;
    first.is("ping", "{}");
    assert_eq!(begun.elapsed().as_secs(), 30);
    assert_eq!(first.id, greeting.id);
    tokio::time::sleep(Duration::from_secs(20)).await;
    service.post("/records/posts", "{}").await.has_status(201);
    stream.next().await.is("post_created", r#"{"id":1}"#);
    // What does not concern the listener moves its place on.
    service.post("/records/items", "{}").await.has_status(201);
    let ping = stream.next().await;
    assert_eq!(begun.elapsed().as_secs(), 80);
    ping.is("ping", "{}");
    let mut other = listen_after(&service, "", Some(&ping.id)).await;
    service.post("/records/items", "{}").await.has_status(201);
    other.next().await.is("item_created", r#"{"id":3}"#);
}

/// Who does not read costs a mailbox, and is told that something is missing.
#[tokio::test]
async fn the_slow_are_told_what_they_missed() {
    let service = service(LiveOptions { queue_events_max: 8, ..LiveOptions::default() });
    let mut slow = listen(&service, "?topics=items").await;
    let mut quick = listen(&service, "").await;
    for n in 1..=20 {
        service.post("/records/items", "{}").await.has_status(201);
        quick.next().await.is("item_created", &format!("{{\"id\":{n}}}"));
    }
    let gap = slow.next().await;
    gap.is("gap", r#"{"topics":["items"],"reason":"too_slow"}"#);
    service.post("/records/items", "{}").await.has_status(201);
    slow.next().await.is("item_created", r#"{"id":21}"#);
    // The gap's id is after what is missing.
    let mut again = listen_after(&service, "", Some(&gap.id)).await;
    again.next().await.is("item_created", r#"{"id":21}"#);
}

/// A client that comes back while much happens reads it all, though its mailbox is too small.
#[tokio::test]
async fn a_small_mailbox_does_not_lose_the_past() {
    let options = LiveOptions { queue_events_max: 4, ..LiveOptions::default() };
    let service = service(options);
    let greeting = ask(&service, "", None).await.next().await;
    let other = listen(&service, "").await;
    for _ in 0..30 {
        service.post("/records/items", "{}").await.has_status(201);
    }
    let mut stream = listen_after(&service, "", Some(&greeting.id)).await;
    for _ in 0..30 {
        service.post("/records/items", "{}").await.has_status(201);
        tokio::task::yield_now().await;
    }
    drop(other);
    for n in 1..=60 {
        stream.next().await.is("item_created", &format!("{{\"id\":{n}}}"));
    }
}

#[tokio::test]
async fn streams_end_when_the_service_stops() {
    let service = service(LiveOptions::default());
    let mut stream = listen(&service, "").await;
    service.app.shared().stopping().cancel();
    assert_eq!(stream.event().await, None);
    // No 503, after which browsers never come back.
    let refused = ask(&service, "", None).await;
    assert_eq!(
        (refused.status, &refused.headers["content-type"]),
        (200, &http::HeaderValue::from_static("text/event-stream; charset=utf-8"))
    );
    assert_eq!(refused.rest().await, "");
}

#[tokio::test]
async fn a_database_that_is_down_ends_the_stream() {
    let service = service(LiveOptions::default());
    service.fail_feed(true);
    let refused = ask(&service, "", None).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.rest().await, "");
    service.fail_feed(false);
    // One that is down for a while loses nothing.
    let mut stream = listen(&service, "").await;
    service.fail_feed(true);
    service.post("/records/items", "{}").await.has_status(201);
    tokio::task::yield_now().await;
    service.fail_feed(false);
    stream.next().await.is("item_created", r#"{"id":1}"#);
}
