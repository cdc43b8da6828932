//! Settings that are changed while services run.

use std::{
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::{TestServer, postgres_url, unique_name};
use serde_json::{Value, json};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);
const PAGE: &str = "/admin/api/settings/limits.page_size_max";

fn put(server: &TestServer, path: &str, value: Value) -> (u16, Value) {
    let body = json!({ "value": value }).to_string();
    let reply = server.request("PUT", path, &JSON, body.as_bytes()).unwrap();
    (reply.status, reply.json().unwrap_or(Value::Null))
}

/// Waits until a page of ten is answered like this. A service that takes settings answers a moment later.
fn until_answers(server: &TestServer, status: u16) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let reply = server.request("GET", "/records/c?limit=10", &[], b"");
        if reply.is_ok_and(|reply| reply.status == status) {
            return;
        }
        assert!(Instant::now() < deadline, "never {status}\n{}", server.log());
        thread::sleep(Duration::from_millis(50));
    }
}

fn setting(server: &TestServer, key: &str) -> Value {
    let all = server.request("GET", "/admin/api/settings", &[], b"").unwrap().json().unwrap();
    let found = all["settings"].as_array().unwrap().iter().find(|it| it["key"] == key);
    found.unwrap_or_else(|| panic!("{key}")).clone()
}

#[test]
fn a_setting_is_changed_while_the_service_runs_and_stays() {
    let mut server = TestServer::start().unwrap();
    until_answers(&server, 200);
    assert_eq!(put(&server, PAGE, json!(5)).0, 200);
    until_answers(&server, 422);
    let shown = setting(&server, "limits.page_size_max");
    assert_eq!((&shown["value"], &shown["origin"]), (&json!("5"), &json!({ "kind": "database" })));
    server.terminate().unwrap();
    server.start_again().unwrap();
    until_answers(&server, 422);
    // What cannot be says so, and nothing changes.
    for (key, value, status, code) in [
        ("limits.page_size_max", json!("many"), 422, "invalid_body"),
        ("port", json!(9), 409, "setting_locked"),
        ("internal_api_key", json!("x"), 409, "setting_locked"),
        ("records_url", json!("memory:"), 409, "setting_locked"),
        ("no.such", json!(1), 404, "setting_not_found"),
    ] {
        let (answered, problem) = put(&server, &format!("/admin/api/settings/{key}"), value);
        assert_eq!((answered, &problem["code"]), (status, &json!(code)), "{key}: {problem}");
    }
    assert_eq!(server.request("DELETE", PAGE, &[], b"").unwrap().status, 200);
    until_answers(&server, 200);
    assert_eq!(setting(&server, "limits.page_size_max")["origin"], json!({ "kind": "default" }));
}

#[test]
fn variables_come_before_what_the_database_keeps() {
    let folder = tempfile::tempdir().unwrap();
    let server = TestServer::builder().data(folder.path()).start().unwrap();
    assert_eq!(put(&server, PAGE, json!(5)).0, 200);
    until_answers(&server, 422);
    drop(server);
    let variable = "ISOBASE_LIMITS_PAGE_SIZE_MAX";
    let server = TestServer::builder().data(folder.path()).env(variable, "50").start().unwrap();
    until_answers(&server, 200);
    let (status, problem) = put(&server, PAGE, json!(7));
    assert_eq!(status, 409, "{problem}");
    assert!(problem["detail"].as_str().unwrap().contains(variable), "{problem}");
    let shown = setting(&server, "limits.page_size_max");
    assert!(shown["locked_by"].as_str().unwrap().contains(variable), "{shown}");
}

#[test]
fn every_service_on_the_database_follows() {
    let Some(postgres) = postgres_url() else { return };
    let separator = if postgres.contains('?') { '&' } else { '?' };
    let url = format!("{postgres}{separator}schema={}", unique_name("settings"));
    let start = || TestServer::builder().records_url(&url).start().unwrap();
    let (one, other) = (start(), start());
    until_answers(&other, 200);
    assert_eq!(put(&one, PAGE, json!(5)).0, 200);
    until_answers(&one, 422);
    until_answers(&other, 422);
    assert_eq!(other.request("DELETE", PAGE, &[], b"").unwrap().status, 200);
    until_answers(&one, 200);
    until_answers(&other, 200);
}
