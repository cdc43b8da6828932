//! The admin site in a real browser.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use isobase_testkit::{Browser, TestServer, TestServerBuilder, browser, postgres_url, unique_name};

/// Text that would run, close a quotation or leave a cell where it is taken for more than text.
const HOSTILE: &str = r#"{"name":"<img src=x onerror=alert(1)>","__proto__x":"\"'>&lt;",
    "link":"javascript:alert(1)","long":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "nested":{"<b>":["</script>",null,1e3]},"right":"\u202eabc"}"#;

#[test]
fn people_work_with_it_in_a_browser() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = with_shop(folder.path()).start().unwrap();
    fill(&server);
    drive(&browser, &server, None, Part::Flows);
}

#[test]
fn every_screen_holds_in_a_browser() {
    let Some(browser) = browser() else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = with_shop(folder.path()).start().unwrap();
    fill(&server);
    drive(&browser, &server, None, Part::Screens);
}

#[test]
fn people_do_the_same_on_postgresql() {
    let (Some(browser), Some(postgres)) = (browser(), postgres_url()) else { return };
    let separator = if postgres.contains('?') { '&' } else { '?' };
    let url = format!("{postgres}{separator}schema={}", unique_name("admin"));
    let server = builder().records_url(&url).start().unwrap();
    fill(&server);
    drive(&browser, &server, None, Part::Flows);
}

/// A service of which one collection keeps what its documents were, and whose webhooks may go to
/// this machine.
fn builder() -> TestServerBuilder {
    TestServer::builder()
        .env("ISOBASE_WEBHOOKS_PRIVATE", "true")
        .env("ISOBASE_CHANGES_BODIES_OF", "kept")
}

/// The same with a database of the owner's own, where the executable has screens for one.
fn with_shop(folder: &Path) -> TestServerBuilder {
    #[cfg(feature = "toolkit")]
    let shop = Some(super::sql_screens::shop(folder));
    #[cfg(not(feature = "toolkit"))]
    let (shop, _) = (None::<String>, folder);
    match shop {
        Some(url) => builder().env("ISOBASE_SQL_URL", &url).env("ISOBASE_SQL_WRITE_URL", &url),
        None => builder(),
    }
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
    drive(&browser, &server, Some(key), Part::Flows);
}

/// What the script does in an open service; in a closed one it is always the same.
#[derive(Clone, Copy)]
enum Part {
    /// Looks at every screen, also over a service that does not answer.
    Screens,
    /// Does what people do.
    Flows,
}

fn drive(browser: &Browser, server: &TestServer, key: Option<&str>, part: Part) {
    let part = match part {
        Part::Screens => "screens",
        Part::Flows => "flows",
    };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/browser/admin.mjs");
    let run = Command::new("node")
        .arg(script)
        .arg(server.url())
        .args([&browser.packages, &browser.program])
        .args(key)
        .env("ISOBASE_BROWSER_PART", part)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, told) = (String::from_utf8_lossy(&run.stdout), String::from_utf8_lossy(&run.stderr));
    assert!(run.status.success(), "{out}{told}\n{}", server.log());
}

/// What the hub may take when it is first opened, and all screens together, in bytes as they are sent.
const HUB_BYTES_MAX: usize = 60_000;
const ALL_BYTES_MAX: usize = 150_000;

#[test]
fn what_browsers_load_stays_small() {
    let server = TestServer::builder().start().unwrap();
    let size = |path: &str| {
        let headers = [("accept-encoding", "gzip")];
        let sent = server.request("GET", &format!("/admin/assets/{path}"), &headers, b"").unwrap();
        assert_eq!(sent.status, 200, "{path}");
        sent.body.len()
    };
    let assets = Path::new(env!("CARGO_MANIFEST_DIR")).join("../isobase-admin/assets");
    let mut hub = BTreeSet::from(["style.css".to_owned(), "icon.svg".to_owned()]);
    for first in ["app.js", "screens/hub.js"] {
        imported(&assets, first, &mut hub);
    }
    let hub_bytes: usize = hub.iter().map(|path| size(path)).sum();
    assert!(hub.len() > 8, "{hub:?}");
    assert!(hub_bytes <= HUB_BYTES_MAX, "the hub takes {hub_bytes} bytes: {hub:?}");
    let mut all = Vec::new();
    files(&assets, &mut all);
    let of = |file: &PathBuf| file.strip_prefix(&assets).unwrap().to_str().unwrap().to_owned();
    let all: Vec<String> = all.iter().map(of).filter(|path| path != "index.html").collect();
    let all_bytes: usize = all.iter().map(|path| size(path)).sum();
    assert!(all_bytes <= ALL_BYTES_MAX, "the site takes {all_bytes} bytes");
}

/// A module and what it imports, without what it loads later.
fn imported(assets: &Path, path: &str, found: &mut BTreeSet<String>) {
    if !found.insert(path.to_owned()) {
        return;
    }
    let text = fs::read_to_string(assets.join(path)).unwrap();
    let folder = Path::new(path).parent().unwrap();
    for line in text.lines().filter(|line| line.starts_with("import ")) {
        let name = line.split('"').nth(1).unwrap();
        let place = match name.strip_prefix("../") {
            Some(beside) => PathBuf::from(beside),
            None => folder.join(name.trim_start_matches("./")),
        };
        imported(assets, place.to_str().unwrap(), found);
    }
}

fn files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => files(&path, found),
            false => found.push(path),
        }
    }
}
