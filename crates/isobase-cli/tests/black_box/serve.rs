use std::{
    fs::{self, File},
    io::{self, BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    process::{Child, Command, Stdio},
    time::Duration,
};

use isobase_testkit::{ReservedPort, Signal, TestServer, http, wait_for_exit, wait_until};
use rustix::process::{Pid, kill_process};
use serde_json::Value;

use super::command::{App, command};

#[test]
fn serves_until_told_to_stop() {
    let mut server = TestServer::start().unwrap();
    let json = [("content-type", "application/json")];
    let created = server.request("POST", "/records/test", &json, b"{\"a\":1}").unwrap();
    assert_eq!(created.status, 201);
    assert!(server.terminate().unwrap().success(), "{}", server.log());
    server.start_again().unwrap();
    let listed = server.request("GET", "/records/test", &[], b"").unwrap();
    assert_eq!(listed.text(), "[{\"a\":1,\"id\":1}]");
}

#[test]
fn says_what_it_serves_where_and_to_whom() {
    let server = TestServer::start().unwrap();
    let log = server.log();
    let file = server.data().join("isobase.db");
    for part in [&server.url(), "open: ", "/docs", file.to_str().unwrap()] {
        assert!(log.contains(part), "{part:?} is not in {log}");
    }
}

#[test]
fn an_interrupt_stops_it_too() {
    let mut server = TestServer::start().unwrap();
    server.signal(Signal::INT).unwrap();
    assert!(server.wait().unwrap().success());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = TestServer::start().unwrap();
    // A request whose body never comes keeps the service from ending by itself, once it is read:
    // the service says so by asking for the body.
    let mut open = server.connect().unwrap();
    let head = "POST /records/a HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\n\
                content-length: 9\r\nexpect: 100-continue\r\n\r\n";
    open.send(head.as_bytes()).unwrap();
    let asked = open.read_part().unwrap();
    assert!(asked.starts_with(b"HTTP/1.1 100 "), "{}", String::from_utf8_lossy(&asked));
    server.signal(Signal::TERM).unwrap();
    wait_until("the stop", Duration::from_secs(10), || {
        Ok(server.log().contains("stopping").then_some(()))
    })
    .unwrap();
    server.signal(Signal::TERM).unwrap();
    assert_eq!(server.wait().unwrap().code(), Some(130));
}

#[test]
fn a_free_port_is_printed() {
    let app = App::new();
    let mut child = command(app.path())
        .args(["serve", "--port", "0", "--json"])
        .env("RECORDS_URL", "memory:")
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    child.kill().unwrap();
    child.wait().unwrap();
    let said: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(said["event"], "serving");
    assert_eq!(said["engine"], "memory");
    assert!(!said["url"].as_str().unwrap().ends_with(":0"), "{said}");
}

#[test]
fn refuses_to_be_open_beyond_this_machine() {
    let app = App::new();
    let serve = ["serve", "--host", "0.0.0.0", "--port", "0"];
    app.run(&serve).fails(2, &["INTERNAL_API_KEY", "--open", "isobase key create"]);
}

#[test]
fn a_port_in_use_is_named_with_a_way_out() {
    let app = App::new();
    let port = ReservedPort::new().unwrap();
    let _listener = TcpListener::bind(port.address()).unwrap();
    let number = port.port().to_string();
    let said = app.run(&["serve", "--port", &number]);
    said.fails(1, &[&format!("error: port {number} on 127.0.0.1 is in use"), "hint: ", "--port"]);
}

#[test]
fn a_folder_that_is_served_is_refused_with_its_address() {
    let server = TestServer::start().unwrap();
    let data = server.data().to_str().unwrap().to_owned();
    let said = App::new().run(&["serve", "--port", "0", "--data", &data]);
    said.fails(1, &["is in use", &server.url()]);
}

#[test]
fn what_cannot_be_opened_is_named() {
    let app = App::new();
    let file = app.write("text.db", &"not a database ".repeat(100));
    let url = format!("sqlite://{}", file.display());
    app.run_with(&["serve"], &[("RECORDS_URL", &url)]).fails(1, &["text.db"]);
    app.run(&["serve", "missing"]).fails(2, &["there is no folder missing"]);
    app.run_with(&["serve"], &[("RECORDS_URL", "couchdb:h")]).fails(2, &["expected couchdb://"]);
}

/// A service whose standard error is what a caller makes of it.
struct Heard {
    folder: tempfile::TempDir,
    child: Child,
    address: SocketAddr,
}

impl Heard {
    fn start(errors: Stdio, log: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Anyone who starts the tests may ignore SIGHUP, and the service would too.
        let mut child = Command::new("env")
            .args(["-i", "--default-signal=HUP", env!("CARGO_BIN_EXE_isobase")])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .args(["serve", "--json", "--port", "0", "--log", log])
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.as_mut().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let told: serde_json::Value = serde_json::from_str(&line).unwrap();
        let address = told["url"].as_str().unwrap().strip_prefix("http://").unwrap();
        Self { folder, child, address: address.parse().unwrap() }
    }

    /// It answers what it carries out, and stops when it is told to.
    fn answers_and_stops(mut self, writes: usize, signal: Signal) {
        for n in 0..writes {
            let json = [("content-type", "application/json")];
            let body = format!("{{\"n\":{n}}}");
            let answer = http::request(self.address, "POST", "/records/c", &json, body.as_bytes());
            assert_eq!(answer.unwrap().status, 201);
        }
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        let ended = wait_for_exit("the service", &mut self.child, Duration::from_secs(20)).unwrap();
        assert_eq!(ended.code(), Some(0));
        assert!(!self.folder.path().join("data/isobase.db-wal").exists());
    }
}

#[test]
fn a_service_that_nobody_listens_to_goes_on_and_stops() {
    // No one reads any more.
    for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
        let (reader, writer) = io::pipe().unwrap();
        let service = Heard::start(writer.into(), "trace");
        drop(reader);
        service.answers_and_stops(3, signal);
    }
    // There is no room for the log.
    let full = File::options().write(true).open("/dev/full").unwrap();
    Heard::start(full.into(), "trace").answers_and_stops(3, Signal::TERM);
    // Somebody has stopped reading: the pipe is full after 64 KiB.
    let (reader, writer) = io::pipe().unwrap();
    Heard::start(writer.into(), "trace").answers_and_stops(200, Signal::TERM);
    drop(reader);
}

