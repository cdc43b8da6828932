//! Long work inside the service: backups, copies, what becomes of them.

use std::{
    fs,
    net::TcpListener,
    thread,
    time::{Duration, Instant},
};

use isobase_testkit::TestServer;
use serde_json::{Value, json};

const JSON: [(&str, &str); 1] = [("content-type", "application/json")];
/// Nothing a test waits for takes this long, unless it never comes.
const PATIENCE: Duration = Duration::from_secs(60);

fn ask(server: &TestServer, method: &str, path: &str, body: &Value) -> (u16, Value) {
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let reply = server.request(method, path, &JSON, text.as_bytes()).unwrap();
    (reply.status, reply.json().unwrap_or(Value::Null))
}

fn get(server: &TestServer, path: &str) -> Value {
    let (status, answer) = ask(server, "GET", path, &Value::Null);
    assert_eq!(status, 200, "{path}: {answer}");
    answer
}

/// Asks again and again until an answer is as it should be.
fn until(server: &TestServer, path: &str, is: impl Fn(&Value) -> bool) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = get(server, path);
        if is(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{path}: {answer}\n{}", server.log());
        thread::sleep(Duration::from_millis(50));
    }
}

/// Begins a job and waits for its end.
fn job(server: &TestServer, kind: &str, body: &Value) -> Value {
    let (status, begun) = ask(server, "POST", &format!("/api/v1/jobs/{kind}"), body);
    assert_eq!(status, 202, "{begun}");
    let id = begun["id"].as_str().unwrap();
    until(server, &format!("/api/v1/jobs/{id}"), |job| {
        !matches!(job["state"].as_str(), Some("queued" | "running"))
    })
}

fn with_records() -> TestServer {
    let server = TestServer::start().unwrap();
    for n in 0..20 {
        let (status, answer) = ask(&server, "POST", "/records/orders", &json!({ "n": n }));
        assert_eq!(status, 201, "{answer}");
    }
    server
}

#[test]
fn backups_are_made_verified_and_deleted() {
    let server = with_records();
    assert_eq!(
        get(&server, "/api/v1/backups"),
        json!({ "backups": [], "every_s": null, "files": true, "remote": null })
    );
    let made = job(&server, "backup", &Value::Null);
    assert_eq!(made["state"], "succeeded", "{made}");
    let name = made["result"]["backup"]["name"].as_str().unwrap().to_owned();
    let listed = get(&server, "/api/v1/backups")["backups"][0].clone();
    assert_eq!((&listed["verified"], &listed["name"]), (&json!(true), &json!(name)));
    let path = server.data().join("backups").join(&name);
    let taken = server.request("GET", &format!("/api/v1/backups/{name}"), &[], b"").unwrap();
    assert_eq!((taken.status, &taken.body), (200, &fs::read(&path).unwrap()));
    let restored = job(&server, "verify", &json!({ "backup": name, "restore": true }));
    assert_eq!(restored["state"], "succeeded", "{restored}");
    assert_eq!(get(&server, "/api/v1/backups")["backups"][0]["restored"], true);

    // One that comes from elsewhere is kept under its name, or beside the one that has it.
    let send = |name: &str| {
        let path = format!("/api/v1/backups?name={name}");
        let headers = [("content-type", "application/octet-stream")];
        let sent = server.request("POST", &path, &headers, &taken.body).unwrap();
        (sent.status, sent.json().unwrap())
    };
    let (status, sent) = send("elsewhere.isobase");
    assert_eq!((status, &sent["name"]), (201, &json!("elsewhere.isobase")), "{sent}");
    assert_eq!((&sent["verified"], &sent["bytes"]), (&Value::Null, &json!(taken.body.len())));
    let (_, beside) = send(&name);
    assert_ne!(beside["name"], json!(name));
    assert_eq!(send("..%2Fout.isobase").0, 404);
    let verified =
        job(&server, "verify", &json!({ "backup": "elsewhere.isobase", "restore": true }));
    assert_eq!(verified["state"], "succeeded", "{verified}");
    for name in ["elsewhere.isobase", beside["name"].as_str().unwrap()] {
        assert_eq!(ask(&server, "DELETE", &format!("/api/v1/backups/{name}"), &Value::Null).0, 200);
    }

    // A damaged one is told as that, on the hub too.
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&path, bytes).unwrap();
    let failed = job(&server, "verify", &json!({ "backup": name }));
    assert_eq!(failed["state"], "failed", "{failed}");
    assert!(failed["error"].as_str().unwrap().len() > 10, "{failed}");
    assert_eq!(get(&server, "/api/v1/backups")["backups"][0]["verified"], false);
    let hub = get(&server, "/admin/api/overview");
    let mut warnings = hub["warnings"].as_array().unwrap().iter();
    assert!(warnings.any(|warning| warning.as_str().unwrap().contains(&name)), "{hub}");

    let target = format!("/api/v1/backups/{name}");
    assert_eq!(ask(&server, "DELETE", &target, &Value::Null).0, 200);
    assert_eq!(ask(&server, "GET", &target, &Value::Null).0, 404);
    assert!(!path.exists());
    let audit = get(&server, "/api/v1/audit?object_type=backup");
    let actions: Vec<_> =
        audit["entries"].as_array().unwrap().iter().map(|it| &it["action"]).collect();
    assert_eq!(actions.len(), 6, "{actions:?}");
    assert_eq!((actions[0], actions[5]), (&json!("backup.deleted"), &json!("backup.downloaded")));
    assert_eq!(actions.iter().filter(|it| **it == "backup.uploaded").count(), 2);
}

