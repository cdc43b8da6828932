//! What pages of other origins cannot do with their visitors' cookies, and with their place.

use std::sync::Arc;

use http::Method;
use isobase_server::{AppCollection, ServerConfig};
use isobase_store::{Rule, RuleAction, RuleBook, Rules, Unruled};
use isobase_types::CollectionName;
use serde_json::{Value, json};

use super::support::App;

const FOREIGN: [&[(&str, &str)]; 4] = [
    &[("sec-fetch-site", "cross-site")],
    &[("sec-fetch-site", "same-site"), ("origin", "http://db:8002")],
    &[("origin", "http://evil.example")],
    &[("origin", "null")],
];

#[tokio::test]
async fn a_foreign_page_changes_nothing_with_a_cookie() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let requests = [
        (Method::POST, "/api/logout"),
        (Method::DELETE, "/api/me"),
        (Method::PUT, "/api/me/password"),
        (Method::DELETE, "/api/sessions"),
        (Method::DELETE, "/api/sessions/s1"),
        (Method::POST, "/api/sessions/renew"),
    ];
    for headers in FOREIGN {
        let headers = [headers, &[("cookie", &*browser.cookie)]].concat();
        for (method, target) in &requests {
            let body = json!({ "password": "secret" }).to_string();
            let reply = app.ask((method.clone(), *target), &headers, body).await;
            reply.is_problem(403, "origin_not_allowed");
        }
    }
    assert_eq!(browser.get("/api/me").await.status, 200);
}

#[tokio::test]
async fn a_foreign_page_signs_nobody_in() {
    let app = App::new().await;
    app.register("ann").await;
    for headers in FOREIGN {
        let body = json!({ "username": "ann", "password": "secret" }).to_string();
        let reply = app.ask((Method::POST, "/api/login"), headers, body).await;
        assert_eq!(reply.header("set-cookie"), "", "{headers:?}");
    }
}

#[tokio::test]
async fn own_pages_and_programs_use_their_cookie() {
    let app = App::new().await;
    let browser = app.register("ann").await;
    let own: [&[(&str, &str)]; 3] =
        [&[], &[("origin", "http://db:8002")], &[("sec-fetch-site", "same-origin")]];
    for headers in own {
        let headers = [headers, &[("cookie", &*browser.cookie)]].concat();
        let reply = app.ask((Method::POST, "/api/sessions/renew"), &headers, "").await;
        assert_eq!(reply.status, 200, "{headers:?}");
    }
}

#[tokio::test]
async fn a_token_is_not_added_by_a_browser() {
    let app = App::new().await;
    app.register("ann").await;
    let token = app.token("ann", "secret").await;
    let headers = [("authorization", &*token), ("sec-fetch-site", "cross-site")];
    let reply = app.ask((Method::POST, "/api/sessions/renew"), &headers, "").await;
    assert_eq!(reply.status, 200);
    let _: Value = reply.json();
}

/// A service of this machine that is not open any more, with notes under this rule.
async fn near(list: Option<&str>) -> App {
    let notes = CollectionName::new("notes").unwrap();
    let rules = match list {
        Some(text) => Rules::default()
            .with(RuleAction::List, Rule::parse(RuleAction::List, text).unwrap())
            .with(RuleAction::Create, Rule::parse(RuleAction::Create, "@user").unwrap())
            .with(RuleAction::Update, Rule::parse(RuleAction::Update, "@user").unwrap())
            .with(RuleAction::Delete, Rule::parse(RuleAction::Delete, "@user").unwrap()),
        None => Rules::default(),
    };
    let rules = Arc::new(RuleBook::new(Unruled::Open).with(notes.clone(), rules));
    let collections = vec![AppCollection::new(notes)];
    let config = ServerConfig { rules, collections, ..ServerConfig::default() };
    App::composed(config, |_| None).await
}

#[tokio::test]
async fn a_page_gets_nothing_that_is_open_to_this_machine() {
    let app = near(None).await;
    let own = [("host", "localhost:8002")];
    let body = r#"{"text":"a"}"#;
    let made = app.ask((Method::POST, "/api/notes"), &own, body).await;
    assert_eq!(made.status, 200, "{}", made.text);
    let rebound = [("host", "evil.example"), ("origin", "http://evil.example")];
    for (method, target) in [
        (Method::GET, "/api/notes"),
        (Method::GET, "/api/notes/1"),
        (Method::GET, "/api/events?topics=notes"),
        (Method::POST, "/api/notes"),
        (Method::DELETE, "/api/notes/1"),
        (Method::POST, "/api/register"),
    ] {
        let reply = app.ask((method, target), &rebound, body).await;
        reply.is_problem(403, "host_not_allowed");
    }
    let foreign = [own[0], ("origin", "http://evil.example"), ("content-type", "text/plain")];
    for (method, target) in [
        (Method::POST, "/api/notes"),
        (Method::PUT, "/api/notes/1"),
        (Method::DELETE, "/api/notes/1"),
    ] {
        let reply = app.ask((method, target), &foreign, body).await;
        reply.is_problem(403, "origin_not_allowed");
    }
    let page = [own[0], ("origin", "http://localhost:8002")];
    let list = async |headers: &[(&str, &str)]| {
        app.ask((Method::GET, "/api/notes"), headers, "").await.json().as_array().unwrap().len()
    };
    assert_eq!(list(&page).await, 1);
    // Anyone who shows something is asked for no name, and what is public is public.
    assert_eq!(list(&[("authorization", "Bearer internal-key")]).await, 1);
    assert_eq!(app.ask((Method::GET, "/health"), &rebound, "").await.status, 200);
}

#[tokio::test]
async fn names_are_checked_where_a_rule_lets_anybody_in() {
    for (rule, is_checked) in [("public=true", true), ("@user", false)] {
        let app = near(Some(rule)).await;
        for target in ["/api/notes", "/records/notes", "/changes"] {
            let reply = app.ask((Method::GET, target), &[], "").await;
            let is_refused = reply.text.contains("host_not_allowed");
            assert_eq!(is_refused, is_checked, "{rule}: {target}: {}", reply.text);
        }
    }
}
