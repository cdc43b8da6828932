//! The first owner, by the link of the start.

use http::Method;
use serde_json::{Value, json};

use super::support::{App, Reply};

async fn set_up(app: &App, token: &str, name: &str, password: &str) -> Reply {
    app.post("/setup", json!({ "token": token, "username": name, "password": password })).await
}

async fn offered(app: &App) -> Option<String> {
    app.service.gate().accounts.as_ref().unwrap().offer_setup().await.unwrap()
}

#[tokio::test]
async fn the_link_makes_one_owner() {
    let app = App::new().await;
    let token = offered(&app).await.unwrap();
    let refused = set_up(&app, "guess", "ann", "a long password").await;
    refused.is_problem(403, "wrong_setup_token");
    set_up(&app, &token, "ann", "short").await.is_problem(422, "invalid_account");
    let made = set_up(&app, &token, "ann", "a long password").await;
    assert_eq!((made.status, made.text.as_str()), (200, r#"{"id":1,"username":"ann"}"#));
    let headers = [("cookie", &*made.cookie())];
    let me = app.ask((Method::GET, "/api/me"), &headers, "").await.json();
    assert_eq!(me["role"], "owner");
    let again = set_up(&app, &token, "eve", "a long password").await;
    again.is_problem(403, "wrong_setup_token");
    assert_eq!(offered(&app).await, None);
}

#[tokio::test]
async fn of_many_with_the_link_one_becomes_owner() {
    let app = App::new().await;
    let token = offered(&app).await.unwrap();
    let names: Vec<_> = (0..20).map(|number| format!("owner{number}")).collect();
    let racing = names.iter().map(|name| set_up(&app, &token, name, "a long password"));
    let replies = futures_util::future::join_all(racing).await;
    let made = replies.iter().filter(|reply| reply.status == 200).count();
    assert_eq!(made, 1);
    assert!(replies.iter().all(|reply| matches!(reply.status, 200 | 403 | 409)));
}

#[tokio::test]
async fn without_a_link_nobody_becomes_owner() {
    let app = App::new().await;
    for token in [json!(""), Value::Null] {
        let body = json!({ "token": token, "username": "eve", "password": "a long password" });
        app.post("/setup", body).await.is_problem(400, "account_incomplete");
    }
    set_up(&app, "x", "eve", "a long password").await.is_problem(403, "wrong_setup_token");
}

#[tokio::test]
async fn the_page_runs_its_own_script_only() {
    let app = App::new().await;
    let page = app.ask((Method::GET, "/setup"), &[], "").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe"));
    assert!(!page.text.contains("http://") && !page.text.contains("https://"));
}
