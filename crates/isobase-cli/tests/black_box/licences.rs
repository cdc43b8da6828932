//! Licences from the command line and over every engine.

use std::{fs, path::Path, thread};

use isobase_testkit::TestServer;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::command::App;

/// The SQLite file of the older licence service, with what it keeps there.
pub(super) fn original(path: &Path) {
    let database = Connection::open(path).unwrap();
    database
        .execute_batch(
            "CREATE TABLE licenses (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL, \
             license_key VARCHAR(255) NOT NULL UNIQUE, expiry_date VARCHAR(50) NOT NULL, \
             created_at VARCHAR(50), status VARCHAR(50), UNIQUE (email, license_key)); \
             CREATE TABLE installations (id INTEGER NOT NULL PRIMARY KEY, email VARCHAR(255) NOT NULL, \
             installation_id VARCHAR(255) NOT NULL, activated_at VARCHAR(50), last_seen VARCHAR(50), \
             UNIQUE (email, installation_id)); \
             CREATE TABLE api_requests (id INTEGER NOT NULL PRIMARY KEY, timestamp VARCHAR(50)); \
             INSERT INTO licenses VALUES \
             (1, 'user@example.com', 'user-example-com-20270223-48F47778', '2099-02-23T10:00:00.123456', '2026-02-23 10:00:00', 'active'), \
             (2, 'ann@example.com', 'ann-key', '2099-01-01T00:00:00Z', '2026-02-24 10:00:00', 'revoked'), \
             (5, 'eve@example.com', 'eve-key', 'rubbish', NULL, 'active'); \
             INSERT INTO installations VALUES \
             (1, 'user@example.com', 'm-1', '2026-02-23 10:00:00', '2026-02-23 11:00:00'), \
             (2, 'user@example.com', 'm-2', '2026-02-23 10:00:00', NULL);",
        )
        .unwrap();
}

