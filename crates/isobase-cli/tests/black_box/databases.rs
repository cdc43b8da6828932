//! Whole databases: copies that are killed, copies beside a running service, archives.

use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use isobase_testkit::TestServer;
use serde_json::Value;

use super::command::{App, Said, command};

const DOCUMENTS: usize = 12_000;

/// A folder with a database of many documents.
fn app() -> App {
    let app = App::new();
    let lines: String = (0..DOCUMENTS)
        .map(|n| format!("{{\"n\":{n},\"name\":\"number {n}\",\"list\":[{n}.50,1e{}]}}\n", n % 300))
        .collect();
    app.write("many.ndjson", &lines);
    let import = ["import", "many.ndjson", "--collection", "many", "--url", "sqlite://a.db"];
    app.run(&import).ok();
    app.run(&["index", "create", "many", "n,-name", "--url", "sqlite://a.db"]).ok();
    app
}

/// The report of a command that ended well.
#[track_caller]
fn report(said: Said) -> Value {
    let done = said.json();
    assert_eq!(done["event"], "done");
    done["report"].clone()
}

/// Asserts success, and these parts of both outputs.
#[track_caller]
fn says(said: Said, out: &[&str], err: &[&str]) {
    assert_eq!(said.code, Some(0), "{said:?}");
    for (text, parts) in [(&said.out, out), (&said.err, err)] {
        parts.iter().for_each(|part| assert!(text.contains(part), "{part:?} is not in {text}"));
    }
}

#[test]
fn a_copy_killed_anywhere_is_resumed() {
    let app = app();
    let whole = report(app.run(&["copy", "sqlite://a.db", "sqlite://whole.db", "--json"]));
    assert_eq!(whole["documents"], DOCUMENTS);
    assert_eq!(whole["indexes"][0], "many: n,-name");
    // After the preflight, at three places of the load, and after it.
    let points = [
        ("preflight", 50),
        ("preflight", 400),
        ("preflight", 800),
        ("preflight", 1_100),
        ("load", 50),
    ];
    for (point, (stage, pause_ms)) in points.into_iter().enumerate() {
        let to = format!("sqlite://killed{point}.db");
        let mut command = command(app.path());
        command.args(["copy", "sqlite://a.db", &to, "--json", "--rate", "4000"]);
        if stage == "load" {
            // What comes after the load would be over too soon.
            command.arg("--follow");
        }
        let mut copying = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut lines = BufReader::new(copying.stdout.take().unwrap()).lines();
        let is_over = |line: &Value| line["event"] == "stage" && line["stage"] == stage;
        let mut said = lines.by_ref().map_while(Result::ok);
        let over = said.find(|line| is_over(&serde_json::from_str(line).unwrap()));
        assert!(over.is_some(), "the stage {stage} ends");
        thread::sleep(Duration::from_millis(pause_ms));
        copying.kill().unwrap();
        assert!(!copying.wait().unwrap().success(), "point {point} is too late");
        if pause_ms >= 400 || stage == "load" {
            let refused = app.run(&["export", "--collection", "many", "--url", &to]);
            refused.fails(1, &["is unfinished", "a copy from sqlite://", "--restart"]);
        }
        let resumed = report(app.run(&["copy", "sqlite://a.db", &to, "--json"]));
        assert_eq!(resumed["collections"], whole["collections"], "point {point}");
        assert_eq!(resumed["sequence"], whole["sequence"]);
        app.run(&["index", "list", "many", "--url", &to]).ok();
    }
}

#[test]
fn a_resumed_copy_that_is_stopped_says_that_it_can_be_resumed() {
    let app = app();
    let copy = ["copy", "sqlite://a.db", "sqlite://b.db", "--json", "--rate", "4000"];
    let start = |until: &str| {
        let mut copying = command(app.path())
            .args(copy)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(copying.stdout.take().unwrap()).lines();
        assert!(lines.any(|line| line.unwrap().contains(until)), "{until}");
        (copying, lines)
    };
    let (mut killed, _lines) = start("\"stage\":\"preflight\"");
    thread::sleep(Duration::from_millis(800));
    killed.kill().unwrap();
    killed.wait().unwrap();
    // It is in its preflight again, and has written nothing itself.
    let (stopped, lines) = start("\"event\":\"resumed\"");
    interrupt(stopped.id());
    lines.for_each(drop);
    let said = Said::from(stopped.wait_with_output().unwrap());
    assert!(!said.err.contains("nothing was "), "{said:?}");
    said.fails(1, &["run the same command again to resume"]);
    app.run(&copy[..3]).ok();
}