#[test]
fn a_port_in_use_leaves_nothing_behind() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    let app = App::new();
    app.run(&["serve", "--port", &port]).fails(1, &["is in use by another program"]);
    assert_eq!(fs::read_dir(app.path()).unwrap().count(), 0);
}

#[test]
fn a_database_that_was_deleted_takes_no_more_writes() {
    let mut server = TestServer::start().unwrap();
    let json = [("content-type", "application/json")];
    let create = |server: &TestServer| server.request("POST", "/records/c", &json, b"{}").unwrap();
    assert_eq!(create(&server).status, 201);
    fs::remove_dir_all(server.data()).unwrap();
    assert_eq!(create(&server).status, 503);
    let ready = server.request("GET", "/readyz", &[], b"").unwrap();
    assert_eq!(ready.status, 503);
    assert!(ready.text().contains("isobase.db was deleted or replaced"), "{}", ready.text());
    assert_eq!(server.request("GET", "/records/c/1", &[], b"").unwrap().status, 200);
    assert_eq!(server.terminate().unwrap().code(), Some(1), "{}", server.log());
}

#[test]
fn a_file_of_another_program_is_refused_and_left_alone() {
    let app = App::new();
    let path = app.path().join("other.db");
    let other = rusqlite::Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE records (id INTEGER PRIMARY KEY, data TEXT)").unwrap();
    drop(other);
    let before = fs::read(&path).unwrap();
    let said = app.run_with(&["serve"], &[("DATABASE_URL", "sqlite://other.db")]);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    said.fails(1, &["other.db belongs to another program"]);
    assert!(before == fs::read(&path).unwrap());
    for end in ["db.lock", "db-wal", "db-shm", "db-journal"] {
        assert!(!path.with_extension(end).exists(), "{end}");
    }
}

/// From route to storage: spans, which are off unless the log is told of them.
#[test]
fn a_request_is_followed_to_the_engine() {
    let log = "warn,isobase_http=debug,isobase_store=debug";
    let server = TestServer::builder().arg("--log").arg(log).start().unwrap();
    let answer = server.request("GET", "/records/c?limit=1", &[], b"").unwrap();
    let id = answer.header("x-request-id").unwrap().to_owned();
    let followed = || {
        let log = server.log();
        let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let of_request: Vec<Value> = lines.filter(|line| line.to_string().contains(&id)).collect();
        let engine = of_request.iter().any(|line| {
            let spans = line["spans"].as_array().into_iter().flatten();
            spans.clone().any(|span| span["operation"] == "list_records")
                && line.to_string().contains("\"call\":\"list\"")
        });
        Ok(engine.then_some(()))
    };
    wait_until("the spans of the request", Duration::from_secs(20), followed).unwrap();
    let quiet = TestServer::start().unwrap();
    quiet.request("GET", "/records/c?limit=1", &[], b"").unwrap();
    assert!(!quiet.log().contains("list_records"), "{}", quiet.log());
}
