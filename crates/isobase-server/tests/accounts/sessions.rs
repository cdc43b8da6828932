//! Sessions over HTTP.

use http::Method;
use isobase_server::HttpConfig;
use serde_json::{Value, json};

use super::support::{App, Reply};

#[tokio::test]
async fn a_cookie_and_a_token_show_who_asks() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let me = browser.get("/api/me").await;
    assert_eq!(me.status, 200);
    assert_eq!(
        (&me.json()["username"], &me.json()["role"], &me.json()["email"]),
        (&json!("ann"), &json!("user"), &Value::Null)
    );
    assert_eq!(me.header("cache-control"), "no-store");
    let token = app.token("ann", "secret").await;
    let by_token = app.ask((Method::GET, "/api/me"), &[("authorization", &token)], "").await;
    assert_eq!(by_token.json(), me.json());
    let bare = token.strip_prefix("Bearer ").unwrap();
    let by_key = app.ask((Method::GET, "/api/me"), &[("x-api-key", bare)], "").await;
    assert_eq!(by_key.json(), me.json());
    for headers in [
        &[][..],
        &[("cookie", "isobase_session=ises_s0_0")],
        &[("cookie", "isobase_session=x; a=b")],
        &[("authorization", "Bearer internal-key")],
    ] {
        let reply = app.ask((Method::GET, "/api/me"), headers, "").await;
        reply.is_problem(401, "sign_in_required");
    }
    let wrong = [("authorization", "Bearer ises_s0_0"), ("cookie", &*browser.cookie)];
    let reply = app.ask((Method::GET, "/api/me"), &wrong, "").await;
    reply.is_problem(401, "sign_in_required");
}

#[tokio::test]
async fn the_cookie_is_out_of_reach_of_scripts() {
    let app = App::new().await;
    let plain = app.post("/api/register", json!({ "username": "a", "password": "x" })).await;
    let line = plain.header("set-cookie");
    assert!(line.starts_with("isobase_session=ises_"), "{line}");
    assert!(line.ends_with("; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax"), "{line}");
    let http =
        HttpConfig { public_url: Some("https://app.example".into()), ..HttpConfig::default() };
    let app = App::with(isobase_auth::AccountOptions::default(), http).await;
    let secure = app.post("/api/register", json!({ "username": "a", "password": "x" })).await;
    let line = secure.header("set-cookie");
    assert!(line.starts_with("__Host-isobase_session=ises_"), "{line}");
    assert!(line.ends_with("; HttpOnly; SameSite=Lax; Secure"), "{line}");
    let headers = [("cookie", &*secure.cookie())];
    assert_eq!(app.ask((Method::GET, "/api/me"), &headers, "").await.status, 200);
}

#[tokio::test]
async fn signing_out_ends_the_session() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let other = app.login("ann", "secret").await;
    let reply = browser.ask(Method::POST, "/api/logout", Value::Null).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, r#"{"ok":true}"#));
    assert!(reply.header("set-cookie").starts_with("isobase_session=; Path=/; Max-Age=0"));
    browser.get("/api/me").await.is_problem(401, "sign_in_required");
    assert_eq!(other.get("/api/me").await.status, 200);
    assert_eq!(browser.ask(Method::POST, "/api/logout", Value::Null).await.status, 200);
    let token = app.token("ann", "secret").await;
    let headers = [("authorization", &*token)];
    assert_eq!(app.ask((Method::POST, "/api/logout"), &headers, "").await.status, 200);
    let reply = app.ask((Method::GET, "/api/me"), &headers, "").await;
    reply.is_problem(401, "sign_in_required");
    assert_eq!(app.post("/api/logout", Value::Null).await.status, 200);
}

fn listed(reply: &Reply) -> Vec<(String, bool)> {
    let sessions = reply.json()["sessions"].as_array().unwrap().clone();
    let shown =
        |it: &Value| (it["id"].as_str().unwrap().to_owned(), it["current"].as_bool().unwrap());
    sessions.iter().map(shown).collect()
}

#[tokio::test]
async fn sessions_are_listed_and_ended() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let eve = app.register("eve").await;
    let token = app.token("ann", "secret").await;
    let reply = browser.get("/api/sessions").await;
    let sessions = listed(&reply);
    assert_eq!(sessions.len(), 2);
    assert!(!reply.text.contains(token.rsplit('_').next().unwrap()), "{}", reply.text);
    let (other, _) = sessions.iter().find(|(_, current)| !current).unwrap();
    assert!(token.contains(other));
    let target = format!("/api/sessions/{other}");
    eve.ask(Method::DELETE, &target, Value::Null).await.is_problem(404, "session_not_found");
    assert_eq!(browser.ask(Method::DELETE, &target, Value::Null).await.status, 200);
    browser.ask(Method::DELETE, &target, Value::Null).await.is_problem(404, "session_not_found");
    let reply = app.ask((Method::GET, "/api/me"), &[("authorization", &token)], "").await;
    reply.is_problem(401, "sign_in_required");
    for _ in 0..3 {
        app.login("ann", "secret").await;
    }
    assert_eq!(browser.ask(Method::DELETE, "/api/sessions", Value::Null).await.status, 200);
    assert_eq!(listed(&browser.get("/api/sessions").await), [(sessions[1].0.clone(), true)]);
    let nothing = app.ask((Method::GET, "/api/sessions"), &[], "").await;
    nothing.is_problem(401, "sign_in_required");
}

#[tokio::test]
async fn a_renewed_session_keeps_its_token() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let reply = browser.ask(Method::POST, "/api/sessions/renew", Value::Null).await;
    assert_eq!(reply.status, 200, "{}", reply.text);
    assert_eq!(reply.cookie(), browser.cookie);
    let token = app.token("ann", "secret").await;
    let headers = [("authorization", &*token)];
    let reply = app.ask((Method::POST, "/api/sessions/renew"), &headers, "").await;
    assert_eq!(reply.header("set-cookie"), "");
    assert!(reply.json()["expires_at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn another_password_ends_other_sessions() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let other = app.login("ann", "secret").await;
    let change =
        |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let target = "/api/me/password";
    let wrong = browser.ask(Method::PUT, target, change("guess", "new")).await;
    wrong.is_problem(401, "invalid_credentials");
    let missing = browser.ask(Method::PUT, target, json!({ "new_password": "x" })).await;
    missing.is_problem(400, "account_incomplete");
    assert_eq!(other.get("/api/me").await.status, 200);
    assert_eq!(browser.ask(Method::PUT, target, change("secret", "new")).await.status, 200);
    assert_eq!(browser.get("/api/me").await.status, 200);
    other.get("/api/me").await.is_problem(401, "sign_in_required");
    let old = json!({ "username": "ann", "password": "secret" });
    app.post("/api/login", old).await.is_problem(401, "invalid_credentials");
    app.login("ann", "new").await;
}

#[tokio::test]
async fn an_account_deletes_itself_with_its_password() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let wrong = browser.ask(Method::DELETE, "/api/me", json!({ "password": "guess" })).await;
    wrong.is_problem(401, "invalid_credentials");
    let gone = browser.ask(Method::DELETE, "/api/me", json!({ "password": "secret" })).await;
    assert_eq!((gone.status, gone.text.as_str()), (200, r#"{"ok":true}"#));
    browser.get("/api/me").await.is_problem(401, "sign_in_required");
    app.register("ann").await;
}
