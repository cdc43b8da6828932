//! Registering and signing in, as the clients of document 2 do.

use futures_util::future::join_all;
use http::Method;
use isobase_auth::{AccountOptions, AttemptLimits, PasswordOptions, Registration};
use isobase_server::HttpConfig;
use serde_json::{Value, json};

use super::support::App;

#[tokio::test]
async fn registration_answers_as_the_document_shows() {
    let app = App::new().await;
    let body = json!({ "username": "alice", "password": "pw" });
    let reply = app.post("/api/register", body.clone()).await;
    assert_eq!((reply.status, reply.text.as_str()), (200, r#"{"id":1,"username":"alice"}"#));
    let again = app.post("/api/register", body).await;
    again.is_problem(400, "name_taken").says("Username already taken");
    // Another case is another user.
    let other = app.post("/api/register", json!({ "username": "Alice", "password": "pw" })).await;
    assert_eq!(other.status, 200);
    for (name, password) in [
        (json!(null), json!("x")),
        (json!(""), json!("x")),
        (json!("x"), json!("")),
        (json!(0), json!("x")),
        (json!("x"), json!(false)),
    ] {
        let reply =
            app.post("/api/register", json!({ "username": name, "password": password })).await;
        reply.is_problem(400, "account_incomplete").says("Username and password required");
    }
    app.post("/api/register", json!({})).await.is_problem(400, "account_incomplete");
    let number = app.post("/api/register", json!({ "username": 5, "password": 7 })).await;
    assert_eq!(number.json()["username"], "5");
    assert_eq!(app.login("5", "7").await.get("/api/me").await.json()["username"], "5");
}

#[tokio::test]
async fn signing_in_answers_as_the_document_shows() {
    let app = App::new().await;
    app.register("alice").await;
    let right = app.post("/api/login", json!({ "username": "alice", "password": "secret" })).await;
    assert_eq!((right.status, right.text.as_str()), (200, r#"{"id":1,"username":"alice"}"#));
    for body in [
        json!({}),
        json!({ "username": "alice" }),
        json!({ "username": "alice", "password": "Secret" }),
        json!({ "username": "Alice", "password": "secret" }),
        json!({ "username": "bob", "password": "secret" }),
        json!({ "username": "", "password": "" }),
    ] {
        let reply = app.post("/api/login", body.clone()).await;
        reply.is_problem(401, "invalid_credentials").says("Invalid credentials");
        assert_eq!(reply.header("set-cookie"), "", "{body}");
    }
}

#[tokio::test]
async fn bodies_that_are_none_are_refused() {
    let app = App::new().await;
    let deep = format!("{}{}", "[".repeat(500), "]".repeat(500));
    let twice = r#"{"username":"a","username":"b","password":"x"}"#;
    for target in ["/api/register", "/api/login", "/api/sessions"] {
        for body in ["", "x", "[]", "null", "7", "{", &deep, twice, "{\"username\":\"\\ud800\"}"] {
            let reply = app.ask((Method::POST, target), &[], body).await;
            assert_eq!(reply.status, 422, "{target} {body} {}", reply.text);
        }
        for wrong in [json!([]), json!({}), json!(true)] {
            let body = json!({ "username": wrong, "password": "x" });
            app.post(target, body).await.is_problem(422, "invalid_account");
        }
    }
    let long = "x".repeat(2_000);
    for (field, value) in [("username", "a\u{1}b"), ("username", &long), ("password", &long)] {
        let mut body = json!({ "username": "ann", "password": "x" });
        body[field] = json!(value);
        let reply = app.post("/api/register", body).await;
        reply.is_problem(422, "invalid_account");
        assert_eq!(reply.json()["errors"][0]["pointer"], format!("/{field}"));
    }
    let body = json!({ "username": "ann", "email": "no address", "password": "x" });
    app.post("/api/register", body).await.is_problem(422, "invalid_account");
    app.ask((Method::POST, "/api/login?x=1"), &[], "{}").await.is_problem(422, "invalid_parameter");
}

#[tokio::test]
async fn the_type_of_a_body_is_not_asked_for() {
    let app = App::new().await;
    let headers = [("content-type", "text/plain")];
    let body = json!({ "username": "ann", "password": "x" }).to_string();
    let reply = app.ask((Method::POST, "/api/register"), &headers, body).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn an_address_signs_in_too() {
    let app = App::new().await;
    let body = json!({ "username": "ann", "email": "Ann@x.org", "password": "pw" });
    assert_eq!(app.post("/api/register", body).await.status, 200);
    app.login("ann@X.org", "pw").await;
    let by_email = json!({ "email": "ann@x.org", "password": "pw" });
    assert_eq!(app.post("/api/login", by_email.clone()).await.json()["username"], "ann");
    app.post("/api/register", by_email).await.is_problem(400, "name_taken");
    let body = json!({ "username": "eve", "email": "ANN@x.org", "password": "pw" });
    app.post("/api/register", body).await.is_problem(400, "email_taken");
}

#[tokio::test]
async fn guessing_is_told_when_to_come_back() {
    let limits = AttemptLimits { per_name_and_address: 3, ..AttemptLimits::default() };
    let options = AccountOptions { limits, ..AccountOptions::default() };
    let app = App::with(options, HttpConfig::default()).await;
    app.register("ann").await;
    let guess = json!({ "username": "ann", "password": "guess" });
    for _ in 0..3 {
        app.post("/api/login", guess.clone()).await.is_problem(401, "invalid_credentials");
    }
    for target in ["/api/login", "/api/sessions"] {
        let reply = app.post(target, guess.clone()).await;
        reply.is_problem(429, "too_many_attempts");
        let seconds: u32 = reply.header("retry-after").parse().unwrap();
        assert!((1..=60).contains(&seconds), "{seconds}");
    }
    let other = json!({ "username": "bob", "password": "guess" });
    app.post("/api/login", other).await.is_problem(401, "invalid_credentials");
}

#[tokio::test]
async fn a_flood_of_sign_ins_is_told_to_wait_and_stops_no_read() {
    let limits = AttemptLimits {
        per_name_and_address: 1_000,
        per_name: 1_000,
        per_address: 1_000,
        ..AttemptLimits::default()
    };
    // Long enough that the flood comes while the first is worked on.
    let passwords = PasswordOptions { memory_kib: 8 << 10, passes: 4, threads: 1, waiting_max: 2 };
    let options = AccountOptions { limits, passwords, ..AccountOptions::default() };
    let app = App::with(options, HttpConfig::default()).await;
    let guess = || json!({ "username": "nobody", "password": "guess" });
    let flood = join_all((0..64).map(|_| app.post("/api/login", guess())));
    let reads = async {
        for _ in 0..100 {
            let read = app.ask((Method::GET, "/api/login/providers"), &[], "").await;
            assert_eq!(read.status, 200, "{}", read.text);
        }
    };
    let (answers, ()) = tokio::join!(flood, reads);
    let (busy, looked_at): (Vec<_>, Vec<_>) =
        answers.iter().partition(|answer| answer.status == 503);
    for answer in &busy {
        answer.is_problem(503, "too_many_sign_ins");
        assert!(!answer.header("retry-after").is_empty());
    }
    assert!(looked_at.iter().all(|answer| answer.status == 401));
    // One is worked on and two wait; the rest was not kept waiting.
    assert!(!busy.is_empty() && !looked_at.is_empty(), "{} {}", busy.len(), looked_at.len());
}

#[tokio::test]
async fn registration_can_be_closed() {
    let options =
        AccountOptions { registration: Registration::Closed, ..AccountOptions::default() };
    let app = App::with(options, HttpConfig::default()).await;
    let body = json!({ "username": "ann", "password": "x" });
    app.post("/api/register", body).await.is_problem(403, "registration_closed");
}

#[tokio::test]
async fn the_first_account_closes_the_service() {
    let app = App::new().await;
    // The internal key closes it already; another service without one reads it in the database.
    let open = isobase_auth::Authorizer::with_keys(None, isobase_auth::KeyStore::new(&app.store));
    let open = open.await.unwrap();
    assert!(open.is_open());
    app.register("ann").await;
    open.refresh().await.unwrap();
    assert!(!open.is_open());
    let reply = app.ask((Method::GET, "/records/c"), &[], "").await;
    assert_eq!(reply.status, 401);
    let _: Value = reply.json();
}
