//! What an import does with files that are wrong, and when it is run again.

use std::fs;

use isobase_testkit::{TestServer, TlsFront};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::command::{App, Said};

const IMPORT: [&str; 4] = ["import", "in.ndjson", "--collection", "c"];
const LINES: &str = "{\"n\":1}\n{\"n\":\"two\"}\n{\"n\":3}\n";

fn with_schema(kind: &str) -> App {
    let app = App::new();
    app.write("isobase.toml", "[collections.c]\nschema = \"c.json\"\n");
    set_schema(&app, kind);
    app
}

fn set_schema(app: &App, kind: &str) {
    app.write("c.json", &format!("{{\"properties\":{{\"n\":{{\"type\":{kind}}}}}}}"));
}

fn exported(app: &App) -> usize {
    text_of(app, &["export", "--collection", "c"]).lines().count()
}

/// What an export prints; nothing where the collection is not there.
fn text_of(app: &App, export: &[&str]) -> String {
    let said = app.run(export);
    if said.err.contains("there is no collection") { String::new() } else { said.ok() }
}

#[test]
fn a_quotation_mark_that_is_not_closed_ends_the_import() {
    let app = App::new();
    for (text, parts) in [
        ("id,name\n1,\"Ann\n2,Bob\n3,Cid\n", ["line 2", "never closed"]),
        ("id,name\n1,Ann\n2,\"Bo", ["line 3", "never closed"]),
        ("id,name\n1,\"x\" inch\n", ["line 2", "more text"]),
        ("id,name\n1,Ann\n2", ["record 2", "1 cells, expected 2"]),
    ] {
        app.write("in.csv", text);
        app.run(&["import", "in.csv", "-c", "c"]).fails(1, &parts);
        assert_eq!(exported(&app), 0, "{text}");
    }
}

#[test]
fn a_refused_record_keeps_its_neighbours_out_until_it_is_mended() {
    let app = with_schema("\"integer\"");
    app.write("in.ndjson", LINES);
    app.run(&IMPORT).fails(1, &["record 2", "mend the record"]);
    assert_eq!(exported(&app), 0);
    app.write("in.ndjson", &LINES.replace("\"two\"", "2"));
    let done = app.run(&[&IMPORT[..], &["--json"]].concat()).json();
    assert_eq!((&done["new"], exported(&app)), (&3.into(), 3));

    // Or the schema is mended: what was refused is asked again.
    let app = with_schema("\"integer\"");
    app.write("in.ndjson", LINES);
    for _ in 0..2 {
        app.run(&IMPORT).fails(1, &["record 2"]);
    }
    set_schema(&app, "[\"integer\",\"string\"]");
    for new in [3, 0] {
        let done = app.run(&[&IMPORT[..], &["--json"]].concat()).json();
        assert_eq!((&done["new"], exported(&app)), (&new.into(), 3));
    }
}

#[test]
fn records_that_are_left_out_are_named_and_asked_again() {
    let app = with_schema("\"integer\"");
    app.write("in.ndjson", &format!("{LINES}nonsense\n"));
    let import = [&IMPORT[..], &["--skip-bad"]].concat();
    let said = app.run(&import);
    for part in
        ["2 new, 2 left out", "left out: record 2 (line 2): ", "left out: record 4 (line 4): "]
    {
        assert!(said.err.contains(part), "{part} is not in {}", said.err);
    }
    said.ok();
    set_schema(&app, "[\"integer\",\"string\"]");
    let done = app.run(&[&import[..], &["--json"]].concat()).json();
    assert_eq!((&done["new"], &done["already_there"]), (&1.into(), &2.into()));
    assert_eq!(exported(&app), 3);
}

/// The same with a service, whose body limit is smaller than some records and all chunks.
#[test]
fn a_service_that_refuses_stores_nothing_twice() {
    let app = App::new();
    let schema = app.write("c.json", "{\"properties\":{\"n\":{\"type\":\"integer\"}}}");
    let settings = app.write(
        "service.toml",
        &format!(
            "[limits]\nbody_bytes = \"20KiB\"\n[collections.c]\nschema = {:?}\n",
            schema.to_str().unwrap()
        ),
    );
    let server = TestServer::builder().arg("--config").arg(&settings).start().unwrap();
    let url = server.url();
    let run = |more: &[&str]| -> Said {
        app.run(&[&IMPORT[..], &["--url", &url, "--json"], more].concat())
    };
    let stored = || {
        let answer = server.request("GET", "/records/c?fields=n", &[], b"").unwrap();
        answer.json().unwrap().as_array().unwrap().len()
    };
    let good: String =
        (0..700).map(|n| format!("{{\"n\":{n},\"text\":\"{:50}\"}}\n", "")).collect();
    let large = format!("{{\"n\":1,\"text\":\"{}\"}}\n", "x".repeat(30 << 10));

    app.write("in.ndjson", &format!("{good}{{\"n\":\"two\"}}\n"));
    run(&[]).fails(1, &["record 701", "schema_violation"]);
    app.write("in.ndjson", &format!("{good}{{\"n\":2}}\n"));
    run(&[]).ok();
    assert_eq!(stored(), 701);

    app.write("in.ndjson", &format!("{good}{large}{{\"n\":\"two\"}}\n{{\"n\":3}}\n"));
    run(&[]).fails(1, &["record 701", "body"]);
    let done = run(&["--skip-bad", "--again"]).json();
    assert_eq!((&done["new"], &done["left_out"]), (&701.into(), &2.into()));
    fs::remove_file(settings).unwrap();
}