#[test]
fn good_backups_are_copied_to_another_place() {
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other disk");
    let remote = other.to_str().unwrap();
    let server = TestServer::builder().env("ISOBASE_BACKUPS_REMOTE", remote).start().unwrap();
    assert_eq!(ask(&server, "POST", "/records/orders", &json!({ "n": 1 })).0, 201);
    let (_, tried) = ask(&server, "POST", "/api/v1/backups/trial", &Value::Null);
    assert_eq!(tried["usable"], true, "{tried}");
    let made = job(&server, "backup", &Value::Null);
    let backup = &made["result"]["backup"];
    assert_eq!((&backup["remote"], &backup["verified"]), (&json!(true), &json!(true)), "{made}");
    let name = backup["name"].as_str().unwrap();
    let here = fs::read(server.data().join("backups").join(name)).unwrap();
    assert_eq!(fs::read(other.join(name)).unwrap(), here);

    // A place that is away makes no backup worse, and is told.
    fs::remove_dir_all(&other).unwrap();
    fs::write(&other, b"no folder").unwrap();
    let (_, tried) = ask(&server, "POST", "/api/v1/backups/trial", &Value::Null);
    assert!(tried["usable"] == false && tried["error"].is_string(), "{tried}");
    let made = job(&server, "backup", &Value::Null);
    assert_eq!(
        (&made["state"], &made["result"]["backup"]["remote"]),
        (&json!("succeeded"), &json!(false))
    );
    let hub = get(&server, "/admin/api/overview");
    let mut warnings = hub["warnings"].as_array().unwrap().iter();
    assert!(warnings.any(|it| it.as_str().unwrap().contains("other place")), "{hub}");
}

#[test]
fn names_lead_nowhere_but_into_the_folder() {
    let server = with_records();
    fs::write(server.data().join("outside.isobase"), "secret").unwrap();
    for name in
        ["..%2Foutside.isobase", "%2E%2E%2Foutside.isobase", ".isobase", "a.db", "x%00.isobase"]
    {
        let (status, answer) =
            ask(&server, "GET", &format!("/api/v1/backups/{name}"), &Value::Null);
        assert_eq!((status, &answer["code"]), (404, &json!("backup_not_found")), "{name}");
        let body = json!({ "backup": name.replace("%2F", "/").replace("%2E", ".") });
        let (status, _) = ask(&server, "POST", "/api/v1/jobs/verify", &body);
        assert_eq!(status, 404, "{name}");
    }
}