fn lines(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn an_original_file_is_imported_once() {
    let app = App::new();
    let file = app.path().join("licenses.db");
    original(&file);
    let before = fs::read(&file).unwrap();
    let dry = app.run(&["license", "import", "licenses.db", "--dry-run"]).ok();
    assert!(dry.contains("3 read: 3 would be created"), "{dry}");
    assert_eq!(app.run(&["license", "list"]).ok(), "");
    let said = app.run(&["license", "import", "licenses.db"]);
    assert!(said.err.contains("\"rubbish\" is no moment"), "{said:?}");
    assert!(said.err.contains("3 licenses and 2 installations are here as they are there"));
    assert!(said.ok().contains("installations  2 read: 2 created"));
    let again = app.run(&["license", "import", "licenses.db", "--json"]).ok();
    assert_eq!(lines(&again)[0]["licenses"]["unchanged"], 3);
    assert_eq!(fs::read(&file).unwrap(), before, "the source is only read");
    let listed = lines(&app.run(&["license", "list", "--json"]).ok());
    let keys: Vec<_> = listed.iter().map(|it| it["license_key"].as_str().unwrap()).collect();
    assert_eq!(keys, ["eve-key", "ann-key", "user-example-com-20270223-48F47778"]);
    let shown = app.run(&["license", "show", "user-example-com-20270223-48F47778"]).ok();
    assert!(shown.contains("m-1") && shown.contains("m-2"), "{shown}");

    // From one service to another, over HTTP.
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    let other = App::new();
    let over_http = other.run(&["license", "import", &server.url()]).ok();
    assert!(over_http.contains("3 read: 3 created"), "{over_http}");
    assert_eq!(lines(&other.run(&["license", "list", "--json"]).ok()).len(), 3);
}

#[test]
fn a_source_that_is_none_is_named() {
    let app = App::new();
    app.run(&["license", "import", "nothing.db"]).fails(1, &["there is no file nothing.db"]);
    Connection::open(app.path().join("other.db"))
        .unwrap()
        .execute_batch("CREATE TABLE t (a)")
        .unwrap();
    app.run(&["license", "import", "other.db"]).fails(2, &["expected a table licenses", "t"]);
    app.write("text.db", "no database");
    app.run(&["license", "import", "text.db"]).fails(1, &["cannot read text.db"]);
}

#[test]
fn many_are_made_at_once() {
    let app = App::new();
    let said = app.run(&["license", "create", "shop@b.c", "--days", "30", "--count", "600"]).ok();
    let keys: std::collections::HashSet<_> =
        said.lines().map(|line| line.split('\t').next()).collect();
    assert_eq!(keys.len(), 600);
    app.write(
        "customers.csv",
        "email;days;license_key;tags;max_installations\nann@b.c;;own;team;5\nbob@b.c;7;;a;\n\n",
    );
    let from = ["license", "create", "--from", "customers.csv", "--forever", "--json"];
    let made = lines(&app.run(&from).ok());
    assert_eq!((&made[0]["license_key"], &made[0]["expiry"]), (&json!("own"), &Value::Null));
    assert!(made[1]["expiry"].is_string(), "{made:?}");
    // Within a day the same table is the same request.
    assert_eq!(lines(&app.run(&from).ok()), made);
    assert_eq!(lines(&app.run(&["license", "list", "--json"]).ok()).len(), 602);
    app.write("wrong.csv", "email,dayz\nann@b.c,3\n");
    app.run(&["license", "create", "--from", "wrong.csv"])
        .fails(2, &["wrong.csv: record 1", "\"dayz\" is no column", "did you mean days?"]);
    app.write("taken.csv", "email,license_key\nx@b.c,\ny@b.c,own\n");
    app.run(&["license", "create", "--from", "taken.csv"])
        .fails(1, &["licence 1:", "none was made"]);
    app.run(&["license", "create"]).fails(2, &["EMAIL"]);
    assert_eq!(lines(&app.run(&["license", "list", "--json"]).ok()).len(), 602);
}

#[test]
fn a_licence_lives_on_the_command_line() {
    let app = App::new();
    let key = app.run(&["license", "create", "Ann@b.c", "--days", "30", "--limit", "3"]).ok();
    let key = key.trim();
    assert!(key.starts_with("LIC-"), "{key}");
    let show = |license: &str| {
        let shown = app.run(&["license", "show", license, "--json"]).ok();
        lines(&shown).remove(0)["license"].clone()
    };
    let id = show(&key.to_lowercase())["id"].to_string();
    app.run(&["license", "suspend", key]).ok();
    assert_eq!(show(&id)["state"], "suspended");
    app.run(&["license", "show", key]).ok();
    app.run(&["license", "suspend", &id]).fails(1, &["is suspended"]);
    app.run(&["license", "reinstate", &id]).ok();
    app.run(&["license", "extend", &id, "--until", "2099-01-01"]).ok();
    assert_eq!(show(&id)["expiry_date"], "2099-01-01T00:00:00");
    app.run(&["license", "extend", &id]).fails(2, &["--days 30"]);
    app.run(&["license", "extend", &id, "--until", "soon"]).fails(1, &["\"soon\" is no moment"]);
    app.run(&["license", "delete", &id]).ok();
    app.run(&["license", "show", key]).fails(1, &["no license has this key", "by its number"]);
    app.run(&["license", "restore", &id]).ok();
    app.run(&["license", "revoke", &id]).ok();
    assert_eq!(lines(&app.run(&["license", "list", "--state", "revoked", "--json"]).ok()).len(), 1);
    app.run(&["license", "list", "--state", "odd"]).fails(1, &["expected one of active"]);
    app.run(&["license", "show", "999"]).fails(1, &["License not found"]);
    app.run(&["license", "create", "a@b.c", "--at-limit", "eject"]).fails(2, &["replace_oldest"]);
    app.run_with(&["license", "list"], &[("LICENSE_SECRET", "short")])
        .fails(2, &["licences.secret", "at least 32 bytes"]);
}

/// Without a word of the operator a secret is made, and no key is readable in the file.
#[test]
fn keys_are_sealed_with_the_secret_of_the_data_folder() {
    let app = App::new();
    let key = app.run(&["license", "create", "a@b.c"]).ok();
    let key = key.trim();
    let holds = |name: &str| {
        let bytes = fs::read(app.path().join("data").join(name)).unwrap_or_default();
        bytes.windows(key.len()).any(|window| window == key.as_bytes())
    };
    assert!(!["isobase.db", "isobase.db-wal"].into_iter().any(holds));
    assert!(app.run(&["license", "list"]).ok().contains(key));
    // With another secret only the end of the key is known; it still lets its holder in.
    fs::write(app.path().join("data/secret"), "another secret of 32 characters.").unwrap();
    let listed = app.run(&["license", "list"]).ok();
    assert!(!listed.contains(key) && listed.contains(&key[key.len() - 2..]), "{listed}");
    assert!(app.run(&["license", "show", key]).ok().contains("active"));
}

#[test]
fn a_file_is_verified_without_the_service() {
    let app = App::new();
    let secret = [("LICENSE_SECRET", "0123456789abcdef0123456789abcdef")];
    app.run_with(&["license", "create", "a@b.c"], &secret).ok();
    assert!(!app.path().join("data/secret").exists());
    app.run_with(&["license", "file", "1", "--installation", "m-1", "-o", "a.lic"], &secret).ok();
    let server = TestServer::builder()
        .data(app.path().join("data"))
        .env(secret[0].0, secret[0].1)
        .start()
        .unwrap();
    let key = server.request("GET", "/api/v1/license/public-key", &[], b"").unwrap();
    let key = key.json().unwrap()["public_key"].as_str().unwrap().to_owned();
    drop(server);
    let verify = |arguments: &[&str]| {
        app.run(&[&["license", "verify", "a.lic", "--public-key", &key], arguments].concat())
    };
    assert!(verify(&["--installation", "m-1"]).ok().starts_with("good: license 1 of a@b.c"));
    verify(&["--installation", "m-2"]).fails(1, &["it is for the installation \"m-1\""]);
    let text = fs::read_to_string(app.path().join("a.lic")).unwrap();
    app.write("a.lic", &text.replacen(['A', 'a'], "B", 3));
    verify(&[]).fails(1, &["the license file is not good"]);
    app.run(&["license", "verify", "none.lic", "--public-key", &key]).fails(2, &["cannot read"]);
}

#[test]
fn a_secret_signs_the_same_from_its_file_and_from_its_variable() {
    let app = App::new();
    app.run(&["license", "create", "a@b.c"]).ok();
    app.run(&["license", "file", "1", "-o", "a.lic"]).ok();
    let secret = app.path().join("data/secret");
    let text = fs::read_to_string(&secret).unwrap();
    fs::remove_file(secret).unwrap();
    let data = app.path().join("data");
    let builder = TestServer::builder().data(data).env("ISOBASE_SECRET", text.trim_end());
    let server = builder.start().unwrap();
    let key = server.request("GET", "/api/v1/license/public-key", &[], b"").unwrap();
    let key = key.json().unwrap()["public_key"].as_str().unwrap().to_owned();
    let verified = app.run(&["license", "verify", "a.lic", "--public-key", &key]).ok();
    assert!(verified.starts_with("good: license 1 of a@b.c"), "{verified}");
}

/// Where each engine is, and what to set for it.
fn engines(name: &str) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let mut engines = super::databases::on_servers(name);
    engines.push(("memory:".to_owned(), Vec::new()));
    engines
}

