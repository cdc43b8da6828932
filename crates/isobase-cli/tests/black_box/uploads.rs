//! Uploaded files travel with their database, by every command and by jobs.

use std::{
    collections::BTreeMap,
    fs,
    io::Write,
    net::TcpStream,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, SystemTime},
};

use isobase_testkit::{ForeignDatabase, TestServer, postgres_url, unique_name, wait_until};
use serde_json::json;

use super::command::{App, command};

const PATIENCE: Duration = Duration::from_secs(60);

fn form(bytes: &[u8]) -> Vec<u8> {
    let head = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.bin\"\r\n\r\n";
    [head.as_bytes(), bytes, b"\r\n--b--\r\n"].concat()
}

/// Uploads a file; gives its name.
pub(super) fn upload(server: &TestServer, bytes: &[u8]) -> String {
    let multipart = [("content-type", "multipart/form-data; boundary=b")];
    let sent = server.request("POST", "/api/upload", &multipart, &form(bytes)).unwrap();
    assert_eq!(sent.status, 200, "{}", sent.text());
    sent.json().unwrap()["filename"].as_str().unwrap().to_owned()
}

fn bytes(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|at| (at * (number + 3) % 251) as u8).collect()
}

/// The files of a folder, without folders.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).into_iter().flatten().map(Result::unwrap);
    let files = entries.filter(|entry| entry.path().is_file());
    files.map(|it| (it.file_name().into_string().unwrap(), fs::read(it.path()).unwrap())).collect()
}

/// An app folder with some files in it; no one serves it any more.
fn app_with_files(app: &App, name: &str, count: usize, length: usize) -> Vec<String> {
    app.run(&["new", name, "--template", "empty"]).ok();
    let mut server =
        TestServer::builder().data(app.path().join(name).join("data")).start().unwrap();
    let names = (0..count).map(|number| upload(&server, &bytes(number, length))).collect();
    server.terminate().unwrap();
    names
}

#[test]
fn an_upload_that_was_killed_leaves_nothing_that_stays() {
    let mut server = TestServer::start().unwrap();
    let partial = server.data().join("uploads/.partial");
    let whole = form(&bytes(0, 4 << 20));
    let head = format!(
        "POST /api/upload HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\
         content-type: multipart/form-data; boundary=b\r\n\r\n",
        whole.len()
    );
    let mut sending = TcpStream::connect(server.address()).unwrap();
    sending.write_all(head.as_bytes()).unwrap();
    sending.write_all(&whole[..2 << 20]).unwrap();
    wait_until("a part is on the disk", PATIENCE, || {
        Ok(files(&partial).values().any(|it| !it.is_empty()).then_some(()))
    })
    .unwrap();
    server.kill().unwrap();
    let left = fs::read_dir(&partial).unwrap().next().unwrap().unwrap().path();
    // It may be another process's for a day.
    let day_before = SystemTime::now() - Duration::from_secs(25 * 3_600);
    fs::File::options().write(true).open(&left).unwrap().set_modified(day_before).unwrap();
    server.start_again().unwrap();
    let name = upload(&server, b"whole");
    assert_eq!(files(&server.data().join("uploads")).into_keys().collect::<Vec<_>>(), [name]);
    assert!(files(&partial).is_empty(), "{}", left.display());
}

