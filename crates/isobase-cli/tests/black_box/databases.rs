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
    // After the preflight, in the load, and in what comes after it.
    let points = [
        ("preflight", 50),
        ("preflight", 400),
        ("preflight", 800),
        ("preflight", 1_100),
        ("load", 0),
    ];
    for (point, (stage, pause_ms)) in points.into_iter().enumerate() {
        let to = format!("sqlite://killed{point}.db");
        let mut copying = command(app.path())
            .args(["copy", "sqlite://a.db", &to, "--json", "--rate", "4000"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(copying.stdout.take().unwrap()).lines();
        let is_over = |line: &Value| line["event"] == "stage" && line["stage"] == stage;
        let over =
            lines.map_while(Result::ok).find(|line| is_over(&serde_json::from_str(line).unwrap()));
        assert!(over.is_some(), "the stage {stage} ends");
        thread::sleep(Duration::from_millis(pause_ms));
        copying.kill().unwrap();
        // Three seconds of loading leave time for every point but the last.
        let is_over = copying.wait().unwrap().success();
        assert!(!is_over || stage == "load", "point {point} is too late");
        if is_over {
            continue;
        }
        if pause_ms >= 400 {
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
    app.run(&["dump", "a.iso", "--url", "sqlite://a.db"]).ok();
    says(app.run(&["verify", "a.iso"]), &["many"], &["every checksum agrees"]);
    app.write("more.ndjson", "{\"n\":-1}\n");
    app.run(&["import", "more.ndjson", "-c", "many", "--url", "sqlite://a.db"]).ok();
    app.run(&["dump", "b.iso", "--since", "a.iso", "--url", "sqlite://a.db"]).ok();
    let restored = app.run(&["restore", "a.iso", "b.iso", "--url", "sqlite://b.db", "--json"]);
    let restored = report(restored);
    assert_eq!(restored["documents"], DOCUMENTS + 1);
    let copied = report(app.run(&["copy", "sqlite://a.db", "sqlite://c.db", "--json"]));
    assert_eq!(restored["collections"], copied["collections"]);
    assert_eq!(restored["sequence"], copied["sequence"]);

    app.run(&["restore", "b.iso", "--url", "sqlite://d.db"]).fails(1, &["comes first"]);
    app.run(&["restore", "a.iso", "--url", "sqlite://b.db"])
        .fails(1, &["not empty", "--overwrite"]);
    let mut damaged = fs::read(app.path().join("a.iso")).unwrap();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 1;
    fs::write(app.path().join("damaged.iso"), &damaged).unwrap();
    app.run(&["verify", "damaged.iso"]).fails(1, &["damaged near byte"]);
    app.run(&["restore", "damaged.iso", "--url", "sqlite://d.db"]).fails(1, &["not touched"]);
    assert!(
        !fs::read_dir(app.path())
            .unwrap()
            .any(|entry| { entry.unwrap().file_name().to_string_lossy().ends_with(".partial") })
    );
}

#[test]
fn encrypted_archives_want_their_passphrase() {
    let app = App::new();
    app.write("one.ndjson", "{\"secret\":\"ours\"}\n");
    app.run(&["import", "one.ndjson", "-c", "one", "--url", "sqlite://a.db"]).ok();
    let dump = ["dump", "a.iso", "--encrypt", "--url", "sqlite://a.db"];
    app.run(&dump).fails(2, &["--encrypt needs a passphrase"]);
    app.run_with(&dump, &[("ISOBASE_PASSPHRASE", "correct horse")]).ok();
    app.run(&["verify", "a.iso"]).fails(1, &["no passphrase was given"]);
    app.write("wrong.txt", "wrong\n");
    app.write("right.txt", "correct horse\n");
    app.run(&["verify", "a.iso", "--passphrase-file", "wrong.txt"])
        .fails(1, &["another passphrase"]);
    app.run(&["verify", "a.iso", "--passphrase-file", "right.txt"]).ok();
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
    says(
        app.run(&["copy", "sqlite://a.db", "sqlite://b.db", "--dry-run"]),
        &[],
        &["can hold all 1 documents"],
    );
    app.run(&["reconcile", "--url", "sqlite://a.db"]).fails(1, &["nothing to reconcile"]);
    says(app.run(&["index", "plan", "sqlite://a.db"]), &[], &["needs nothing"]);
    app.run(&["verify", "missing.iso"]).fails(2, &["missing.iso"]);
}

#[test]
fn a_misspelled_database_is_not_made_by_reading_it() {
    let app = App::new();
    let commands: [&[&str]; 5] = [
        &["copy", "sqlite://mistake.db", "sqlite://b.db"],
        &["dump", "a.iso", "--url", "sqlite://mistake.db"],
        &["export", "-c", "c", "--url", "sqlite://mistake.db"],
        &["index", "list", "c", "--url", "sqlite://mistake.db"],
        &["reconcile", "--url", "sqlite://mistake.db"],
    ];
    for command in commands {
        app.run(command).fails(2, &["there is no database mistake.db"]);
    }
    assert_eq!(fs::read_dir(app.path()).unwrap().count(), 0);
}