#[test]
fn a_copy_is_tried_made_and_compared() {
    let server = with_records();
    let path = server.folder().join("copy.db");
    let to = format!("sqlite://{}", path.display());
    let tried = job(&server, "copy", &json!({ "to": to, "dry_run": true }));
    assert_eq!((&tried["state"], &tried["result"]["refused"]), (&json!("succeeded"), &json!(0)));
    assert!(!path.exists(), "a dry run makes nothing");
    let copied = job(&server, "copy", &json!({ "to": to }));
    assert_eq!(copied["state"], "succeeded", "{copied}");
    let collections = copied["result"]["collections"].as_array().unwrap();
    let orders = collections.iter().find(|it| it["name"] == "orders").unwrap();
    assert_eq!(orders["documents"], 20, "{copied}");
    let other = TestServer::builder().records_url(&to).start().unwrap();
    assert_eq!(get(&other, "/records/orders").as_array().unwrap().len(), 20);
    assert_eq!(get(&other, "/api/v1/jobs"), json!({ "jobs": [] }), "jobs stay where they were");
    drop(other);
    // What is there is not written over unless that is asked for.
    let refused = job(&server, "copy", &json!({ "to": to }));
    assert_eq!(refused["state"], "failed");
    assert!(refused["error"].as_str().unwrap().contains("not empty"), "{refused}");
}

#[test]
fn wrong_work_is_refused_before_it_begins() {
    let server = with_records();
    let own = format!("sqlite://{}", server.data().join("isobase.db").display());
    for to in [&*own, "http://127.0.0.1:1", "memory:", "nothing", "", "posgres://h/d"] {
        let (status, answer) = ask(&server, "POST", "/api/v1/jobs/copy", &json!({ "to": to }));
        assert_eq!((status, &answer["code"]), (422, &json!("invalid_body")), "{to}: {answer}");
        let detail = answer["detail"].as_str().unwrap();
        assert_eq!(detail.matches("to: ").count(), 1, "{detail}");
    }
    for (kind, body) in [
        ("copy", json!({})),
        ("copy", json!({ "to": "sqlite://x.db", "existing": "burn" })),
        ("copy", json!({ "to": "sqlite://x.db", "collections": [1] })),
        ("restore", json!({ "to": "sqlite://x.db" })),
    ] {
        let (status, answer) = ask(&server, "POST", &format!("/api/v1/jobs/{kind}"), &body);
        assert_eq!(status, 422, "{kind} {body}: {answer}");
    }
    assert_eq!(ask(&server, "GET", "/api/v1/jobs/none", &Value::Null).0, 404);
    assert_eq!(get(&server, "/api/v1/jobs"), json!({ "jobs": [] }));
    let swept = job(&server, "sweep", &Value::Null);
    let cancel = format!("/api/v1/jobs/{}/cancel", swept["id"].as_str().unwrap());
    let (status, answer) = ask(&server, "POST", &cancel, &Value::Null);
    assert_eq!((status, &answer["code"]), (409, &json!("job_state")));
}

/// A database server that takes connections and keeps silent.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let to = format!("postgres://me:hush@{}/app", listener.local_addr().unwrap());
    (listener, to)
}

#[test]
fn jobs_are_cancelled_or_interrupted_by_the_end_of_the_service() {
    let mut server = with_records();
    let (_listener, to) = silent();
    let begin = |server: &TestServer| {
        let (status, begun) = ask(server, "POST", "/api/v1/jobs/copy", &json!({ "to": to }));
        assert_eq!(status, 202, "{begun}");
        assert!(!begun.to_string().contains("hush"), "{begun}");
        let one = format!("/api/v1/jobs/{}", begun["id"].as_str().unwrap());
        until(server, &one, |job| job["state"] == "running");
        one
    };
    let one = begin(&server);
    assert_eq!(ask(&server, "POST", &format!("{one}/cancel"), &Value::Null).0, 202);
    until(&server, &one, |job| job["state"] == "cancelled");

    let other = begin(&server);
    server.terminate().unwrap();
    server.start_again().unwrap();
    assert_eq!(get(&server, &other)["state"], "interrupted");
    assert_eq!(get(&server, &one)["state"], "cancelled");
    assert!(!get(&server, "/api/v1/jobs").to_string().contains("hush"));
}

