//! An app folder: its collections as its API, on any port.

use std::{fs, net::TcpListener, time::Duration};

use isobase_testkit::{TestServer, wait_until};
use serde_json::{Value, json};

use super::command::App;

const ITEMS: &str = r#"{"type":"object","required":["user_id","name"],"properties":{
    "user_id":{"type":"integer","minimum":1},"name":{"type":"string"},"done":{"type":"boolean"}}}"#;

#[test]
fn a_declared_collection_has_routes_of_its_own() {
    let app = App::new();
    app.write("items.json", ITEMS);
    let settings = "[collections.items]\nschema = \"items.json\"\norder = \"-id\"\n\
        create = [\"user_id\", \"name\"]\ntexts = { not_found = \"No such thing\" }\n\
        [collections.sessions]\n";
    let settings = app.write("isobase.toml", settings);
    let server = TestServer::builder().arg("--config").arg(settings).start().unwrap();
    let ask = |method: &str, path: &str, body: Value| {
        let json = [("content-type", "application/json")];
        let body = if body.is_null() { String::new() } else { body.to_string() };
        server.request(method, path, &json, body.as_bytes()).unwrap()
    };
    for name in ["a", "b"] {
        let body = json!({ "user_id": "1", "name": name, "done": true });
        assert_eq!(ask("POST", "/api/items", body).status, 200);
    }
    let listed = ask("GET", "/api/items?fields=name", Value::Null);
    assert_eq!(listed.text(), r#"[{"id":2,"name":"b"},{"id":1,"name":"a"}]"#);
    let missing = ask("DELETE", "/api/items/9", Value::Null);
    assert_eq!(
        (missing.status, &missing.json().unwrap()["detail"]),
        (404, &json!("No such thing"))
    );
    assert!(server.log().contains("sessions is at /records/sessions only"), "{}", server.log());
}

#[test]
fn wrong_declarations_name_their_place() {
    let app = App::new();
    app.write("items.json", ITEMS);
    for (line, parts) in [
        ("order = \"-\"", &["isobase.toml:2", "collections.items.order"] as &[&str]),
        ("event = \"An item\"", &["isobase.toml:2", "collections.items.event", "a word of a-z"]),
        ("page_size = 0", &["isobase.toml:2", "collections.items.page_size", "from 1"]),
        ("create = \"name\"", &["isobase.toml:2", "collections.items.create", "a list"]),
        ("texts = { lost = \"x\" }", &["isobase.toml:2", "collections.items.texts", "not_found"]),
        ("ordre = \"id\"", &["isobase.toml:2", "did you mean collections.items.order"]),
        (
            "schema = \"items.json\"\nupdate = [\"dune\"]",
            &["isobase.toml:1", "update names \"dune\"", "did you mean done?"],
        ),
    ] {
        app.write("isobase.toml", &format!("[collections.items]\n{line}\n"));
        app.run(&["serve", ".", "0"]).fails(2, parts);
    }
    let twice = app.run(&["serve", ".", "3000", "--port", "3001"]);
    twice.fails(2, &["--port", "cannot be used with"]);
    fs::remove_file(app.path().join("isobase.toml")).unwrap();
    app.run(&["serve", ".", "x"]).fails(2, &["setting port is \"x\" (flag PORT)"]);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    app.run(&["serve", ".", &port]).fails(1, &[&port, "in use"]);
}

#[test]
fn seeds_are_read_once_into_a_new_database() {
    let app = App::new();
    fs::create_dir(app.path().join("seed")).unwrap();
    let lines: String = (1..=45).map(|number| format!("{{\"n\":{number}}}\n\n")).collect();
    app.write("seed/notes.ndjson", &lines);
    app.write("seed/people.ndjson", "{\"id\":7,\"name\":\"a\"}\n{\"name\":\"b\",\"id\":\"x/y\"}\n");
    app.write("isobase.toml", "[collections.notes]\n[collections.people]\nschema = \"p.json\"\n");
    app.write("p.json", r#"{"required":["name"]}"#);
    let mut server = TestServer::builder().arg(app.path()).start().unwrap();
    let count = |server: &TestServer, path: &str| {
        let listed = server.request("GET", path, &[], b"").unwrap();
        listed.json().unwrap().as_array().map_or(0, Vec::len)
    };
    assert_eq!((count(&server, "/api/notes"), count(&server, "/api/people")), (45, 2));
    let own = server.request("GET", "/api/people/x%2Fy", &[], b"").unwrap();
    assert_eq!(own.text(), r#"{"id":"x/y","name":"b"}"#);
    server.request("DELETE", "/api/people/7", &[], b"").unwrap();
    app.write("seed/more.ndjson", "{}\n{\n");
    server.terminate().unwrap();
    let database = format!("sqlite://{}", server.data().join("isobase.db").display());
    let again = app.run_with(&["serve", ".", "0"], &[("RECORDS_URL", &database)]);
    again.fails(1, &["seed/more.ndjson:2: ", "mend the line"]);
    app.write("seed/more.ndjson", "{}\n{\"a\":1}\n");
    server.start_again().unwrap();
    assert_eq!(count(&server, "/records/more"), 2);
    assert_eq!((count(&server, "/api/notes"), count(&server, "/api/people")), (45, 1));
}

#[test]
fn a_watched_file_is_taken_when_it_changes() {
    let app = App::new();
    app.write("isobase.toml", "[collections.notes]\n");
    app.write("index.html", "<p>hello</p>");
    let server = TestServer::builder().arg(app.path()).arg("--watch").start().unwrap();
    let get = |path: &str| server.request("GET", path, &[], b"").unwrap();
    assert_eq!((get("/").text().as_str(), get("/api/notes").status), ("<p>hello</p>", 200));
    assert_eq!(get("/api/people").status, 404);
    let patience = Duration::from_secs(60);
    app.write("isobase.toml", "[collections.people]\nordre = \"id\"\n");
    wait_until("the mistake is told", patience, || {
        Ok(server.log().contains("unknown setting collections.people.ordre").then_some(()))
    })
    .unwrap();
    assert_eq!(get("/api/notes").status, 200);
    app.write("isobase.toml", "# people\n[collections.people]\norder = \"-id\"\n");
    wait_until("the new collection", patience, || {
        Ok((get("/api/people").status == 200).then_some(()))
    })
    .unwrap();
    assert_eq!(get("/api/notes").status, 404);
    app.write("isobase.toml", "records_url = \"memory:\"\n");
    wait_until("the refusal", patience, || {
        Ok(server.log().contains("setting records_url cannot change").then_some(()))
    })
    .unwrap();
}
