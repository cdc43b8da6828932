use std::{fs, os::unix::fs::PermissionsExt, path::Path, time::Duration};

use isobase_testkit::{TestServer, wait_until};

use super::{command::App, databases::on_servers};

/// Far longer than a service takes to see a key.
const PATIENCE: Duration = Duration::from_secs(30);

/// The status of a listing with a key, or without.
fn status(server: &TestServer, key: Option<&str>) -> u16 {
    let bearer = key.map(|key| format!("Bearer {key}"));
    let headers: Vec<_> = bearer.iter().map(|bearer| ("authorization", bearer.as_str())).collect();
    server.request("GET", "/records/things", &headers, b"").unwrap().status
}

fn data(server: &TestServer) -> String {
    server.data().to_str().unwrap().to_owned()
}

#[test]
fn a_key_is_made_listed_used_and_revoked() {
    let mut server = TestServer::builder().prepare().unwrap();
    let (app, data) = (App::new(), data(&server));
    let with_data = |arguments: &[&str]| app.run(&[arguments, &["--data", &data]].concat());

    let key = with_data(&["key", "create", "app", "--scope", "read"]).ok().trim().to_owned();
    assert!(!key.is_empty());
    let list = with_data(&["key", "list"]).ok();
    assert!(list.contains("app") && list.contains("read"), "{list}");
    assert!(!list.contains(&key), "keys are shown once");
    with_data(&["key", "create", "app", "--scope", "read"]).fails(1, &["already"]);
    with_data(&["key", "create", "b", "--scope", "reed"]).fails(2, &["licences:read"]);

    server.start_again().unwrap();
    assert_eq!(status(&server, None), 401);
    assert_eq!(status(&server, Some(&key)), 200);
    let bearer = format!("Bearer {key}");
    let json = [("authorization", bearer.as_str()), ("content-type", "application/json")];
    assert_eq!(server.request("POST", "/records/things", &json, b"{}").unwrap().status, 403);

    // The service holds the file: it is asked, and what it answers holds at once.
    with_data(&["key", "create", "app", "--scope", "read"]).fails(1, &["already"]);
    let both = with_data(&["key", "create", "two", "--scope", "write,licences:read", "--json"]);
    let both: serde_json::Value = serde_json::from_str(&both.ok()).unwrap();
    assert_eq!(both["scopes"], serde_json::json!(["write", "licences:read"]));
    assert_eq!(status(&server, both["key"].as_str()), 200);
    with_data(&["key", "revoke", "app"]).ok();
    assert_eq!(status(&server, Some(&key)), 401);
    assert!(with_data(&["key", "list"]).ok().contains("revoked"));
    with_data(&["key", "revoke", "app"]).fails(1, &["no valid key"]);
}

#[test]
fn a_key_is_replaced_and_the_former_one_goes_on_for_a_while() {
    let mut server = TestServer::builder().prepare().unwrap();
    let (app, data) = (App::new(), data(&server));
    let with_data = |arguments: &[&str]| app.run(&[arguments, &["--data", &data]].concat());
    let first = with_data(&["key", "create", "app", "--scope", "read"]).ok().trim().to_owned();
    let second = with_data(&["key", "rotate", "app"]).ok().trim().to_owned();
    server.start_again().unwrap();
    for key in [&first, &second] {
        assert_eq!(status(&server, Some(key)), 200);
    }
    // Through the service, which accepts and refuses at once.
    let rotated = with_data(&["key", "rotate", "app", "--overlap", "0", "--json"]).ok();
    let rotated: serde_json::Value = serde_json::from_str(&rotated).unwrap();
    assert!(rotated["former"]["revoked_at"].is_string(), "{rotated}");
    assert_eq!(status(&server, Some(&second)), 401);
    assert_eq!(status(&server, rotated["key"].as_str()), 200);
    assert_eq!(status(&server, Some(&first)), 200);
    let list = with_data(&["key", "list"]).ok();
    assert!(list.contains("replaced by") && list.contains("ends 2"), "{list}");
    // The former one is ended sooner by its id.
    let id = first.split('_').nth(1).unwrap();
    with_data(&["key", "revoke", id]).ok();
    assert_eq!(status(&server, Some(&first)), 401);
    assert_eq!(status(&server, rotated["key"].as_str()), 200);
    with_data(&["key", "rotate", "app", "--overlap", "soon"]).fails(2, &["24h"]);
    with_data(&["key", "rotate", "app", "--overlap", "91d"]).fails(1, &["90 days"]);
    with_data(&["key", "rotate", "nobody"]).fails(1, &["no valid key"]);
}