#[test]
fn the_schedule_makes_backups_and_keeps_some() {
    let server = TestServer::builder()
        .env("ISOBASE_BACKUPS_EVERY", "1h")
        .env("ISOBASE_BACKUPS_KEEP", "2")
        .start()
        .unwrap();
    let found = until(&server, "/api/v1/backups", |it| it["backups"][0]["verified"] == true);
    assert_eq!(
        (&found["every_s"], &found["backups"][0]["scheduled"]),
        (&json!(3600), &json!(true))
    );
    let hub = get(&server, "/admin/api/overview");
    assert!(hub["backups"]["last_good_at"].is_string(), "{hub}");
    let metrics = server.request("GET", "/metrics", &[], b"").unwrap();
    assert!(metrics.text().contains("isobase_store_backups_failed 0"), "{}", metrics.text());
}

#[test]
fn the_command_makes_and_lists_backups() {
    let server = with_records();
    let run = |arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_isobase"));
        let output =
            command.current_dir(server.folder()).args(arguments).arg("--data").arg(server.data());
        let output = output.output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        text
    };
    // Beside the service that holds the file.
    let made = run(&["backup", "now"]);
    assert!(made.contains("verified") && made.contains("documents"), "{made}");
    let listed = run(&["backup", "list"]);
    assert_eq!(listed.lines().count(), 1, "{listed}");
    let json: Value = serde_json::from_str(&run(&["backup", "list", "--json"])).unwrap();
    assert_eq!(json["backups"], get(&server, "/api/v1/backups")["backups"]);
}

#[test]
fn the_same_request_begins_one_job() {
    let server = with_records();
    let begin = |kind: &str, key: &str, body: &str| {
        let headers = [("content-type", "application/json"), ("idempotency-key", key)];
        let path = format!("/api/v1/jobs/{kind}");
        let reply = server.request("POST", &path, &headers, body.as_bytes()).unwrap();
        (reply.status, reply.json().unwrap(), reply.header("idempotency-replayed").is_some())
    };
    let both = thread::scope(|scope| {
        let asking: Vec<_> = (0..8).map(|_| scope.spawn(|| begin("backup", "one", ""))).collect();
        asking.into_iter().map(|it| it.join().unwrap()).collect::<Vec<_>>()
    });
    let ids: std::collections::BTreeSet<_> =
        both.iter().map(|(_, job, _)| job["id"].as_str().unwrap().to_owned()).collect();
    assert_eq!(ids.len(), 1, "{both:?}");
    assert_eq!(both.iter().filter(|(_, _, again)| !again).count(), 1, "{both:?}");
    assert!(both.iter().all(|(status, ..)| *status == 202), "{both:?}");
    assert_ne!(begin("backup", "two", "").1["id"], both[0].1["id"]);
    assert_eq!(get(&server, "/api/v1/jobs?kind=backup")["jobs"].as_array().unwrap().len(), 2);
    // What it says must be the same, too.
    begin("audit", "three", "{}");
    let other = begin("audit", "three", r#"{"expect":null}"#);
    assert_eq!((other.0, &other.1["code"]), (422, &json!("idempotency_mismatch")), "{other:?}");
    assert_eq!(begin("sweep", "a b", "").1["code"], "invalid_header");
}

#[test]
fn encrypted_backups_are_verified_restored_and_of_no_use_without_their_passphrase() {
    let mut server = TestServer::builder()
        .env("ISOBASE_BACKUPS_PASSPHRASE", "correct horse battery")
        .start()
        .unwrap();
    ask(&server, "POST", "/records/orders", &json!({ "n": "a secret of ours" }));
    let made = job(&server, "backup", &Value::Null);
    assert_eq!(made["state"], "succeeded", "{made}");
    let backup = &made["result"]["backup"];
    assert_eq!((&backup["encrypted"], &backup["verified"]), (&json!(true), &json!(true)));
    let name = backup["name"].as_str().unwrap();
    let path = server.data().join("backups").join(name);
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"age-encryption.org/v1"));
    let to = format!("sqlite://{}", server.folder().join("restored.db").display());
    let restored = job(&server, "restore", &json!({ "backup": name, "to": to }));
    assert_eq!(restored["state"], "succeeded", "{restored}");
    let verified = job(&server, "verify", &json!({ "backup": name, "restore": true }));
    assert_eq!(verified["state"], "succeeded", "{verified}");

    // A service that was not given it says so, and does not call the backup bad.
    assert!(server.terminate().unwrap().success());
    let other = TestServer::builder().data(server.data()).start().unwrap();
    let failed = job(&other, "verify", &json!({ "backup": name }));
    assert!(failed["error"].as_str().unwrap().contains("passphrase"), "{failed}");
    assert_eq!(get(&other, "/api/v1/backups")["backups"][0]["verified"], true);
}

