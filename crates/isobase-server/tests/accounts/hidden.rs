//! Where nothing of accounts and sessions is ever shown.

use http::Method;
use serde_json::{Value, json};

use super::support::App;

#[tokio::test]
async fn no_face_shows_accounts_or_sessions() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    app.owner().await;
    let owner = app.login("owner", "a long password").await;
    let secrets = [
        "argon2".to_owned(),
        browser.cookie.rsplit('_').next().unwrap().to_owned(),
        "a long password".to_owned(),
        "address_key".to_owned(),
    ];
    let targets = [
        "/collections",
        "/stats",
        "/records/isobase_accounts",
        "/records/isobase_sessions",
        "/records/isobase_accounts/1",
        "/records/isobase_accounts/count",
        "/records/isobase_accounts?password[like]=%25",
        "/changes?since=0&include=body",
        "/changes?since=0&collection=isobase_accounts",
        "/collections/isobase_accounts/indexes",
        "/collections/isobase_accounts/schema",
        "/data-store/namespaces",
        "/metrics",
        "/openapi.json",
        "/api/me",
        "/api/sessions",
        "/api/v1/accounts",
        "/api/v1/accounts/ann",
    ];
    for target in targets {
        let reply = owner.get(target).await;
        for secret in &secrets {
            assert!(!reply.text.contains(secret), "{target} shows {secret}: {}", reply.text);
        }
    }
    let steal = json!({ "username": "eve", "password": "x" });
    for collection in ["isobase_accounts", "isobase_sessions", "isobase_keys"] {
        let target = format!("/records/{collection}");
        let reply = owner.ask(Method::POST, &target, steal.clone()).await;
        reply.is_problem(422, "invalid_collection_name");
        let reply = owner.get(&target).await;
        reply.is_problem(422, "invalid_collection_name");
    }
}

#[tokio::test]
async fn what_nobody_may_set_is_ignored() {
    let app = App::new().await;
    let body = json!({
        "username": "eve", "password": "secret", "id": 7, "role": "owner", "verified": true,
        "disabled": true, "first_owner": true, "session_epoch": 9, "created_at": "x",
        "address_key": "ann@x.org", "user": { "role": "owner" },
    });
    let reply = app.post("/api/register", body).await;
    assert_eq!(reply.text, r#"{"id":1,"username":"eve"}"#);
    let me = app.login("eve", "secret").await.get("/api/me").await.json();
    assert_eq!((&me["role"], &me["verified"]), (&json!("user"), &Value::Bool(false)));
    assert_eq!(me["email"], Value::Null);
}