#[test]
fn a_running_service_is_copied_and_followed() {
    let app = App::new();
    let mut server = TestServer::start().unwrap();
    let create = |n: usize| {
        let body = format!("{{\"n\":{n}}}");
        let answer = server.request("POST", "/records/notes", &[], body.as_bytes()).unwrap();
        assert_eq!(answer.status, 201, "{}", answer.text());
    };
    (0..50).for_each(create);
    let file = server.data().join("isobase.db");
    let from = format!("sqlite://{}", file.display());
    says(
        app.run(&["copy", &from, "sqlite://once.db"]),
        &["50"],
        &["reading beside it", "50 documents"],
    );

    let mut following = command(app.path())
        .args(["copy", &from, "sqlite://followed.db", "--follow", "--json"])
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let is_following = |line: &std::io::Result<String>| {
        line.as_ref().is_ok_and(|line| line.contains("\"event\":\"following\""))
    };
    assert!(lines.by_ref().any(|line| is_following(&line)), "it follows");
    (50..80).for_each(create);
    let answer = server.request("DELETE", "/records/notes/1", &[], b"").unwrap();
    assert!(answer.status < 300, "{}", answer.text());
    server.terminate().unwrap();
    interrupt(following.id());
    let rest: Vec<String> = lines.map_while(Result::ok).collect();
    assert!(following.wait().unwrap().success(), "{rest:?}");
    let done: Value = serde_json::from_str(rest.last().unwrap()).unwrap();
    assert_eq!(done["report"]["documents"], 79);
    let export = ["export", "--collection", "notes", "--url", "sqlite://followed.db"];
    assert_eq!(app.run(&export).out.lines().count(), 79);
}

fn interrupt(pid: u32) {
    let sent = Command::new("kill").args(["-INT", &pid.to_string()]).status().unwrap();
    assert!(sent.success());
}

#[test]
fn archives_go_out_and_come_back() {
    let app = app();
    app.run(&["dump", "a.isobase", "--url", "sqlite://a.db"]).ok();
    says(app.run(&["verify", "a.isobase"]), &["many"], &["every checksum agrees"]);
    app.write("more.ndjson", "{\"n\":-1}\n");
    app.run(&["import", "more.ndjson", "-c", "many", "--url", "sqlite://a.db"]).ok();
    app.run(&["dump", "b.isobase", "--since", "a.isobase", "--url", "sqlite://a.db"]).ok();
    let restored =
        app.run(&["restore", "a.isobase", "b.isobase", "--url", "sqlite://b.db", "--json"]);
    let restored = report(restored);
    assert_eq!(restored["documents"], DOCUMENTS + 1);
    let copied = report(app.run(&["copy", "sqlite://a.db", "sqlite://c.db", "--json"]));
    assert_eq!(restored["collections"], copied["collections"]);
    assert_eq!(restored["sequence"], copied["sequence"]);

    app.run(&["restore", "b.isobase", "--url", "sqlite://d.db"]).fails(1, &["comes first"]);
    app.run(&["restore", "a.isobase", "--url", "sqlite://b.db"])
        .fails(1, &["not empty", "--overwrite"]);
    let mut damaged = fs::read(app.path().join("a.isobase")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(app.path().join("damaged.isobase"), &damaged).unwrap();
    app.run(&["verify", "damaged.isobase"]).fails(1, &["damaged near byte"]);
    app.run(&["restore", "damaged.isobase", "--url", "sqlite://d.db"]).fails(1, &["not touched"]);
    app.run(&["restore", "damaged.isobase", "--url", "sqlite://new.db"]).fails(1, &["not touched"]);
    let missing = ["copy", "sqlite://b.db", "sqlite://new.db", "--collections", "missing"];
    app.run(&missing).fails(1, &["no collection missing"]);
    assert!(!app.path().join("new.db").exists());
    app.run(&["restore", "a.isobase", "--url", "sqlite://new.db"]).ok();
    app.run(&["restore", "damaged.isobase", "--url", "sqlite://new.db"]).fails(1, &["not touched"]);
    assert!(app.path().join("new.db").exists());
    assert!(
        !fs::read_dir(app.path())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().ends_with("partial") })
    );
}