#[test]
fn an_encrypted_service_is_reached_and_must_be_whom_it_says() {
    let app = App::new();
    app.write("in.ndjson", "{\"n\":1}\n");
    let server = TestServer::start().unwrap();
    let front = TlsFront::start(server.address(), "127.0.0.1").unwrap();
    let other = TlsFront::start(server.address(), "db.example").unwrap();
    let url = front.url();
    let trusting = |front: &TlsFront| app.write("authority.pem", front.certificate());
    let run = |url: &str, authority: Option<&std::path::Path>| {
        let trusted = authority.map(|path| ("SSL_CERT_FILE", path.to_str().unwrap()));
        let import = [&IMPORT[..], &["--url", url, "--json"]].concat();
        app.run_with(&import, trusted.as_slice())
    };
    assert_eq!(run(&url, Some(&trusting(&front))).json()["new"], 1);
    let export = ["export", "-c", "c", "--url", &url];
    let authority = app.path().join("authority.pem");
    let trusted = [("SSL_CERT_FILE", authority.to_str().unwrap())];
    assert_eq!(app.run_with(&export, &trusted).ok(), "{\"n\":1,\"id\":1}\n");

    run(&url, None).fails(1, &["no encrypted connection", "UnknownIssuer", "SSL_CERT_FILE"]);
    run(&other.url(), Some(&trusting(&other))).fails(1, &["not valid for name"]);
    let plain = server.url().replace("http://", "https://");
    run(&plain, None).fails(1, &["no encrypted connection"]);
    assert_eq!(
        server.request("GET", "/records/c", &[], b"").unwrap().text(),
        "[{\"n\":1,\"id\":1}]"
    );
}

#[test]
fn tables_of_other_programs_are_read_as_they_are() {
    let app = App::new();
    let text = "sep=;\r\nno;zip;big;yes\r\n1;01234;1;True\r\n2e3;;9007199254740993;FALSE\r\n";
    let utf16: Vec<u8> =
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(app.path().join("in.csv"), utf16).unwrap();
    let said = app.run(&["import", "in.csv", "-c", "c"]);
    let told = "columns: no number, zip text, big text, yes boolean";
    assert!(said.err.contains(told), "{}", said.err);
    said.ok();
    let expected = "{\"no\":1,\"zip\":\"01234\",\"big\":\"1\",\"yes\":true,\"id\":1}\n\
                    {\"no\":2e3,\"zip\":null,\"big\":\"9007199254740993\",\"yes\":false,\"id\":2}\n";
    assert_eq!(app.run(&["export", "-c", "c"]).ok(), expected);
    let typed = ["import", "in.csv", "-c", "d", "--types", "big=number,zip=number"];
    app.run(&typed).fails(1, &["record 1 (line 3): column 2 (zip): \"01234\" is no number"]);

    fs::write(app.path().join("x.csv"), b"PAR1\x15\x04").unwrap();
    app.run(&["import", "x.csv", "-c", "x"]).fails(1, &["a Parquet file"]);
    app.write("in.json", "{\"data\":[{\"n\":1}]}");
    app.run(&["import", "in.json", "-c", "x"]).fails(1, &["\"data\" is a list of objects"]);
}

#[test]
fn what_was_exported_is_imported_as_it_was() {
    let app = App::new();
    let lines = "{\"n\":1,\"id\":\"b\"}\n{\"n\":2,\"id\":\"ü c\"}\n";
    app.write("in.ndjson", lines);
    let import = |ids: &str| app.run(&[&IMPORT[..], &["--ids", ids]].concat());
    import("keep").ok();
    let export = || app.run(&["export", "-c", "c"]).ok();
    assert_eq!(export(), lines);
    import("keep").ok();
    app.write("in.ndjson", &lines.replace(":2", ":3"));
    import("keep").fails(1, &["record 1", "mend the record"]);
    assert_eq!(export(), lines);
    import("upsert").ok();
    assert_eq!(export(), lines.replace(":2", ":3"));
    let said = app.run(&IMPORT);
    assert!(said.err.contains("2 records had ids of their own"), "{}", said.err);

    let server = TestServer::start().unwrap();
    let url = ["--url", &server.url(), "--ids", "keep"];
    app.run(&[&IMPORT[..], &url].concat()).ok();
    app.write("in.ndjson", "{\"id\":\"a\"}\n{\"id\":\"b\"}\n");
    app.run(&[&IMPORT[..], &url].concat()).fails(1, &["record 2", "already_exists"]);
    assert_eq!(server.request("GET", "/records/c/a", &[], b"").unwrap().status, 404);
}