#[test]
fn there_are_no_keys_at_first() {
    let app = App::new();
    assert_eq!(app.run(&["key", "list"]).ok(), "");
    assert!(!app.path().join("data").exists(), "a list makes no files");
    app.run(&["key", "revoke", "x"]).fails(1, &["no valid key"]);
}

/// Also where the records are in memory: anyone who makes a key believes the service closed.
#[test]
fn the_first_key_closes_a_running_service() {
    let server = TestServer::builder().records_url("memory:").start().unwrap();
    assert_eq!(status(&server, None), 200);
    let (app, data) = (App::new(), data(&server));
    let key = app.run(&["key", "create", "app", "--scope", "read", "--data", &data]).ok();
    assert_eq!(status(&server, None), 401);
    assert_eq!(status(&server, Some(key.trim())), 200);
}

#[test]
fn two_services_on_one_database_have_the_same_keys() {
    let Some(url) = isobase_testkit::postgres_url() else { return };
    let schema = isobase_testkit::unique_name("keys");
    let url = format!("{url}{}schema={schema}", if url.contains('?') { '&' } else { '?' });
    let server = || TestServer::builder().records_url(&url).start().unwrap();
    let (first, second) = (server(), server());
    assert_eq!((status(&first, None), status(&second, None)), (200, 200));
    let (app, data) = (App::new(), data(&first));
    let key = app.run(&["key", "create", "app", "--scope", "read", "--data", &data]).ok();
    let key = Some(key.trim());
    wait_until("the key at the other service", PATIENCE, || {
        let closed = status(&second, None) == 401 && status(&second, key) == 200;
        Ok(closed.then_some(()))
    })
    .unwrap();
    app.run(&["key", "revoke", "app", "--data", &data]).ok();
    wait_until("the end of the key at the other service", PATIENCE, || {
        Ok((status(&second, key) == 401).then_some(()))
    })
    .unwrap();
}

