//! What pages of other origins cannot do with their visitors' cookies.

use http::Method;
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