#[test]
fn a_copy_says_what_else_the_target_has() {
    let app = App::new();
    let import = |lines: &str, url: &str| {
        app.write("in.ndjson", lines);
        app.run(&[&IMPORT[..], &["--url", url]].concat()).ok();
    };
    import("{}\n{}\n{}\n", "sqlite://to.db");
    import("{}\n", "sqlite://from.db");
    let copy = ["copy", "sqlite://from.db", "sqlite://to.db"];
    let said = app.run(&[&copy[..], &["--overwrite"]].concat());
    assert!(said.err.contains("the target has more documents"), "{}", said.err);
    assert!(said.err.contains("2 in c"), "{}", said.err);
    said.ok();
    app.write("in.ndjson", "{}\n");
    app.run(&["import", "in.ndjson", "-c", "only-there", "--url", "sqlite://to.db"]).ok();
    let said = app.run(&[&copy[..], &["--mirror"]].concat());
    assert!(said.err.contains("deleted: 3 documents"), "{}", said.err);
    said.ok();
    let to = documents(&app, "sqlite://to.db", "c");
    assert_eq!(to, documents(&app, "sqlite://from.db", "c"));
    assert_eq!(documents(&app, "sqlite://to.db", "only-there"), [] as [Value; 0]);
}

/// The documents of a collection.
fn documents(app: &App, url: &str, collection: &str) -> Vec<Value> {
    let out = text_of(app, &["export", "-c", collection, "--url", url]);
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn databases_of_other_programs_are_imported_whole() {
    let app = App::new();
    let records = Connection::open(app.path().join("data.db")).unwrap();
    records
        .execute_batch(
            r#"CREATE TABLE records (id INTEGER PRIMARY KEY AUTOINCREMENT, collection TEXT NOT NULL,
                data TEXT NOT NULL, created_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP,
                updated_at TIMESTAMP DEFAULT CURRENT_TIMESTAMP);
            INSERT INTO records (collection, data, created_at) VALUES
                ('b', '{"n": 1}', '2025-01-15 08:00:00'), ('a', '{"n": 1.50}', '2025-01-15 08:00:01'),
                ('b', '{"n": 2}', '2025-01-15 08:00:02'), ('b', '{"n": 3}', '2025-01-15 08:00:03');
            DELETE FROM records WHERE id = 4"#,
        )
        .unwrap();
    drop(records);
    let before = fs::read(app.path().join("data.db")).unwrap();
    let one = ["import", "data.db", "--url", "sqlite://one.db"];
    app.run(&one).ok();
    assert!(before == fs::read(app.path().join("data.db")).unwrap());
    let b = documents(&app, "sqlite://one.db", "b");
    assert_eq!(b, [json!({"n": 1, "id": 1}), json!({"n": 2, "id": 3})]);
    // The counter and the times are there too.
    app.write("in.ndjson", "{\"n\":5}\n");
    app.run(&[&IMPORT[..], &["--url", "sqlite://one.db"]].concat()).ok();
    assert_eq!(documents(&app, "sqlite://one.db", "c")[0]["id"], 5);
    let made = Connection::open(app.path().join("one.db")).unwrap();
    let made =
        made.query_row("SELECT min(created_at) FROM records", [], |row| row.get::<_, i64>(0));
    assert_eq!(made.unwrap(), 1_736_928_000_000_000);
    app.run(&one).fails(1, &["--ids upsert"]);
    app.run(&[&one[..], &["--ids", "upsert"]].concat()).ok();

    app.write(
        "backup.json",
        r#"{"metadata": {"provider": "couchdb"}, "data": {
            "users": [{"_id": "ann", "n": 1.0}], "tickets": [{"_id": "7", "open": true}]}}"#,
    );
    app.run(&["import", "backup.json", "--url", "sqlite://two.db"]).ok();
    assert_eq!(documents(&app, "sqlite://two.db", "users"), [json!({"n": 1.0, "id": "ann"})]);
    assert_eq!(documents(&app, "sqlite://two.db", "tickets"), [json!({"open": true, "id": 7})]);

    app.write("in.json", "[{\"n\":1}]");
    app.run(&["import", "in.json", "--url", "sqlite://three.db"]).fails(2, &["--collection"]);
    assert!(!app.path().join("three.db").exists());
}