#[test]
fn a_restore_that_was_killed_is_ended_by_the_same_job() {
    let mut server = TestServer::start().unwrap();
    let lines: String = (0..20_000).fold(String::new(), |lines, n| {
        format!("{lines}{{\"n\":{n},\"text\":\"{}\"}}\n", "x".repeat(100))
    });
    let headers = [("content-type", "application/x-ndjson")];
    let loaded = server.request("POST", "/records/orders", &headers, lines.as_bytes()).unwrap();
    assert!(loaded.status < 300, "{}", loaded.text());
    let made = job(&server, "backup", &Value::Null);
    let name = made["result"]["backup"]["name"].as_str().unwrap();
    let to = format!("sqlite://{}", server.folder().join("restored.db").display());
    let body = json!({ "backup": name, "to": to });
    let (status, begun) = ask(&server, "POST", "/api/v1/jobs/restore", &body);
    assert_eq!(status, 202, "{begun}");
    let path = format!("/api/v1/jobs/{}", begun["id"].as_str().unwrap());
    until(&server, &path, |job| {
        job["progress"]["documents"].as_u64() > Some(0) || job["ended_at"].is_string()
    });
    server.kill().unwrap();
    server.start_again().unwrap();
    // It may have been done in the moment before the kill.
    let again = job(&server, "restore", &body);
    let was_done = again["error"].as_str().is_some_and(|error| error.contains("not empty"));
    assert!(again["state"] == "succeeded" || was_done, "{again}");
    let other = TestServer::builder().records_url(&to).start().unwrap();
    let page = other.request("GET", "/records/orders?limit=1&count=exact", &[], b"").unwrap();
    assert_eq!(page.header("x-total-count"), Some("20000"), "{}", page.text());
}

#[test]
fn a_file_is_imported_once_also_by_a_service_that_is_killed() {
    const RECORDS: u64 = 20_000;
    let mut server = TestServer::start().unwrap();
    let text: String = (0..RECORDS).map(|n| format!("{{\"n\":{n}}}\n")).collect();
    let text = format!("{text}\nno record\n");
    let sent =
        server.request("POST", "/api/v1/imports?name=a.ndjson", &[], text.as_bytes()).unwrap();
    assert_eq!(sent.status, 201, "{}", sent.text());
    let file = sent.json().unwrap()["id"].as_str().unwrap().to_owned();
    let asked = json!({ "file": file, "collection": "many", "skip_bad": true });
    let (status, begun) = ask(&server, "POST", "/api/v1/jobs/import", &asked);
    assert_eq!(status, 202, "{begun}");
    let path = format!("/api/v1/jobs/{}", begun["id"].as_str().unwrap());
    until(&server, &path, |job| {
        job["progress"]["documents"].as_u64() > Some(0) || job["ended_at"].is_string()
    });
    server.kill().unwrap();
    server.start_again().unwrap();
    for _ in 0..2 {
        let ended = job(&server, "import", &asked);
        assert_eq!(ended["state"], "succeeded", "{ended}");
        let result = &ended["result"];
        let stored = result["new"].as_u64().unwrap() + result["already_there"].as_u64().unwrap();
        assert_eq!((stored, &result["refused"]), (RECORDS, &json!(1)), "{ended}");
        assert_eq!(result["refusals"][0]["line"], json!(RECORDS + 2));
        let page = get(&server, "/records/many?limit=1&count=exact&meta=true");
        assert_eq!(page["total"], json!(RECORDS));
    }
    server.terminate().unwrap();
}