#[cfg(unix)]
#[test]
fn an_archive_never_replaces_the_one_it_goes_on_from() {
    let app = App::new();
    app.write("one.ndjson", "{}\n");
    app.run(&["import", "one.ndjson", "-c", "c", "--url", "sqlite://a.db"]).ok();
    let url = ["--url", "sqlite://a.db"];
    app.run(&[&["dump", "full.isobase"][..], &url].concat()).ok();
    let path = |name: &str| app.path().join(name);
    fs::hard_link(path("full.isobase"), path("hard.isobase")).unwrap();
    std::os::unix::fs::symlink("full.isobase", path("soft.isobase")).unwrap();
    let before = fs::read(path("full.isobase")).unwrap();
    let pairs = [
        ("full.isobase", "full.isobase"),
        ("./full.isobase", "full.isobase"),
        ("full.isobase", "hard.isobase"),
        ("soft.isobase", "full.isobase"),
        ("full.isobase", "soft.isobase"),
    ];
    for (file, since) in pairs {
        let said = app.run(&[&["dump", file, "--since", since][..], &url].concat());
        said.fails(2, &["is the archive of --since", "hint: name another file"]);
        assert_eq!(fs::read(path("full.isobase")).unwrap(), before, "{file} since {since}");
    }
    // An archive of something else may be replaced.
    app.run(&[&["dump", "hard.isobase"][..], &url].concat()).ok();
    app.run(&[&["dump", "hard.isobase", "--since", "full.isobase"][..], &url].concat()).ok();
    app.run(&["verify", "full.isobase", "hard.isobase"]).ok();
}

#[test]
fn encrypted_archives_want_their_passphrase() {
    let app = App::new();
    app.write("one.ndjson", "{\"secret\":\"ours\"}\n");
    app.run(&["import", "one.ndjson", "-c", "one", "--url", "sqlite://a.db"]).ok();
    let dump = ["dump", "a.isobase", "--encrypt", "--url", "sqlite://a.db"];
    app.run(&dump).fails(2, &["--encrypt needs a passphrase"]);
    app.run_with(&dump, &[("ISOBASE_PASSPHRASE", "correct horse")]).ok();
    app.run(&["verify", "a.isobase"]).fails(1, &["no passphrase was given"]);
    app.write("wrong.txt", "wrong\n");
    app.write("right.txt", "correct horse\n");
    app.run(&["verify", "a.isobase", "--passphrase-file", "wrong.txt"])
        .fails(1, &["another passphrase"]);
    app.run(&["verify", "a.isobase", "--passphrase-file", "right.txt"]).ok();
}