/// A ZIP archive with one file in it, as it is.
fn zip(name: &str, content: &[u8]) -> Vec<u8> {
    let length = u32::try_from(content.len()).unwrap().to_le_bytes();
    let name_length = u16::try_from(name.len()).unwrap().to_le_bytes();
    let sizes = [&[0; 4][..], &length, &length, &name_length, &[0; 2]].concat();
    let local = [b"PK\x03\x04", &[0; 10][..], &sizes, name.as_bytes(), content].concat();
    let entry = [b"PK\x01\x02", &[0; 12][..], &sizes, &[0; 14], name.as_bytes()].concat();
    let (bytes, at) = (u32::try_from(entry.len()).unwrap(), u32::try_from(local.len()).unwrap());
    let counts = [0, 0, 0, 0, 1, 0, 1, 0];
    let end =
        [b"PK\x05\x06", &counts[..], &bytes.to_le_bytes(), &at.to_le_bytes(), &[0; 2]].concat();
    [local, entry, end].concat()
}

#[test]
fn a_backup_of_pocketbase_is_imported_by_what_its_values_are() {
    let app = App::new();
    let path = app.path().join("pb.db");
    let database = Connection::open(&path).unwrap();
    database
        .execute_batch(
            r#"CREATE TABLE _collections (id TEXT, system BOOLEAN, type TEXT, name TEXT, fields JSON);
            INSERT INTO _collections VALUES
                ('1', 0, 'base', 'tasks', '[{"name":"done","type":"bool"},
                    {"name":"meta","type":"json"},{"name":"tags","type":"select","maxSelect":3},
                    {"name":"size","type":"number"}]'),
                ('2', 0, 'auth', 'people', '[{"name":"email","type":"email"}]'),
                ('3', 0, 'view', 'v', '[]'), ('4', 1, 'auth', '_superusers', '[]');
            CREATE TABLE tasks (id TEXT PRIMARY KEY, title TEXT, done BOOLEAN, meta JSON, tags JSON,
                size NUMERIC, created TEXT, updated TEXT);
            INSERT INTO tasks VALUES
                ('abc123def456ghi', '[1]', 1, '{"a": [1.50, 9007199254740993]}', '["x"]', 2,
                    '2025-01-15 08:00:00.123Z', ''),
                ('zbc123def456ghi', '7', 0, '"text"', '[]', 2.5, '', '');
            CREATE TABLE people (id TEXT PRIMARY KEY, email TEXT, password TEXT, tokenKey TEXT);
            INSERT INTO people VALUES ('pbc123def456ghi', 'ann@example.com', 'hash', 'secret');"#,
        )
        .unwrap();
    drop(database);
    fs::write(app.path().join("backup.zip"), zip("data.db", &fs::read(&path).unwrap())).unwrap();
    app.run(&["import", "backup.zip", "--url", "sqlite://to.db"]).ok();
    let export = ["export", "-c", "tasks", "--url", "sqlite://to.db"];
    let expected = concat!(
        r#"{"title":"[1]","done":true,"meta":{"a":[1.50,9007199254740993]},"tags":["x"],"size":2,"#,
        r#""created":"2025-01-15 08:00:00.123Z","updated":"","id":"abc123def456ghi"}"#,
        "\n",
        r#"{"title":"7","done":false,"meta":"text","tags":[],"size":2.5,"created":"","updated":"","#,
        r#""id":"zbc123def456ghi"}"#,
        "\n",
    );
    assert_eq!(app.run(&export).ok(), expected);
    let people = [json!({"email": "ann@example.com", "id": "pbc123def456ghi"})];
    assert_eq!(documents(&app, "sqlite://to.db", "people"), people);

    fs::write(app.path().join("other.zip"), zip("other.db", b"")).unwrap();
    app.run(&["import", "other.zip"]).fails(1, &["no such file"]);
    Connection::open(app.path().join("x.db")).unwrap().execute_batch("CREATE TABLE t (x)").unwrap();
    app.run(&["import", "x.db"]).fails(2, &["no program that is known", "its tables are: t"]);
}

/// The way out that a failed import names stores nothing twice.
#[test]
fn an_import_that_ended_at_a_record_goes_on_without_it() {
    let app = App::new();
    let mut lines: Vec<String> = (1..=3_000).map(|n| format!("{{\"n\":{n}}}")).collect();
    lines[2_500] = "{\"n\":".to_owned();
    app.write("in.ndjson", &lines.join("\n"));
    app.run(&["import", "in.ndjson", "-c", "c"]).fails(1, &["line 2501", "--skip-bad"]);
    for _ in 0..2 {
        app.run(&["import", "in.ndjson", "-c", "c", "--skip-bad"]).ok();
        assert_eq!(app.run(&["export", "-c", "c"]).ok().lines().count(), 2_999);
    }
}