#[test]
fn a_copy_of_an_app_folder_takes_its_files() {
    let app = App::new();
    let names = app_with_files(&app, "one", 4, 300_000);
    app.run(&["new", "two", "--template", "empty"]).ok();
    let uploads = |name: &str| app.path().join(name).join("data/uploads");
    // One was lost, and one was damaged on its disk.
    fs::remove_file(uploads("one").join(&names[0])).unwrap();
    fs::write(uploads("one").join(&names[1]), "other").unwrap();
    let tried = app.run(&["copy", "one", "two", "--dry-run"]);
    assert!(tried.err.contains(&names[0]), "{tried:?}");
    tried.ok();
    assert!(!uploads("two").exists());
    let copied = app.run(&["copy", "one", "two", "--report", "report.json"]);
    for part in [
        &format!("the file {} is told of and is not there", names[0]),
        &format!("the file {} has other bytes", names[1]),
        "uploaded files: 2 (600,000 bytes)",
    ] {
        assert!(copied.err.contains(part), "{part:?} is not in {copied:?}");
    }
    copied.ok();
    let report: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(app.path().join("report.json")).unwrap()).unwrap();
    assert_eq!(report["files"]["missing_names"], json!([names[0]]));
    let there = files(&uploads("two"));
    assert_eq!(there.keys().collect::<Vec<_>>().len(), 2);
    assert!(names[2..].iter().all(|name| there[name] == files(&uploads("one"))[name]));

    app.run(&["new", "three", "--template", "empty"]).ok();
    app.run(&["copy", "one", "three", "--without-files"]).ok();
    assert!(!uploads("three").exists());
    // What travels without what tells of it is of no use.
    app.run(&["new", "four", "--template", "empty"]).ok();
    app.run(&["copy", "one", "four", "--without-system"]).ok();
    assert!(!uploads("four").exists());
    app.run(&["copy", "one", "four", "--to-uploads", "http://x"]).fails(2, &["--to-uploads"]);
}

#[test]
fn an_archive_has_files_and_puts_them_back() {
    let app = App::new();
    let names = app_with_files(&app, "one", 3, 200_000);
    let dumped = app.run(&["dump", "all.isobase", "--app", "one"]);
    assert!(dumped.err.contains("uploaded files: 3 (600,000 bytes)"), "{dumped:?}");
    dumped.ok();
    let verified = app.run(&["verify", "all.isobase"]);
    assert!(verified.err.contains(" and 3 files"), "{verified:?}");
    let restored = app.run(&["restore", "all.isobase", "--url", "sqlite://new/isobase.db"]);
    restored.ok();
    let server = TestServer::builder().data(app.path().join("new")).start().unwrap();
    for (number, name) in names.iter().enumerate() {
        let read = server.request("GET", &format!("/uploads/{name}"), &[], b"").unwrap();
        assert!(read.status == 200 && read.body == bytes(number, 200_000), "{name}");
    }
    // To another folder, and to none.
    let more = ["restore", "all.isobase", "--url", "sqlite://more/isobase.db"];
    app.run(&[&more[..], &["--uploads", "elsewhere"]].concat()).ok();
    assert_eq!(files(&app.path().join("elsewhere")).len(), 3);
    assert!(!app.path().join("more/uploads").exists());
    let without = ["restore", "all.isobase", "--url", "sqlite://less/isobase.db"];
    let without = app.run(&[&without[..], &["--without-files"]].concat());
    assert!(without.err.contains("left out: 3 uploaded files of the archive"), "{without:?}");
    without.ok();
    // A damaged one is not used.
    let mut archive = fs::read(app.path().join("all.isobase")).unwrap();
    let middle = archive.len() / 2;
    archive[middle] ^= 1;
    fs::write(app.path().join("bad.isobase"), archive).unwrap();
    let bad = ["restore", "bad.isobase", "--url", "sqlite://bad/isobase.db"];
    app.run(&bad).fails(1, &["bad.isobase", "near byte"]);
    assert!(!app.path().join("bad/uploads").exists());
}

/// Killed while it copies files, it goes on with those that are not there.
#[test]
fn a_copy_that_was_killed_at_its_files_goes_on() {
    let app = App::new();
    app_with_files(&app, "one", 60, 400_000);
    app.run(&["new", "two", "--template", "empty"]).ok();
    let uploads = |name: &str| app.path().join(name).join("data/uploads");
    // The same command, whether or not the kill comes too late.
    let arguments = ["copy", "one", "two", "--overwrite"];
    let mut copying: Command = command(app.path());
    copying.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
    let mut copying = copying.spawn().unwrap();
    wait_until("the first file", PATIENCE, || {
        let is_over = copying.try_wait()?.is_some();
        Ok((is_over || !files(&uploads("two")).is_empty()).then_some(()))
    })
    .unwrap();
    copying.kill().unwrap();
    copying.wait().unwrap();
    app.run(&arguments).ok();
    assert_eq!(files(&uploads("two")), files(&uploads("one")));
}

