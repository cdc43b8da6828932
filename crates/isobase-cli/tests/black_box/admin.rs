//! The admin site in a real browser.

use std::{
    path::Path,
    process::{Command, Stdio},
};

use isobase_testkit::{Browser, TestServer, browser};

/// Text that would run, close a quotation or leave a cell where it is taken for more than text.
const HOSTILE: &str = r#"{"name":"<img src=x onerror=alert(1)>","__proto__x":"\"'>&lt;",
    "link":"javascript:alert(1)","long":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "nested":{"<b>":["</script>",null,1e3]},"right":"\u202eabc"}"#;

#[test]
fn people_work_with_it_in_a_browser() {
    let Some(browser) = browser() else { return };
    let server = TestServer::start().unwrap();
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
    drive(&browser, &server, None);
}

#[test]
fn it_asks_for_a_key_where_the_service_does() {
    let Some(browser) = browser() else { return };
    let key = "a-key-that-only-this-test-knows";
    let server = TestServer::builder().env("INTERNAL_API_KEY", key).start().unwrap();
    drive(&browser, &server, Some(key));
}

fn drive(browser: &Browser, server: &TestServer, key: Option<&str>) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/admin.mjs");
    let run = Command::new("node")
        .arg(script)
        .arg(server.url())
        .args([&browser.packages, &browser.program])
        .args(key)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{told}\n{}", server.log());
}