fn post(server: &TestServer, path: &str, body: &Value) -> (u16, Value) {
    let headers = [("content-type", "application/json")];
    let said = server.request("POST", path, &headers, body.to_string().as_bytes()).unwrap();
    (said.status, said.json().unwrap_or(Value::Null))
}

/// A report that is sent twice is in the log once, and is counted once.
fn logged_once(server: &TestServer, url: &str) {
    let report = json!({ "service": "llm", "endpoint": "/a", "method": "GET", "request_id": "r",
        "status_code": 200, "duration_ms": 5, "request_body": { "password": "hush" } });
    for duplicates in [0, 1] {
        let body = json!({ "requests": [report] });
        let (status, answer) = post(server, "/api/v1/db/requests/batch", &body);
        assert_eq!((status, &answer["duplicates"]), (200, &json!(duplicates)), "{url}: {answer}");
    }
    let get = |path: &str| {
        let said = server.request("GET", &format!("/api/v1/db/requests{path}"), &[], b"").unwrap();
        said.json().unwrap()
    };
    let listed = get("?service=llm&class=2xx&from=2020-01-01");
    assert_eq!((&listed["count"], &listed["total"]), (&json!(1), &json!(1)), "{url}: {listed}");
    assert!(!listed.to_string().contains("hush"), "{url}");
    assert_eq!(get("/stats?service=llm")["buckets"][0]["count"], 1, "{url}");
}