/// The running service does the same.
#[test]
fn jobs_take_files_along() {
    let app = App::new();
    let server = TestServer::builder().data(app.path().join("data")).start().unwrap();
    let name = upload(&server, &bytes(1, 100_000));
    let run = |path: &str, body: serde_json::Value| {
        let headers = [("content-type", "application/json")];
        let path = format!("/api/v1/jobs/{path}");
        let begun = server.request("POST", &path, &headers, body.to_string().as_bytes()).unwrap();
        assert_eq!(begun.status, 202, "{}", begun.text());
        let id = begun.json().unwrap()["id"].as_str().unwrap().to_owned();
        wait_until("the job", PATIENCE, || {
            let job = server.request("GET", &format!("/api/v1/jobs/{id}"), &[], b"")?;
            let job = job.json()?;
            assert_ne!(job["state"], "failed", "{job}");
            Ok((job["state"] == "succeeded").then(|| job["result"].clone()))
        })
        .unwrap()
    };
    let copy = app.path().join("copy");
    fs::create_dir(&copy).unwrap();
    let url = format!("sqlite://{}", copy.join("isobase.db").display());
    let report = run("copy", json!({ "to": url }));
    assert_eq!(report["files"]["written"], 1, "{report}");
    assert_eq!(files(&copy.join("uploads"))[&name], bytes(1, 100_000));

    let backup = run("backup", json!({}));
    let backup = backup["backup"]["name"].as_str().unwrap().to_owned();
    let back = app.path().join("back");
    fs::create_dir(&back).unwrap();
    let url = format!("sqlite://{}", back.join("isobase.db").display());
    let report = run("restore", json!({ "backup": backup, "to": url }));
    assert_eq!(report["files"]["written"], 1, "{report}");
    assert_eq!(files(&back.join("uploads"))[&name], bytes(1, 100_000));
}

const LETTERS: &str = r#"
[collections.letters]
fields.by = "integer"
fields.cover = "file"
fields.seal = { type = "file", private = true }
fields.scans = { type = "file", many = true, private = true }
rules = { list = "by = @user.id", view = "by = @user.id", create = true, update = "by = @user.id", delete = "by = @user.id" }
[uploads]
unused_for = "1h"
"#;
const KEY: &str = "the-key-of-this-test";

