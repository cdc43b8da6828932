//! The admin site in a real browser.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use isobase_testkit::{Browser, TestServer, browser, postgres_url, unique_name};

/// Text that would run, close a quotation or leave a cell where it is taken for more than text.
const HOSTILE: &str = r#"{"name":"<img src=x onerror=alert(1)>","__proto__x":"\"'>&lt;",
    "link":"javascript:alert(1)","long":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "nested":{"<b>":["</script>",null,1e3]},"right":"\u202eabc"}"#;

#[test]
fn people_work_with_it_in_a_browser() {
    let Some(browser) = browser() else { return };
    let server = TestServer::builder().env("ISOBASE_WEBHOOKS_PRIVATE", "true").start().unwrap();
    fill(&server);
    drive(&browser, &server, None, false);
}

#[test]
fn people_do_the_same_on_postgresql() {
    let (Some(browser), Some(postgres)) = (browser(), postgres_url()) else { return };
    let separator = if postgres.contains('?') { '&' } else { '?' };
    let url = format!("{postgres}{separator}schema={}", unique_name("admin"));
    let server = TestServer::builder().env("ISOBASE_WEBHOOKS_PRIVATE", "true").records_url(&url);
    let server = server.start().unwrap();
    fill(&server);
    drive(&browser, &server, None, true);
}

/// Stores what the script looks for.
fn fill(server: &TestServer) {
    let json = [("content-type", "application/json")];
    let stored = server.request("POST", "/records/hostile", &json, HOSTILE.as_bytes()).unwrap();
    assert_eq!(stored.status, 201, "{}", stored.text());
    for (endpoint, status) in [("/fine", 200), ("/broken<b>", 500)] {
        let body = format!(
            r#"{{"service":"llm","endpoint":"{endpoint}","method":"POST","status_code":{status},
                "duration_ms":12,"user_identifier":"ann@example.com",
                "request_body":"<script>alert(1)</script>","response_body":"{{\"a\":1}}"}}"#
        );
        let path = "/api/v1/db/requests";
        let logged = server.request("POST", path, &json, body.as_bytes()).unwrap();
        assert_eq!(logged.status, 200, "{}", logged.text());
    }
}

#[test]
fn it_asks_for_a_key_where_the_service_does() {
    let Some(browser) = browser() else { return };
    let key = "a-key-that-only-this-test-knows";
    let server = TestServer::builder().env("INTERNAL_API_KEY", key).start().unwrap();
    drive(&browser, &server, Some(key), false);
}

fn drive(browser: &Browser, server: &TestServer, key: Option<&str>, only_flows: bool) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/admin.mjs");
    let run = Command::new("node")
        .arg(script)
        .arg(server.url())
        .args([&browser.packages, &browser.program])
        .args(key)
        .envs(only_flows.then_some(("ISOBASE_BROWSER_FLOWS", "1")))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{told}\n{}", server.log());
}