/// Limits and policies: a few, and all of them in a soak.
fn cases() -> Vec<(u64, &'static str)> {
    match isobase_testkit::is_soak() {
        true => {
            let policies = ["replace_oldest", "reject", "allow_n"];
            [1, 2, 5].into_iter().flat_map(|it| policies.map(|policy| (it, policy))).collect()
        }
        false => vec![(1, "replace_oldest"), (2, "reject"), (2, "replace_oldest"), (1, "allow_n")],
    }
}

fn racers() -> usize {
    if isobase_testkit::is_soak() { 200 } else { 20 }
}

/// On every engine: of parallel activations never more are let in than the limit says, and the
/// licence goes through all of its states.
#[test]
fn every_engine_holds_the_limit_under_races() {
    let name = isobase_testkit::unique_name("licences").replace('_', "-");
    for (url, variables) in engines(&name) {
        let mut builder = TestServer::builder().records_url(&url);
        for (variable, value) in variables {
            builder = builder.env(variable, value);
        }
        let server = builder.start().unwrap();
        logged_once(&server, &url);
        for (limit, policy) in cases() {
            let email = format!("{limit}-{policy}@b.c");
            let more = u64::from(policy == "allow_n");
            let body = json!({ "email": email, "max_installations": limit, "at_limit": policy,
                "allow_n": more });
            let limit = limit + more;
            let (status, made) = post(&server, "/api/v1/db/license/create", &body);
            assert_eq!(status, 200, "{url}: {made}");
            let key = made["license_key"].as_str().unwrap();
            let activate = |machine: usize| {
                let id = format!("m-{}", machine % (racers() / 2));
                let body = json!({ "email": email, "installation_id": id, "license_key": key });
                post(&server, "/api/v1/license/activate", &body)
            };
            let answers: Vec<_> = thread::scope(|scope| {
                let racers: Vec<_> =
                    (0..racers()).map(|machine| scope.spawn(move || activate(machine))).collect();
                racers.into_iter().map(|racer| racer.join().unwrap()).collect()
            });
            for (status, answer) in answers {
                assert!(status == 200 || status == 400, "{url}: {status} {answer}");
                assert!(answer["active_count"].as_u64().unwrap() <= limit, "{url}: {answer}");
            }
            let listed = server
                .request("GET", &format!("/api/v1/db/installations?email={email}"), &[], b"")
                .unwrap();
            assert_eq!(listed.json().unwrap()["count"], limit, "{url}");
            let id = &made["id"];
            for (action, state) in [("suspend", "suspended"), ("reinstate", "active")] {
                let path = format!("/api/v1/db/license/{id}/{action}");
                let (status, licence) = post(&server, &path, &json!({}));
                assert_eq!((status, &licence["state"]), (200, &json!(state)), "{url}: {licence}");
                assert_eq!(post(&server, &path, &json!({})).0, 409, "{url}");
            }
        }
    }
}