/// What somebody sends to be known.
struct Who(&'static str, String);

/// Files of documents, as people and programs use them.
fn check_file_fields(url: &str, variables: &[(&'static str, String)]) {
    let app = App::new();
    let settings = app.write("isobase.toml", LETTERS);
    let mut builder = TestServer::builder().records_url(url).env("INTERNAL_API_KEY", KEY);
    for (name, value) in variables {
        builder = builder.env(*name, value);
    }
    let mut server = builder.arg("--config").arg(settings).start().unwrap();
    let key = || Who("x-api-key", KEY.to_owned());
    let ask =
        |server: &TestServer, method: &str, path: &str, who: &Who, body: serde_json::Value| {
            let headers = [("content-type", "application/json"), (who.0, &*who.1)];
            let body = if body.is_null() { String::new() } else { body.to_string() };
            let answer = server.request(method, path, &headers, body.as_bytes()).unwrap();
            (answer.status, answer.json().unwrap_or_default())
        };
    let account = |name: &str| {
        let body = json!({ "username": name, "password": "correct horse" });
        let (_, made) = ask(&server, "POST", "/api/register", &Who("x-nobody", "1".into()), body);
        let body = json!({ "username": name, "password": "correct horse" });
        let (_, begun) = ask(&server, "POST", "/api/sessions", &Who("x-nobody", "1".into()), body);
        let token = begun["token"].as_str().unwrap_or_else(|| panic!("{begun}")).to_owned();
        (made["id"].clone(), Who("authorization", format!("Bearer {token}")))
    };
    let ((ann, as_ann), (_, as_carl)) = (account("ann"), account("carl"));
    let file = |who: &Who, text: &str| {
        let headers = [("content-type", "multipart/form-data; boundary=b"), (who.0, &*who.1)];
        let sent = server.request("POST", "/api/upload", &headers, &form(text.as_bytes())).unwrap();
        sent.json().unwrap()["filename"].as_str().unwrap().to_owned()
    };
    let (cover, seal) = (file(&key(), "cover"), file(&key(), "seal"));
    let (scan, of_carl) = (file(&key(), "scan"), file(&as_carl, "carl's"));
    let mine = json!({ "by": ann, "cover": of_carl });
    let (status, refused) = ask(&server, "POST", "/api/letters", &as_ann, mine);
    assert_eq!((status, &refused["code"]), (422, &json!("schema_violation")), "{url}");
    let letter = json!({
        "by": ann, "cover": cover, "seal": format!("/uploads/{seal}"), "scans": [scan],
    });
    let (status, made) = ask(&server, "POST", "/api/letters", &key(), letter);
    assert_eq!(status, 200, "{url}: {made}");
    let read = |server: &TestServer, name: &str, who: &Who| {
        ask(server, "GET", &format!("/uploads/{name}"), who, json!(null)).0
    };
    for (name, carl) in [(&cover, 200), (&seal, 404), (&scan, 404)] {
        assert_eq!(read(&server, name, &as_ann), 200, "{url}: {name}");
        assert_eq!(read(&server, name, &as_carl), carl, "{url}: {name}");
        assert_eq!(read(&server, name, &Who("x-nobody", "1".into())), carl, "{url}: {name}");
    }
    // What nothing names any more stays for a while, and another document may name it.
    let sweep = |server: &TestServer| {
        let (status, swept) = ask(server, "POST", "/api/v1/uploads/sweep", &key(), json!(null));
        assert_eq!(status, 200, "{url}: {swept}");
        swept["deleted"].as_u64().unwrap()
    };
    let rested = file(&key(), "rested");
    for _ in 0..2 {
        let (status, made) =
            ask(&server, "POST", "/api/letters", &key(), json!({ "by": ann, "cover": rested }));
        assert_eq!((status, sweep(&server)), (200, 0), "{url}: {made}");
        let path = format!("/api/letters/{}", made["id"]);
        assert_eq!(ask(&server, "DELETE", &path, &as_ann, json!(null)).0, 200, "{url}");
        assert_eq!((sweep(&server), sweep(&server)), (0, 0), "{url}");
        assert_eq!(read(&server, &rested, &key()), 200, "{url}");
    }
    // A link shows it, also after a restart.
    let link = format!("/api/upload/{scan}/link?expires_in=600");
    assert_eq!(ask(&server, "POST", &link, &as_carl, json!(null)).0, 404, "{url}");
    let (_, linked) = ask(&server, "POST", &link, &as_ann, json!(null));
    let linked = linked["url"].as_str().unwrap().to_owned();
    server.kill().unwrap();
    app.write("isobase.toml", &LETTERS.replace("1h", "0s"));
    server.start_again().unwrap();
    assert_eq!(server.request("GET", &linked, &[], b"").unwrap().text(), "scan", "{url}");
    assert_eq!(read(&server, &scan, &as_carl), 404, "{url}");
    // Then it goes.
    assert_eq!((sweep(&server), sweep(&server)), (1, 0), "{url}");
    assert_eq!(read(&server, &rested, &key()), 404, "{url}");
    let path = format!("/api/letters/{}", made["id"]);
    let changed = ask(&server, "PATCH", &path, &as_ann, json!({ "scans": [], "seal": null }));
    assert_eq!(changed.0, 200, "{url}: {}", changed.1);
    assert_eq!((sweep(&server), read(&server, &scan, &key())), (2, 404), "{url}");
    assert_eq!(ask(&server, "DELETE", &path, &as_ann, json!(null)).0, 200, "{url}");
    assert_eq!((sweep(&server), sweep(&server)), (1, 0), "{url}");
    // No document has ever named it.
    assert_eq!(read(&server, &of_carl, &as_ann), 200, "{url}");
}

#[test]
fn documents_name_files_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    check_file_fields(&format!("sqlite://{}", folder.path().join("it.db").display()), &[]);
}

#[test]
fn documents_name_files_on_postgres() {
    let Some(url) = postgres_url() else { return };
    let separator = if url.contains('?') { '&' } else { '?' };
    check_file_fields(&format!("{url}{separator}schema={}", unique_name("files")), &[]);
}

#[test]
fn documents_name_files_on_document_databases() {
    for database in ForeignDatabase::all("files") {
        check_file_fields(&database.url(), &database.credentials());
    }
}