#[test]
fn only_the_user_of_a_service_opens_its_socket() {
    let mut server = TestServer::start().unwrap();
    let socket = server.data().join("isobase.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let left: Vec<_> = fs::read_dir(server.data())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.starts_with(".isobase"))
        .collect();
    assert_eq!(left, Vec::<String>::new());
    // One that was killed leaves it, and the next takes its place.
    server.kill().unwrap();
    assert!(socket.exists());
    server.start_again().unwrap();
    let (app, data) = (App::new(), data(&server));
    app.run(&["key", "list", "--data", &data]).ok();
    server.terminate().unwrap();
    assert!(!socket.exists(), "it goes with the service");
}

#[test]
fn commands_need_no_key_where_the_service_runs() {
    let server = TestServer::start().unwrap();
    let (app, data) = (App::new(), data(&server));
    app.run(&["key", "create", "app", "--scope", "read", "--data", &data]).ok();
    assert_eq!(status(&server, None), 401);
    app.run(&["index", "create", "things", "n", "--data", &data]).ok();
    fs::write(app.path().join("things.ndjson"), "{\"n\":1}\n{\"n\":2}\n").unwrap();
    app.run(&["import", "things.ndjson", "--collection", "things", "--data", &data]).ok();
    let exported = app.run(&["export", "-c", "things", "--data", &data]).ok();
    assert_eq!(exported.lines().count(), 2, "{exported}");
    app.run(&["index", "list", "things", "--url", &server.url()]).fails(1, &["give a key"]);
}

/// The file was written by a build of before keys were documents.
#[test]
fn keys_of_the_former_file_are_taken_over_once() {
    let former = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/keys.db");
    let website = "iso_4a61a5808fbd_5e8d6ba6a2ae50a021918746ca6c952cc29a933ee6a7e73c";
    let gone = "iso_d951fb5cd85c_3a950cc262189500e5f69127b70dc34d2cf6773a9d33dab2";
    let mut server = TestServer::builder().prepare().unwrap();
    fs::create_dir_all(server.data()).unwrap();
    let file = server.data().join("keys.db");
    fs::copy(former, &file).unwrap();
    server.start_again().unwrap();
    assert_eq!((status(&server, None), status(&server, Some(website))), (401, 200));
    assert_eq!(status(&server, Some(gone)), 401);
    assert!(!file.exists() && server.data().join("keys.db.taken-over").exists());
    let (app, data) = (App::new(), data(&server));
    let list = app.run(&["key", "list", "--data", &data]).ok();
    let named = |name: &str| list.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert_eq!(list.lines().count(), 4, "{list}");
    assert!(named("shop").contains("write") && named("boss").contains("admin"), "{list}");
    assert!(named("gone").contains("revoked"), "{list}");
    app.run(&["key", "revoke", "website", "--data", &data]).ok();
    server.terminate().unwrap();
    server.start_again().unwrap();
    assert_eq!(status(&server, Some(website)), 401, "what was taken over does not come back");
}

#[test]
fn a_former_file_without_keys_leaves_the_service_open() {
    let mut server = TestServer::builder().prepare().unwrap();
    fs::create_dir_all(server.data()).unwrap();
    let file = server.data().join("keys.db");
    let connection = rusqlite::Connection::open(&file).unwrap();
    let table = "CREATE TABLE keys (id TEXT PRIMARY KEY, name TEXT NOT NULL, scope TEXT NOT NULL, \
                 hash BLOB NOT NULL, created_at INTEGER NOT NULL, last_used_at INTEGER, \
                 revoked_at INTEGER) STRICT";
    connection.execute_batch(table).unwrap();
    connection.close().unwrap();
    server.start_again().unwrap();
    assert_eq!(status(&server, None), 200);
    assert!(!file.exists());
}

#[test]
fn keys_are_kept_on_every_engine() {
    let app = App::new();
    let name = isobase_testkit::unique_name("keys").replace('_', "-");
    for (url, variables) in on_servers(&name) {
        let variables = [&variables[..], &[("RECORDS_URL", url.as_str())]].concat();
        let run = |arguments: &[&str]| app.run_with(&[&["key"], arguments].concat(), &variables);
        run(&["create", "app", "--scope", "read,requests:write"]).ok();
        run(&["create", "app", "--scope", "read"]).fails(1, &["already"]);
        run(&["create", "other", "--scope", "admin"]).ok();
        run(&["revoke", "app"]).ok();
        run(&["create", "app", "--scope", "write"]).ok();
        let list = run(&["list"]).ok();
        let of_app: Vec<_> = list.lines().filter(|line| line.contains("  app")).collect();
        assert_eq!(of_app.len(), 2, "{url}: {list}");
        assert!(of_app[0].contains("read,requests:write") && of_app[0].contains("revoked"));
    }
}

#[test]
fn a_restored_database_asks_for_its_keys() {
    let mut server = TestServer::builder().prepare().unwrap();
    let (app, data) = (App::new(), data(&server));
    let key = app.run(&["key", "create", "app", "--scope", "read", "--data", &data]).ok();
    let url = |data: &str| format!("sqlite://{data}/isobase.db");
    app.run(&["dump", "all.isobase", "--url", &url(&data)]).ok();
    fs::remove_dir_all(server.data()).unwrap();
    let restore = ["restore", "all.isobase", "--url", &url(&data)];
    let said = app.run(&restore);
    assert!(said.err.contains("taken along: isobase_keys"), "{said:?}");
    said.ok();
    server.start_again().unwrap();
    assert_eq!((status(&server, None), status(&server, Some(key.trim()))), (401, 200));

    server.terminate().unwrap();
    fs::remove_dir_all(server.data()).unwrap();
    let said = app.run(&[&restore[..], &["--without-system", "--json"]].concat());
    let report = &said.json()["report"];
    assert_eq!(report["system_left_out"], serde_json::json!(["isobase_keys"]));
    server.start_again().unwrap();
    assert_eq!(status(&server, None), 200);
}

/// An operator is told before anything is served.
#[test]
fn a_secret_that_can_be_guessed_is_refused() {
    let app = App::new();
    let said = app.run_with(&["serve", "--port", "0"], &[("ISOBASE_SECRET", "guess")]);
    said.fails(2, &["at least 16", "openssl rand -hex 32"]);
}

#[test]
fn a_file_of_another_program_brings_no_keys() {
    let app = App::new();
    let key = serde_json::json!({
        "_id": "key:0123456789ab", "name": "theirs", "scopes": ["admin"], "hash": "0".repeat(64),
        "created_us": 1, "valid_name": "theirs",
    });
    let data = serde_json::json!({ "users": [{ "_id": "ann" }], "isobase_keys": [key] });
    let backup = serde_json::json!({ "metadata": {}, "data": data });
    app.write("backup.json", &backup.to_string());
    let said = app.run(&["import", "backup.json"]);
    assert!(said.err.contains("stayed behind: isobase_keys"), "{said:?}");
    said.ok();
    assert_eq!(app.run(&["key", "list"]).ok(), "");
    assert_eq!(app.run(&["export", "-c", "users"]).ok().lines().count(), 1);
}
