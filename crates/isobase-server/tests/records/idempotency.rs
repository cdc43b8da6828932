//! `Idempotency-Key`: a repeat gives the first answer and writes nothing.

use http::Method;

use super::support::{Ask, Reply, Service};

fn ask(target: &str, key: &str, body: &str) -> Ask {
    Ask::new(Method::POST, target).header("idempotency-key", key).json(body)
}

/// The same answer, marked.
#[track_caller]
fn assert_replayed(first: &Reply, again: &Reply) {
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    for name in ["etag", "location", "last-modified", "content-type"] {
        assert_eq!(again.header(name), first.header(name), "{name}");
    }
    assert_eq!(first.header("idempotency-replayed"), None);
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn a_repeated_create_makes_one_document() {
    let service = Service::new();
    let first = service.send(ask("/records/c", "k1", r#"{"n":1.0,"id":4}"#)).await;
    first.is(201, r#"{"n":1.0,"id":1}"#);
    // The same document written otherwise is the same request.
    let again = service.send(ask("/records/c", "k1", r#" { "n" : 1.0 } "#)).await;
    assert_replayed(&first, &again);
    // Also after the document changed or went.
    service.put("/records/c/1", r#"{"n":2}"#).await.has_status(200);
    assert_replayed(&first, &service.send(ask("/records/c", "k1", r#"{"n":1.0}"#)).await);
    service.delete("/records/c/1").await.has_status(200);
    assert_replayed(&first, &service.send(ask("/records/c", "k1", r#"{"n":1.0}"#)).await);
    service.assert_empty("it was deleted").await;
}

#[tokio::test]
async fn a_repeated_write_of_one_document_changes_it_once() {
    let service = Service::new();
    let put = |key: &str| {
        let ask = Ask::new(Method::PUT, "/records/c/1?upsert=true").header("idempotency-key", key);
        ask.json(r#"{"n":1}"#)
    };
    let first = service.send(put("p")).await;
    first.is(201, r#"{"n":1,"id":1}"#);
    assert_replayed(&first, &service.send(put("p")).await);
    let increment = || {
        let ask = Ask::new(Method::PATCH, "/records/c/1").header("idempotency-key", "i");
        let ask = ask.header("content-type", "application/vnd.isobase.update+json");
        ask.body(r#"{"increment":{"n":1}}"#)
    };
    let second = service.send(increment()).await;
    second.is(200, r#"{"n":2,"id":1}"#);
    assert_replayed(&second, &service.send(increment()).await);
    // What the patch made of it is not kept: later the document is shown as it is then.
    let changed = service.patch("/records/c/1", r#"{"n":7}"#).await;
    let later = service.send(increment()).await;
    later.is(200, r#"{"n":7,"id":1}"#);
    assert_eq!(later.etag(), changed.etag());
    let delete = || Ask::new(Method::DELETE, "/records/c/1").header("idempotency-key", "d");
    let gone = service.send(delete()).await;
    gone.has_status(200);
    service.put("/records/c/1?upsert=true", "{}").await.has_status(201);
    assert_replayed(&gone, &service.send(delete()).await);
    service.get("/records/c/1").await.is(200, r#"{"id":1}"#);
    service.delete("/records/c/1").await.has_status(200);
    let missing = service.send(increment()).await;
    missing.is_problem(404, "record_not_found");
    assert_eq!(missing.header("idempotency-replayed"), Some("true"));
}

#[tokio::test]
async fn a_condition_is_part_of_a_write_and_of_its_repeat() {
    let service = Service::new();
    let made = service.put("/records/c/a?upsert=true", "{}").await;
    let patch = |name: &'static str, value: &str, key: &str| {
        let ask = Ask::new(Method::PATCH, "/records/c/a").header("idempotency-key", key);
        ask.header(name, value).json(r#"{"n":1}"#)
    };
    // The first write makes both conditions untrue.
    let tag = made.etag().to_owned();
    let first = service.send(patch("if-match", &tag, "a")).await;
    first.has_status(200);
    assert_replayed(&first, &service.send(patch("if-match", &tag, "a")).await);
    service.send(patch("if-match", "*", "a")).await.is_problem(422, "idempotency_mismatch");
    let past = "Mon, 01 Jan 2001 00:00:00 GMT";
    for replayed in [None, Some("true")] {
        let refused = service.send(patch("if-unmodified-since", past, "b")).await;
        refused.is_problem(412, "revision_conflict");
        assert_eq!(refused.header("idempotency-replayed"), replayed);
    }
    let elsewhere = Ask::new(Method::PATCH, "/records/c/b").header("idempotency-key", "a");
    let elsewhere = elsewhere.header("if-match", tag.as_str()).json(r#"{"n":1}"#);
    service.send(elsewhere).await.is_problem(422, "idempotency_mismatch");
}

#[tokio::test]
async fn a_key_belongs_to_one_request() {
    let service = Service::new();
    service.send(ask("/records/c", "k1", r#"{"n":1}"#)).await.has_status(201);
    let other = service.send(ask("/records/c", "k1", r#"{"n":2}"#)).await;
    other.is_problem(422, "idempotency_mismatch");
    let lines = Ask::new(Method::POST, "/records/c").header("idempotency-key", "k1");
    service.send(lines.lines(r#"{"n":1}"#)).await.is_problem(422, "idempotency_mismatch");
    service.get("/records/c").await.is(200, r#"[{"n":1,"id":1}]"#);
    // Another collection, another operation and another key are other requests.
    service.send(ask("/records/d", "k1", r#"{"n":1}"#)).await.is(201, r#"{"n":1,"id":2}"#);
    service.send(ask("/records/c", "k2", r#"{"n":1}"#)).await.is(201, r#"{"n":1,"id":3}"#);
    let batch = r#"{"operations":[{"method":"create","body":{"n":1}}]}"#;
    service.send(ask("/records/c/batch", "k1", batch)).await.has_status(200).contains("\"id\":4");
}

#[tokio::test]
async fn a_repeated_batch_is_carried_out_once() {
    let service = Service::new();
    let body = r#"{"operations":[{"method":"create","body":{}},{"method":"delete","id":"x"},
        {"method":"put","id":"a","body":{},"upsert":true},{"method":"patch","id":"a","patch":{"n":1}}]}"#;
    let first = service.send(ask("/records/c/batch", "k", body)).await;
    first.has_status(200);
    assert_replayed(&first, &service.send(ask("/records/c/batch", "k", body)).await);
    service.get("/stats").await.contains(r#""total_records":2"#);
    let atomic = service.send(ask("/records/c/batch?atomic=true", "k", body)).await;
    atomic.is_problem(422, "idempotency_mismatch");
}

#[tokio::test]
async fn a_refused_batch_stays_refused() {
    let service = Service::new();
    let body = r#"{"operations":[{"method":"create","body":{}},{"method":"delete","id":"x"}]}"#;
    let first = service.send(ask("/records/c/batch?atomic=true", "k", body)).await;
    first.is_problem(409, "batch_rejected");
    service.put("/records/c/x?upsert=true", "{}").await.has_status(201);
    let again = service.send(ask("/records/c/batch?atomic=true", "k", body)).await;
    again.is_problem(409, "batch_rejected");
    assert_eq!(again.header("idempotency-replayed"), Some("true"));
    assert_eq!(again.blamed(), first.blamed());
    service.get("/stats").await.contains(r#""total_records":1"#);
}

#[tokio::test]
async fn a_repeated_load_is_carried_out_once() {
    let service = Service::new();
    let lines = |key: &str| {
        let ask = Ask::new(Method::POST, "/records/c").header("idempotency-key", key);
        ask.lines("{\"n\":1}\nnope\n{\"n\":2}\n")
    };
    let first = service.send(lines("k")).await;
    first.has_status(200).contains(r#""created":2,"failed":1"#).contains(r#""line":2"#);
    assert_replayed(&first, &service.send(lines("k")).await);
    service.get("/stats").await.contains(r#""total_records":2"#);
}

#[tokio::test]
async fn a_refused_request_uses_no_key_up() {
    let service = Service::new();
    service.send(ask("/records/c", "k", "nope")).await.is_problem(422, "invalid_json");
    service.send(ask("/records/c", "k", "{}")).await.is(201, r#"{"id":1}"#);
}

#[tokio::test]
async fn racing_repeats_make_one_document() {
    let service = Service::new();
    let repeats = (0..20).map(|_| service.send(ask("/records/c", "k", "{}")));
    for reply in futures_util::future::join_all(repeats).await {
        reply.is(201, r#"{"id":1}"#);
    }
    service.get("/stats").await.contains(r#""total_records":1"#);
}

#[tokio::test]
async fn keys_are_visible_ascii() {
    let service = Service::new();
    service.send(ask("/records/c", &"k".repeat(255), "{}")).await.has_status(201);
    for key in ["", "a b", "\u{e9}", &"k".repeat(256)] {
        for target in ["/records/c", "/records/c/batch"] {
            let refused = service.send(ask(target, key, r#"{"operations":[]}"#)).await;
            refused.is_problem(422, "invalid_header");
            assert_eq!(refused.blamed(), ["idempotency-key"]);
        }
    }
    let twice = ask("/records/c", "a", "{}").header("idempotency-key", "a");
    service.send(twice).await.is_problem(422, "invalid_header");
    service.get("/stats").await.contains(r#""total_records":1"#);
}
