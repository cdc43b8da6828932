//! The chain of the audit, as those see it who run a service.

use std::{
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::{TestServer, unique_name};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{command::App, databases::on_servers};

/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(90);

fn ask(server: &TestServer, method: &str, path: &str, body: &Value) -> Value {
    let json = [("content-type", "application/json")];
    let reply = server.request(method, path, &json, body.to_string().as_bytes()).unwrap();
    assert!(reply.status < 300, "{path}: {}", reply.text());
    reply.json().unwrap()
}

fn licence(server: &TestServer, name: &str) {
    ask(server, "POST", "/api/v1/db/license/create", &json!({ "email": format!("{name}@b.c") }));
}

/// The report of a job that compares the chain.
fn verify(server: &TestServer) -> Value {
    let deadline = Instant::now() + PATIENCE;
    let mut job = ask(server, "POST", "/api/v1/jobs/audit", &json!({}));
    while matches!(job["state"].as_str(), Some("queued" | "running")) {
        assert!(Instant::now() < deadline, "{job}");
        thread::sleep(Duration::from_millis(50));
        let path = format!("/api/v1/jobs/{}", job["id"].as_str().unwrap());
        job = ask(server, "GET", &path, &Value::Null);
    }
    assert_eq!(job["state"], "succeeded", "{job}");
    job["result"].clone()
}

/// The report when at least so many entries are in the chain. The job itself adds some.
fn verify_when(server: &TestServer, entries: u64) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let report = verify(server);
        assert_eq!(report["whole"], true, "{report}");
        if report["entries"].as_u64() >= Some(entries) {
            return report;
        }
        assert!(Instant::now() < deadline, "{report}\n{}", server.log());
        thread::sleep(Duration::from_millis(500));
    }
}

#[test]
fn the_audit_is_verified_where_it_is_and_where_it_went() {
    let mut server = TestServer::start().unwrap();
    for name in ["a", "b", "c"] {
        licence(&server, name);
    }
    let report = verify_when(&server, 3);
    let head = report["head"].as_str().unwrap().to_owned();
    let (app, data) = (App::new(), server.data().to_str().unwrap().to_owned());
    let file = format!("sqlite://{}", server.data().join("isobase.db").display());
    let verify = |rest: &[&str], url: &str| {
        let arguments = [&["audit", "verify"], rest].concat();
        app.run_with(&arguments, &[("RECORDS_URL", url), ("ISOBASE_DATA", "elsewhere")])
    };
    // The running service is asked, which holds the file.
    app.run(&["audit", "verify", "--data", &data, "--expect", &head]).ok();
    app.run(&["audit", "verify", "--expect", "3"]).fails(2, &["NUMBER:HASH"]);
    app.run(&["audit", "verify", "--data", "nowhere"]).fails(2, &["no database"]);
    // Entries carry it, and no one takes it out.
    let listed = ask(&server, "GET", "/api/v1/audit?sort=at&limit=1", &Value::Null);
    assert_eq!(listed["entries"][0]["seal"]["number"], 1, "{listed}");
    assert!(server.terminate().unwrap().success());
    let said = verify(&["--expect", &head], &file);
    said.ok();

    // It goes along with a copy and an archive.
    app.run(&["copy", &file, "sqlite://copy.db"]).ok();
    app.run(&["dump", "all.isobase", "--url", &file]).ok();
    app.run(&["restore", "all.isobase", "--url", "sqlite://restored.db"]).ok();
    for url in ["sqlite://copy.db", "sqlite://restored.db"] {
        verify(&["--expect", &head], url).ok();
    }
    // Somebody who reaches the file changes an entry.
    let path = app.path().join("copy.db");
    let database = Connection::open(path).unwrap();
    let changed = database
        .execute(
            "UPDATE named_records SET body = replace(body, 'b@b.c', 'x@b.c') \
             WHERE body LIKE '%license.created%b@b.c%'",
            [],
        )
        .unwrap();
    assert_eq!(changed, 1);
    drop(database);
    let said = verify(&["--json"], "sqlite://copy.db");
    said.fails(1, &["was changed"]);
}

/// Two services on each server that is there.
#[test]
fn several_nodes_make_one_chain_on_every_server() {
    let name = unique_name("chain").replace('_', "-");
    thread::scope(|scope| {
        for (url, variables) in on_servers(&name) {
            scope.spawn(move || {
                let start = || {
                    let builder = TestServer::builder().records_url(&url);
                    let with = |builder: isobase_testkit::TestServerBuilder,
                                (name, value): &(&str, &str)| {
                        builder.env(*name, *value)
                    };
                    variables.iter().fold(builder, with).start().unwrap()
                };
                let (one, mut two) = (start(), start());
                for number in 0..6 {
                    licence(if number % 2 == 0 { &one } else { &two }, &format!("m{number}"));
                }
                let report = verify_when(&one, 6);
                // A node that is killed leaves nothing half done.
                licence(&two, "last");
                two.kill().unwrap();
                licence(&one, "after");
                let after = verify_when(&one, report["entries"].as_u64().unwrap() + 2);
                assert_eq!(after["faults_total"], 0, "{url}: {after}");
            });
        }
    });
}