#[test]
fn what_cannot_be_copied_is_said_first() {
    let app = App::new();
    app.run(&["copy", "http://127.0.0.1:1", "sqlite://a.db"]).fails(2, &["is a service"]);
    app.run(&["copy", "memory:", "sqlite://a.db"]).fails(2, &["ends with its process"]);
    app.write("one.ndjson", "{}\n");
    app.run(&["import", "one.ndjson", "-c", "c", "--url", "sqlite://a.db"]).ok();
    app.run(&["copy", "sqlite://a.db", "sqlite://a.db"]).fails(2, &["the same database"]);
    app.run(&["copy", "sqlite://a.db", "sqlite://b.db", "--collections", "x"])
        .fails(1, &["no collection x"]);
    // And neither the target nor its folders are left behind.
    app.write("cut.isobase", "nothing");
    for refused in [
        &["copy", "sqlite://a.db", "sqlite://x/y/b.db", "--collections", "x"][..],
        &["restore", "cut.isobase", "--url", "sqlite://x/y/b.db"],
        &["restore", "cut.isobase"],
    ] {
        let said = app.run(refused);
        assert!(!said.err.contains("deleted or replaced"), "{}", said.err);
        said.fails(1, &[""]);
    }
    for made in ["x", "data"] {
        assert!(!app.path().join(made).exists(), "{made}");
    }
    says(
        app.run(&["copy", "sqlite://a.db", "sqlite://dry.db", "--dry-run"]),
        &[],
        &["can hold all 1 documents"],
    );
    let files = fs::read_dir(app.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let made: Vec<_> = files.filter(|name| name.to_string_lossy().contains("dry")).collect();
    assert_eq!(made, [""; 0], "a dry run makes nothing");
    app.run(&["copy", "sqlite://a.db", "sqlite://dry.db"]).ok();
    app.run(&["copy", "sqlite://a.db", "sqlite://dry.db", "--dry-run"]).ok();
    app.run(&["reconcile", "--url", "sqlite://a.db"]).fails(1, &["nothing to reconcile"]);
    says(app.run(&["index", "plan", "sqlite://a.db"]), &[], &["needs nothing"]);
    app.run(&["verify", "missing.isobase"]).fails(2, &["missing.isobase"]);
}

#[test]
fn a_misspelled_database_is_not_made_by_reading_it() {
    let app = App::new();
    let commands: [&[&str]; 5] = [
        &["copy", "sqlite://mistake.db", "sqlite://b.db"],
        &["dump", "a.isobase", "--url", "sqlite://mistake.db"],
        &["export", "-c", "c", "--url", "sqlite://mistake.db"],
        &["index", "list", "c", "--url", "sqlite://mistake.db"],
        &["reconcile", "--url", "sqlite://mistake.db"],
    ];
    for command in commands {
        app.run(command).fails(2, &["there is no database mistake.db"]);
    }
    assert_eq!(fs::read_dir(app.path()).unwrap().count(), 0);
}

/// Databases that no one ever wrote to, on every server that there is, and what to set for them.
pub(super) fn on_servers(name: &str) -> Vec<(String, Vec<(&'static str, &'static str)>)> {
    let mut databases = Vec::new();
    if let Some(postgres) = isobase_testkit::postgres_url() {
        let separator = if postgres.contains('?') { '&' } else { '?' };
        databases.push((format!("{postgres}{separator}schema={name}"), Vec::new()));
    }
    if let Some(couchdb) = isobase_testkit::couchdb_url() {
        let host = couchdb.trim_start_matches("http://").trim_end_matches('/').to_owned();
        databases.push((format!("couchdb://{host}/{name}_"), Vec::new()));
    }
    if let Some(endpoint) = isobase_testkit::dynamodb_url() {
        let url = format!("dynamodb://eu-central-1/{name}_?endpoint={endpoint}");
        let keys = [("AWS_ACCESS_KEY_ID", "test"), ("AWS_SECRET_ACCESS_KEY", "test")];
        databases.push((url, keys.to_vec()));
    }
    if let Some(emulator) = isobase_testkit::firestore_hosts().first() {
        let url = format!("firestore://{name}?emulator={}", emulator.host);
        databases.push((url, Vec::new()));
    }
    databases
}

#[test]
fn a_misspelled_database_on_a_server_is_not_read_as_an_empty_one() {
    let app = App::new();
    let name = isobase_testkit::unique_name("misspelled").replace('_', "-");
    for (url, variables) in on_servers(&name) {
        let commands: [&[&str]; 6] = [
            &["copy", &url, "sqlite://b.db"],
            &["dump", "a.isobase", "--url", &url],
            &["export", "-c", "c", "-o", "c.ndjson", "--url", &url],
            &["index", "list", "c", "--url", &url],
            &["index", "plan", &url],
            &["reconcile", "--url", &url],
        ];
        for command in commands {
            let said = app.run_with(command, &variables);
            said.fails(2, &["there is nothing in ", &name, "hint: is the name right"]);
        }
        assert_eq!(fs::read_dir(app.path()).unwrap().count(), 0, "{url}");
    }
}

#[test]
fn an_empty_database_that_is_used_is_read() {
    let app = App::new();
    let name = isobase_testkit::unique_name("emptied").replace('_', "-");
    for (number, (url, variables)) in on_servers(&name).into_iter().enumerate() {
        let run = |command: &[&str]| app.run_with(command, &variables);
        run(&["index", "create", "c", "n", "--url", &url]).ok();
        assert!(run(&["index", "list", "c", "--url", &url]).ok().contains("ready"), "{url}");
        app.write("one.ndjson", "{}\n");
        run(&["import", "one.ndjson", "-c", "c", "--url", &url]).ok();
        run(&["copy", &url, &format!("sqlite://{number}.db")]).ok();
    }
}

#[test]
fn what_only_other_programs_wrote_is_something() {
    let Some(couchdb) = isobase_testkit::couchdb_url() else { return };
    let host = couchdb.trim_start_matches("http://").trim_end_matches('/');
    let prefix = format!("{}_", isobase_testkit::unique_name("foreign"));
    let put = |path: &str, body: &str| {
        let headers = [("content-type", "application/json")];
        let path = format!("/{prefix}{path}");
        let answer = isobase_testkit::http::request(
            host.parse().unwrap(),
            "PUT",
            &path,
            &headers,
            body.as_bytes(),
        );
        assert!(answer.unwrap().status < 300, "{path}");
    };
    put("notes", "");
    put("notes/a", "{\"n\":1}");
    let (app, url) = (App::new(), format!("couchdb://{host}/{prefix}"));
    let found = app.run(&["reconcile", "--url", &url]).ok();
    assert!(found.contains("notes: 1 examined"), "{found}");
    says(app.run(&["copy", &url, "sqlite://b.db"]), &["notes"], &["1 documents"]);
    isobase_testkit::drop_couchdb_databases(&couchdb, &prefix).unwrap();
}

#[test]
fn a_plan_for_named_collections_needs_no_database() {
    let app = App::new();
    let plan = |url: &str| app.run(&["index", "plan", url, "--collections", "notes"]);
    let dynamodb = plan("dynamodb://eu-central-1/app_").ok();
    assert!(dynamodb.contains("aws dynamodb create-table"), "{dynamodb}");
    assert!(dynamodb.contains("app_notes"), "{dynamodb}");
    let firestore = plan("firestore://project/").ok();
    assert!(firestore.contains("fieldOverrides"), "{firestore}");
    assert!(!firestore.contains("isobase_meta.keys"), "{firestore}");
    let only_keys = plan("firestore://project/?indexing=keys").ok();
    assert!(only_keys.contains("isobase_meta.keys"), "{only_keys}");
    says(plan("sqlite://none.db"), &[], &["needs nothing"]);
    says(plan("postgres://me@127.0.0.1:1/app"), &[], &["needs nothing"]);
    says(
        plan("couchdb://me:hush@127.0.0.1:1/app_"),
        &["app_notes"],
        &["declared indexes are not in the plan", "127.0.0.1:1"],
    );
    assert_eq!(fs::read_dir(app.path()).unwrap().count(), 0);
}

#[test]
fn a_cause_is_told_once() {
    let app = App::new();
    let urls = ["postgres://me@127.0.0.1:1/app", "couchdb://127.0.0.1:1/app_"];
    for url in urls {
        let said = app.run(&["export", "-c", "c", "--url", url]);
        assert!(said.err.matches("Connection refused").count() <= 1, "{said:?}");
        said.fails(1, &["127.0.0.1:1"]);
    }
}

#[test]
fn schemas_that_stay_behind_are_told() {
    let app = App::new();
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    let json = [("content-type", "application/json")];
    for (method, path) in [("PUT", "/collections/orders/schema"), ("POST", "/records/orders")] {
        let answer = server.request(method, path, &json, b"{}").unwrap();
        assert!(answer.status < 300, "{method} {path}: {}", answer.text());
    }
    let from = "sqlite://data/isobase.db";
    let left = ["left out: the schemas of orders", "name isobase_schemas"];
    let only = ["copy", from, "sqlite://b.db", "--collections", "orders"];
    says(app.run(&only), &["orders"], &left);
    let only = ["dump", "b.isobase", "--url", from, "--collections", "orders"];
    says(app.run(&only), &[], &left);
    let both = ["copy", from, "sqlite://c.db", "--collections", "orders,isobase_schemas"];
    for command in
        [&both[..], &["copy", from, "sqlite://d.db"], &["dump", "d.isobase", "--url", from]]
    {
        let said = app.run(command);
        assert!(!said.err.contains("left out"), "{said:?}");
        said.ok();
    }
}

#[test]
fn a_file_that_is_a_source_keeps_its_bytes() {
    let app = App::new();
    app.write("one.ndjson", "{\"n\":1}\n");
    app.run(&["import", "one.ndjson", "-c", "notes", "--url", "sqlite://new.db"]).ok();
    let older = rusqlite::Connection::open(app.path().join("old.db")).unwrap();
    let text = include_str!("../../../isobase-engine-sqlite/tests/engine_sqlite/version_2.sql");
    older.execute_batch(text).unwrap();
    drop(older);
    for (file, documents) in [("new.db", 1), ("old.db", 3)] {
        let bytes = || fs::read(app.path().join(file)).unwrap();
        let (before, url) = (bytes(), format!("sqlite://{file}"));
        let target = format!("sqlite://copy-of-{file}");
        app.run(&["copy", &url, &target, "--dry-run"]).ok();
        app.run(&["dump", &format!("{file}.isobase"), "--url", &url]).ok();
        let exported = app.run(&["export", "-c", "notes", "--url", &url]).ok();
        assert_eq!(exported.lines().count(), documents, "{exported}");
        let copied = report(app.run(&["copy", &url, &target, "--json"]));
        assert_eq!(copied["documents"], documents as u64);
        app.run(&["copy", &url, &target]).fails(1, &["not empty"]);
        assert!(bytes() == before, "{file} was written to");
    }
}
