//! Streams of events end with the right to listen.

use std::{pin::Pin, time::Duration};

use http::{Method, Request};
use http_body_util::BodyExt;
use isobase_server::{Body, RequestBody};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::support::App;

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

async fn listen(app: &App, header: (&str, &str)) -> Pin<Box<Body>> {
    let request = Request::builder().uri("/api/events").header("host", "db:8002");
    let request = request.header(header.0, header.1).body(RequestBody::whole("")).unwrap();
    let response = app.service.handle(request).await;
    assert_eq!(response.status(), 200);
    let mut body = Box::pin(response.into_body());
    let greeting = timeout(PATIENCE, body.frame()).await.unwrap().unwrap().unwrap();
    assert!(greeting.into_data().unwrap().starts_with(b"event: connected"));
    body
}

async fn ends(mut body: Pin<Box<Body>>) {
    let next = timeout(PATIENCE, body.frame()).await.expect("the end in time");
    assert!(next.is_none_or(|frame| frame.is_err()), "nothing more is told");
}

#[tokio::test]
async fn a_stream_ends_with_its_session_or_its_key() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let other = app.login("ann", "secret").await;
    let cookie = listen(&app, ("cookie", &browser.cookie)).await;
    let internal = [("authorization", "Bearer internal-key")];
    let body = json!({ "name": "reader", "scopes": ["read"] }).to_string();
    let key = app.ask((Method::POST, "/api/v1/keys"), &internal, body).await.json();
    let bearer = format!("Bearer {}", key["key"].as_str().unwrap());
    let of_key = listen(&app, ("authorization", &bearer)).await;
    // That it is used changes nothing of it.
    app.service.gate().authorizer.note_used().await.unwrap();
    let accounts = app.service.gate().accounts.clone().unwrap();
    accounts.sessions().note_used().await.unwrap();
    assert_eq!(other.ask(Method::DELETE, "/api/sessions", Value::Null).await.status, 200);
    ends(cookie).await;
    let revoked = app.ask((Method::DELETE, "/api/v1/keys/reader"), &internal, "").await;
    assert_eq!(revoked.status, 200, "{}", revoked.text);
    ends(of_key).await;
}

#[tokio::test]
async fn a_stream_of_one_who_acts_as_another_ends_with_the_owner() {
    let app = App::new().await;
    app.owner().await;
    app.register("ann").await;
    let program = app.token("owner", "a long password").await;
    let other = app.login("owner", "a long password").await;
    let headers = [("authorization", program.as_str())];
    let target = "/api/v1/accounts/ann/impersonate";
    let begun = app.ask((Method::POST, target), &headers, "").await.json();
    let acting = format!("Bearer {}", begun["token"].as_str().unwrap());
    let stream = listen(&app, ("authorization", &acting)).await;
    // The owner signs out elsewhere.
    assert_eq!(other.ask(Method::DELETE, "/api/sessions", Value::Null).await.status, 200);
    ends(stream).await;
}
